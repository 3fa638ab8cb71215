"""A worker carries a validation out: the tables from the storage, the verdict into it, progress on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from sqlalchemy import Row, select
from structlog import get_logger

from synthos.errors import InputError, SourceError
from synthos.progress import Event
from synthos.reporting.html import render
from synthos.server.audit import log as audit
from synthos.server.datasets.ingest import is_storage_away
from synthos.server.datasets.places import data_key
from synthos.server.db.database import AWAY, Work
from synthos.server.db.patience import insist
from synthos.server.db.tables import datasets
from synthos.server.db.tables import validations as table
from synthos.server.errors import UnavailableError
from synthos.server.ids import rfc3339
from synthos.server.jobs.context import JobContext
from synthos.server.jobs.leases import finish, hold
from synthos.server.jobs.models import folder_of
from synthos.server.jobs.queue import Job
from synthos.server.jobs.telling import ROLES
from synthos.server.state import Services
from synthos.server.validations import documents, places, stages, targets

_log = get_logger("synthos.worker")
#: Progress is written no more often, in seconds, unless a stage begins or ends.
EVERY = 0.5


#: What belongs into the units of work in which a validation's progress, in percent, and its end are written.
Follow = Callable[[Work, float], None]
Settle = Callable[[Work], None]


def carry_out(context: JobContext) -> None:
    """Judge the tables of the validation that the job is about, and end the job with it, at once or not at all.

    A second attempt does the same again: what is settled by the tables' contents comes from the cache.

    Raises
    ------
    InputError : a table is at fault.
    UnavailableError : the storage does not answer; another attempt may end otherwise.
    LeaseLostError : the job is another's by now.
    """
    judge(context, context.job.subject, settle=lambda work: finish(work, context.job))


def judge(context: JobContext, identifier: str, *, settle: Settle, follow: Follow = lambda work, percent: None) -> None:
    """Judge the tables of a validation that the job is about, or that is a part of what it is about.

    Parameters
    ----------
    settle, follow : are called in the units of work in which the validation is completed, and goes on. Both are to hold
        the job's lease; ``settle`` may end it.

    Raises
    ------
    InputError : a table is at fault.
    UnavailableError : the storage does not answer; another attempt may end otherwise.
    LeaseLostError : the job is another's by now.
    """
    services, job = context.services, context.job
    row = _begin(services, job, identifier)
    tables = tables_of(services, row)
    noted = _Progress(context, row, follow)
    try:
        found = context.validate(
            *(tables[role].address if role in tables else None for role in ROLES),
            quick=row.kind == "quick",
            seed=row.options["seed"],
            cache=folder_of(services.settings, row.reference_id or row.dataset_id),
            on_progress=noted,
        )
    except InputError as error:
        if isinstance(error, SourceError) and is_storage_away(error):
            raise UnavailableError("storage") from error
        raise in_their_words(error, tables) from error
    noted(Event(stage="report", done=0, total=1))
    # Clients know their files by the names that they gave them; where these lie is nothing to them.
    found = renamed(found, {known.address: known.filename for known in tables.values()})
    document = found.to_dict()
    services.storage.put(places.document(row.id), json.dumps(document, allow_nan=False, ensure_ascii=False).encode())
    services.storage.put(places.page(row.id), render(found).encode())
    results = documents.results_of(document) | {"target_prediction": targets.predicted(found, row.options)}

    def end() -> None:
        with services.database.write(None) as work:
            audit.begin(work, job.company_id)
            settle(work)
            _complete(work, job, row, results, noted.stages)

    insist(end)


def _begin(services: Services, job: Job, identifier: str) -> Row[Any]:
    """Mark the validation as under way, from the start; its row."""
    with services.database.write(None) as work:
        audit.begin(work, job.company_id)
        hold(work, job)
        row = work.one(select(table).where(table.c.id == identifier))
        assert row is not None
        begun = {"status": "running", "stages": stages.planned(row.kind), "progress": 0.0, "error": None}
        first = {"started_at": row.started_at or work.now, "version": row.version + 1}
        changed = work.one(table.update().where(table.c.id == row.id).values({**begun, **first}).returning(table))
        assert changed is not None
        audit.record(work, "validation.started", row.id, company_id=job.company_id, attempt=job.attempts)
        return changed


@dataclass(frozen=True, slots=True)
class Known:
    """Where ``synthos.tables`` reads it, and what its owner calls it."""

    address: str
    filename: str


def tables_of(services: Services, row: Row[Any]) -> dict[str, Known]:
    """The tables of a validation or a pipeline by role."""
    named = dict(zip(ROLES, (row.dataset_id, row.reference_id, row.holdout_id), strict=True))
    with services.database.read(None) as work:
        found = work.all(select(datasets).where(datasets.c.id.in_([name for name in named.values() if name])))
    known = {item.id: Known(services.storage.source(data_key(item)).address, item.filename) for item in found}
    return {role: known[name] for role, name in named.items() if name}


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """``value``, plain or of dataclasses, with every text in it that holds one of ``names`` holding its new one."""
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {renamed(key, names): renamed(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(renamed(item, names) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        made = {item.name: renamed(getattr(value, item.name), names) for item in fields(value) if item.init}
        return replace(value, **made)
    return value


def in_their_words(error: InputError, tables: Mapping[str, Known]) -> InputError:
    """The error with the files' own names in place of where they lie."""
    names = {known.address: known.filename for known in tables.values()}
    return error.reworded(lambda text: str(renamed(text, names)))


def _complete(work: Work, job: Job, row: Row[Any], results: documents.Document, seen: list[stages.Stage]) -> None:
    stages.finish(seen, "completed", rfc3339(work.now))
    values = {
        "status": "completed",
        "progress": 100.0,
        "current_stage": None,
        "stages": seen,
        "results": results,
        "risk_score": results["risk_score"],
        "risk_level": results["risk_level"],
        "decision": results["decision"],
        "completed_at": work.now,
        "version": table.c.version + 1,
    }
    # Not twice, where the first time was carried out and nobody heard so.
    if work.run(table.update().where(table.c.id == row.id, table.c.status == "running").values(values)):
        audit.record(work, "validation.completed", row.id, company_id=job.company_id, decision=results["decision"])


class _Progress:
    """Hears the events of a validation, passes them on, and writes now and then how far it is."""

    def __init__(self, context: JobContext, row: Row[Any], follow: Follow) -> None:
        self._context, self._row, self._follow = context, row, follow
        self.stages: list[stages.Stage] = row.stages
        self._written = time.monotonic()

    def __call__(self, event: Event) -> None:
        self._context.tell(event)
        before = [stage["status"] for stage in self.stages]
        services = self._context.services
        if not stages.heard(self.stages, event, rfc3339(services.database.clock())):
            return
        now = time.monotonic()
        if now - self._written >= EVERY or before != [stage["status"] for stage in self.stages]:
            self._written = now
            self._write(services)

    def _write(self, services: Services) -> None:
        percent = stages.progress(self.stages, self._row.kind)
        values = {
            "stages": self.stages,
            "progress": percent,
            "current_stage": stages.current(self.stages),
            "version": table.c.version + 1,
        }
        try:
            with services.database.write(None) as work:
                hold(work, self._context.job)
                work.run(table.update().where(table.c.id == self._row.id).values(values))
                self._follow(work, percent)
        except AWAY as error:  # the next step is written instead: what was measured is worth more
            _log.warning("progress waits", job_id=self._context.job.id, error=type(error).__name__)
