"""A worker whose jobs are forks of it: a Python for each of hundreds would take minutes to start. Linux and macOS."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event as Told
from typing import Any

from worker_of_tests import count

from synthos.progress import Event
from synthos.server.db.database import Database
from synthos.server.ids import utc_now
from synthos.server.jobs import child
from synthos.server.jobs.children import Process
from synthos.server.jobs.context import JobContext
from synthos.server.jobs.folders import worker_folder
from synthos.server.jobs.machine import Amount, Machine
from synthos.server.jobs.queue import Job
from synthos.server.jobs.runner import Runner
from synthos.server.settings import GIB, Settings
from synthos.server.state import build
from synthos.server.telemetry import configure_logs

#: Room for four jobs, whatever else this machine does.
MACHINE = Machine(Amount(2.0, 0.0), Amount(64 * GIB, 0.0), Amount(0.0, 0.0))


class Forked:
    """A fork, as the worker wants it."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid, self._pipe, self._code = pid, pipe, None

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                os.close(self._pipe)
        return self._code


def slowly(context: JobContext) -> None:
    """``count``, after as many steps as leave time to be killed in."""
    for done in range(5):
        context.tell(Event(stage="read", done=done, total=5))
        Told().wait(context.job.payload.get("step_seconds", 0.02))
    count(context)


def no_validation(*tables: Any, **options: Any) -> None:
    raise NotImplementedError


def now() -> datetime:
    """The time, and as many hours more as the file of HOURS_OFF says."""
    place = os.environ.get("HOURS_OFF")
    return utc_now() + timedelta(hours=float(Path(place).read_text()) if place else 0.0)


def main() -> None:
    settings = Settings.load()
    configure_logs("error")

    def launch(job: Job, folder: Path) -> Process:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(reading)
            return Forked(pid, writing)
        os.setsid()
        os.close(writing)
        child.prepare(reading)
        mine = build(settings, Database(settings.database, clock=now))
        os._exit(child.carry_out(mine, job.id, job.lease, {"count": slowly}, no_validation))

    stopping = Told()
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.set())
    services = build(settings, Database(settings.database, clock=now))
    with worker_folder() as folders:
        Runner(services.database, settings, folders, ("count",), launch, lambda: MACHINE).run(stopping)
    sys.exit(0)


if __name__ == "__main__":
    main()
