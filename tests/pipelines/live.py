"""A service with a real clock, and real workers of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
from sqlalchemy import Row, select

from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate
from synthos.server.db.tables import datasets, job_events, jobs
from synthos.server.ids import new_id
from synthos.server.jobs.queue import JobKind, enqueue
from synthos.server.settings import Settings
from synthos.server.state import build
from tests.pipelines.waiting import wait_for
from tests.server.conftest import Person

REAL = (sys.executable, "-m", "pipelines.worker")
OF_TESTS = (sys.executable, str(Path(__file__).with_name("worker_of_tests.py")))
#: Seconds after which something that was waited for does not come any more. Machines may be busy.
TOO_LONG = 120.0


class Live:
    """The service, somebody who uses it, and what a test asks of both."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        database = Database(settings.database)
        migrate(database)
        self.services = build(settings, database)
        self.ada = Person(self.services, "ada")

    def put(self, kind: str, subject: str = "ds_none", payload: dict[str, Any] | None = None, **options: Any) -> str:
        """Queue a job."""
        with self.services.database.write(self.ada.principal.tenant) as work:
            return enqueue(work, cast(JobKind, kind), subject, payload or {}, **options)

    def dataset(self, **values: Any) -> str:
        """A dataset that is being processed."""
        name = new_id("ds")
        row = {
            "id": name,
            "company_id": self.ada.company_id,
            "user_id": self.ada.user_id,
            "filename": "a.csv",
            "file_type": "csv",
            "file_size": 1,
            "chunk_bytes": 1,
            "status": "processing",
            "row_count": 0,
        }
        with self.services.database.write(self.ada.principal.tenant) as work:
            work.run(datasets.insert().values(row | {"created_at": work.now, "updated_at": work.now} | values))
        return name

    def job(self, job_id: str) -> Row[Any]:
        with self.services.database.read(None) as work:
            row = work.one(select(jobs).where(jobs.c.id == job_id))
        assert row is not None
        return row

    def all(self, table: Any) -> Sequence[Row[Any]]:
        with self.services.database.read(None) as work:
            return work.all(select(table))

    def told(self, job_id: str) -> Sequence[Row[Any]]:
        """The job's events, in order."""
        wanted = select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.sequence)
        with self.services.database.read(None) as work:
            return work.all(wanted)

    def reaches(self, job_id: str, status: str) -> bool:
        """Whether the job comes into this state."""
        return wait_for(lambda: self.job(job_id).status == status, TOO_LONG)

    def steps(self, job_id: str, stage: str = "scan") -> bool:
        """Whether the job tells of this stage: its handler is at work."""
        return wait_for(lambda: any(row.data.get("stage") == stage for row in self.told(job_id)), TOO_LONG)

    @contextmanager
    def worker(self, command: Sequence[str] = OF_TESTS, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker of this service; killed with all that it has started when the block ends."""
        given = {
            "SYNTHOS_DATA_FOLDER": str(self.settings.data_folder),
            "SYNTHOS_DATABASE_URL": self.settings.database,
            "SYNTHOS_LEASE_SECONDS": str(self.settings.lease_seconds),
            "SYNTHOS_HEADROOM": "0",
            "SYNTHOS_LOG_LEVEL": "warning",
        }
        process = subprocess.Popen(command, env={**os.environ, **given, **environment})
        try:
            yield process
        finally:
            family = family_of(process.pid)
            process.kill()
            process.wait()
            for member in family:
                if lives(member):
                    member.kill()


@contextmanager
def live(settings: Settings) -> Iterator[Live]:
    service = Live(settings)
    yield service
    service.services.close()


def family_of(pid: int) -> list[psutil.Process]:
    """Everything that the process has started, and what that has."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(family: Sequence[psutil.Process]) -> Callable[[], bool]:
    """The condition that none of them lives."""
    return lambda: not any(map(lives, family))
