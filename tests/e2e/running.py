"""The service for tests of the whole: started by its command, with an account and whatever parts it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Row, func, select

from synthos.server.db.database import Database
from synthos.server.db.tables import audit_log, job_events, jobs
from tests.e2e.test_platform import DEADLINE, Service

EMAIL, PASSWORD = "a@example.com", "correct horse battery"
WORKER = (sys.executable, "-m", "pipelines.worker")


@contextmanager
def running_service(environment: Mapping[str, str] | None = None, workers: int = 1) -> Iterator[Service]:
    """A service with one account, which runs while the block lasts."""
    # Sockets of Ray lie below, and their paths must be short.
    with TemporaryDirectory(prefix="sy-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        given = {"SYNTHOS_DATA_FOLDER": f"{folder}/data", **(environment or {})}
        words = ["admin", "create-user", EMAIL, "--name", "A", "--company", "A"]
        command = [sys.executable, "-m", "synthos", *words]
        subprocess.run(command, env={**os.environ, **given}, input=PASSWORD, text=True, check=True)
        running = Service(Path(folder), workers=workers, **given)
        yield running
        running.end()


@contextmanager
def worker_of(
    service: Service, command: Sequence[str] = WORKER, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of a service that has none, in the environment that its own would have; ended with the block."""
    (api,) = service.parts("serve_app")
    process = subprocess.Popen(command, env={**api.environ(), **environment}, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE)


def ended_once(database: Database, subject: str, status: str = "succeeded") -> Row[Any]:
    """The job of a subject, which is one, and has ended once and in this state."""
    with database.read(None) as work:
        (job,) = work.all(select(jobs).where(jobs.c.subject == subject))
        ends = work.one(select(func.count()).where(job_events.c.job_id == job.id, job_events.c.kind == "end"))
        told = select(func.count()).where(audit_log.c.subject == job.id, audit_log.c.action == f"job.{status}")
        assert job.status == status, (job.status, job.error)
        assert ends is not None and ends[0] == 1 and work.one(told)[0] == 1  # type: ignore[index]
    return job
