"""The worker: takes jobs from the queue of the service and runs each on Ray, in a process of its own.

python -m pipelines.worker [--config FILE]                          takes jobs until it is told to stop
python -m pipelines.worker [--config FILE] --job ID --lease LEASE   does one job: what the former starts
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from structlog import get_logger

from pipelines.stopping import stop_on_signals
from pipelines.validate import validate
from synthos.errors import ConfigError
from synthos.server.db.database import AWAY, Database
from synthos.server.db.migrate import is_current
from synthos.server.jobs import child
from synthos.server.jobs.admission import processors
from synthos.server.jobs.children import launching
from synthos.server.jobs.chores import begin
from synthos.server.jobs.context import Handler
from synthos.server.jobs.folders import worker_folder
from synthos.server.jobs.handlers import CHORES, HANDLERS
from synthos.server.jobs.machine import Watch
from synthos.server.jobs.runner import ROUND, Runner
from synthos.server.settings import Settings
from synthos.server.state import build
from synthos.server.telemetry import configure_logs

_log = get_logger("synthos.worker")


def main(
    arguments: Sequence[str] | None = None,
    handlers: Mapping[str, Handler] = HANDLERS,
    command: Sequence[str] = (sys.executable, "-m", "pipelines.worker"),
) -> int:
    """The command; its exit code. ``command`` is how it is called, for the processes of jobs."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.worker", description="runs the jobs of the service")
    parser.add_argument(
        "--config",
        type=Path,
        default=os.environ.get("SYNTHOS_CONFIG"),
        help="YAML file of settings, by default SYNTHOS_CONFIG; the environment wins over it",
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--lease", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.load(asked.config)
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    configure_logs(settings.log_level)
    if asked.job is not None:
        return _do(settings, asked.job, asked.lease, handlers)
    named = [] if asked.config is None else ["--config", str(asked.config)]
    _take_jobs(settings, handlers, [*command, *named])
    return 0


def _do(settings: Settings, job_id: str, lease: str, handlers: Mapping[str, Handler]) -> int:
    child.prepare(sys.stdin.fileno())
    services = build(settings)
    # Whatever reads tables here, a private instance of Ray too, finds the storage by these.
    os.environ.update(services.storage.source("any").environment)
    # A cluster that is there has processors of its own; a private instance gets those that jobs may have.
    here = None if os.environ.get("RAY_ADDRESS") else processors(Watch()(), settings.headroom)
    return child.carry_out(services, job_id, lease, handlers, partial(validate, workers=here))


def _take_jobs(settings: Settings, handlers: Mapping[str, Handler], command: list[str]) -> None:
    stopping, launch = stop_on_signals(), launching(command)
    services = build(settings)
    with worker_folder() as folders:
        if _wait_for_tables(services.database, stopping):
            begin({name: partial(chore, services) for name, chore in CHORES.items()}, stopping)
            Runner(services.database, settings, folders, handlers, launch, Watch()).run(stopping)
    services.close()


def _wait_for_tables(database: Database, stopping: threading.Event) -> bool:
    """Whether the database is of this code's version; whoever starts the service brings it there."""
    while not stopping.is_set():
        try:
            if is_current(database):
                return True
            _log.warning("the database is of another version")
        except AWAY as error:
            _log.warning("the database does not answer", error=type(error).__name__)
        stopping.wait(ROUND)
    return False


if __name__ == "__main__":
    sys.exit(main())
