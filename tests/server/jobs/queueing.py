"""What the tests of the queue say often."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from synthos.server.db.tables import job_events, jobs
from synthos.server.jobs.claiming import claim
from synthos.server.jobs.queue import Job, JobKind, enqueue
from synthos.server.state import Services
from tests.server.conftest import Person

#: Seconds of a lease in these tests.
LEASE = 30.0


def put(services: Services, person: Person, *, kind: JobKind = "ingest", subject: str = "ds_1", **options: Any) -> str:
    """Queue a job of this person's."""
    with services.database.write(person.principal.tenant) as work:
        return enqueue(work, kind, subject, {}, **options)


def take(services: Services, worker: str = "wrk_a", **options: Any) -> Job:
    """Claim the next job, which there must be."""
    job = claim(services.database, worker, LEASE, **options)
    assert job is not None
    return job


def row_of(services: Services, job_id: str) -> Row[Any]:
    """The job as the database has it."""
    with services.database.read(None) as work:
        row = work.one(select(jobs).where(jobs.c.id == job_id))
    assert row is not None
    return row


def story(services: Services, job_id: str) -> list[str]:
    """The states that the job's events tell of."""
    wanted = select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.sequence)
    with services.database.read(None) as work:
        rows = work.all(wanted)
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [row.data["status"] for row in rows if row.kind != "progress"]
