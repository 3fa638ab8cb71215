"""A pipeline of the service, carried out by the process that asks for it: what ``ray job submit`` runs on a cluster.

ray job submit -- python -m pipelines.submit --user EMAIL SYNTHETIC [--reference TABLE] [--repair]

It is a job like any other: the service's database has it, the API shows it, it is held under a lease, and where this
process dies the service's workers take it up from its finished stages. The settings are those of the service,
``SYNTHOS_…``: whoever has them may act for any account.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipelines.stopping import stop_on_signals
from synthos.errors import ConfigError, SourceError, SynthosError
from synthos.server.accounts.repository import by_email
from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.datasets import keeping
from synthos.server.datasets.formats import ENDINGS, ending_of
from synthos.server.db.database import AWAY, Tenant
from synthos.server.db.migrate import is_current
from synthos.server.jobs.children import launching
from synthos.server.jobs.claiming import claim_job
from synthos.server.jobs.folders import worker_folder
from synthos.server.jobs.machine import Watch
from synthos.server.jobs.queue import ask_cancel
from synthos.server.jobs.runner import Runner
from synthos.server.pipelines import service
from synthos.server.pipelines.schemas import CreateFullPipeline, CreatePipeline
from synthos.server.settings import Settings
from synthos.server.state import Services, build
from synthos.server.telemetry import configure_logs
from synthos.server.validations.service import ROLES

#: Seconds in which the job is this process's to take; then it is any worker's.
RESERVED = 30.0
#: Exit codes.
DONE, FAILED, REFUSED, CANCELLED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return _done(asked)
    except AWAY:
        said = "the database does not answer; what was queued is carried out by the service's workers"
        sys.stderr.write(f"error: {said}\n")
        return FAILED


def _done(asked: argparse.Namespace) -> int:
    """Queue the pipeline and carry it out; the exit code."""
    try:
        settings = Settings.load(asked.config)
        configure_logs(settings.log_level)
        services = build(settings)
        if not is_current(services.database):
            raise ConfigError("the database is of another version", fix="start the service, which brings it there")
        principal = _principal(services, asked.user)
        made = _asked_for(services, principal, asked)
    except (SynthosError, ValidationError) as error:
        sys.stderr.write(f"error: {error}\n")
        return REFUSED
    sys.stdout.write(json.dumps({"pipeline_id": made.id, "job_id": made.job_id, "validation_id": made.validation_id}))
    sys.stdout.write("\n")
    sys.stdout.flush()
    _carry_out(services, principal.tenant, made.job_id, asked.config)
    return _told(services, principal, made.id)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.submit", description="carries a pipeline out itself")
    parser.add_argument("synthetic", help="a dataset of the service (ds_…), or a file that this process can read")
    parser.add_argument("--reference", help="what it was made from")
    parser.add_argument("--holdout", help="real rows that its generator never saw")
    parser.add_argument("--user", required=True, metavar="EMAIL", help="the account whose job it is")
    parser.add_argument("--quick", action="store_true", help="train no density models")
    parser.add_argument("--repair", action="store_true", help="repair the table, and judge it again")
    parser.add_argument("--seed", type=int, help="by default it comes from the tables' contents")
    config = os.environ.get("SYNTHOS_CONFIG")
    parser.add_argument("--config", type=Path, default=config, help="YAML file of settings; the environment wins")
    return parser


def _principal(services: Services, email: str) -> Principal:
    with services.database.read(None) as work:
        user = by_email(work, email.lower())
    if user is None or user.disabled_at is not None:
        raise ConfigError("there is no such account", where=email, fix="name one of synthos admin create-user")
    return Principal(user.id, user.company_id, user.tier)


def _asked_for(services: Services, principal: Principal, asked: argparse.Namespace) -> service.Asked:
    """Queue the pipeline. Files become datasets first."""
    named = {role: getattr(asked, role) for role in ROLES if getattr(asked, role) is not None}
    fields = {ROLES[role]: _dataset(services, principal, table) for role, table in named.items()}
    sent = {name for name, table in zip(fields.values(), named.values(), strict=True) if name != table}
    wish = {**fields, "validation_type": "quick" if asked.quick else "full", "options": {"seed": asked.seed}}
    body = (CreateFullPipeline if asked.repair else CreatePipeline).model_validate(wish)
    return service.create(
        services, principal, "full" if asked.repair else "validation", body, sent=sent, delay=RESERVED
    )


def _dataset(services: Services, principal: Principal, table: str) -> str:
    """The id of a dataset, made of a file where ``table`` names one; it is read by the pipeline, or expires."""
    if table.startswith("ds_") and not Path(table).exists():
        return table
    path = Path(table)
    ending = ending_of(path.name)
    if ending is None or not path.is_file():
        raise SourceError(
            "is no table that can be read", where=table, fix=f"name a file of {', '.join(sorted(ENDINGS))}"
        )
    tier = services.settings.tiers[principal.tier]
    with services.database.write(principal.tenant) as work:
        audit.begin(work)
        size = path.stat().st_size
        made = keeping.announce(services, work, tier, filename=path.name, file_type=ENDINGS[ending], size=size)
    keeping.put(services, principal.tenant, made, path)
    return made


def _carry_out(services: Services, tenant: Tenant, job_id: str, config: Path | None) -> None:
    """Run the job in a process of its own, under a lease that is kept; until it ends, or this process is to.

    SIGTERM and SIGINT call the job off: that is what ``ray job stop`` sends.
    """
    stopping = stop_on_signals()
    command = [sys.executable, "-m", "pipelines.worker", *(["--config", str(config)] if config else [])]

    def call_off() -> None:
        with services.database.write(tenant) as work:
            ask_cancel(work, job_id)

    with worker_folder() as folders:
        runner = Runner(services.database, services.settings, folders, (), launching(command), Watch())
        job = claim_job(services.database, tenant, job_id, runner.id, services.settings.lease_seconds)
        if job is not None:
            runner.run_one(job, stopping, call_off)


def _told(services: Services, principal: Principal, identifier: str) -> int:
    """Say how the pipeline stands; the exit code."""
    row, verdicts = service.show(services, principal, identifier)
    newest = verdicts.get(row.revalidation_id) or verdicts.get(row.validation_id)
    if row.status == "completed" and newest is not None:
        sys.stdout.write(f"{newest.decision}, risk {newest.risk_score:.1f}\n")
        return DONE
    reason = f": {row.error['detail']}" if row.error else ""
    sys.stderr.write(f"the pipeline is {row.status}{reason}\n")
    return CANCELLED if row.status == "cancelled" else FAILED


if __name__ == "__main__":
    sys.exit(main())
