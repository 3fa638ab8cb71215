"""Jobs go into the queue, and are called off, by whom they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import structlog
from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.db.database import Tenant, Work
from synthos.server.db.tables import jobs
from synthos.server.errors import NotFoundError
from synthos.server.ids import new_id
from synthos.server.jobs import ending, events

JobKind = Literal["ingest", "validation", "pipeline"]
Priority = Literal["standard", "express"]
#: What goes first, whatever its age.
PRIORITIES: dict[Priority, int] = {"standard": 0, "express": 10}
JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job that somebody runs. ``lease`` names this one attempt: without it nothing of the job may be written."""

    id: str
    company_id: str
    user_id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    most_attempts: int
    lease: str
    trace_id: str | None

    @classmethod
    def of(cls, row: Row[Any]) -> Job:
        """The job in a row of ``jobs``."""
        return cls(**{name: getattr(row, name) for name in cls.__slots__})

    @property
    def tenant(self) -> Tenant:
        """On whose behalf it runs."""
        return Tenant(self.company_id, self.user_id)


def enqueue(
    work: Work,
    kind: JobKind,
    subject: str,
    payload: Mapping[str, Any],
    *,
    priority: int = 0,
    most_attempts: int = 4,
    delay: float = 0.0,
) -> str:
    """Add a job of the tenant's in this unit of work; its identifier.

    Parameters
    ----------
    subject : the identifier of what the job is about: a dataset, a validation, a pipeline.
    payload : what its handler has to know besides; JSON, and no secrets.
    priority : one of ``PRIORITIES``; higher ones go first, whatever their age.
    most_attempts : how often the job may be begun before it counts as failed.
    delay : seconds in which no worker takes it: for whoever queues it to run it.
    """
    job_id, tenant = new_id("job"), work.tenant
    values = {
        "id": job_id,
        "company_id": tenant.company_id,
        "user_id": tenant.user_id,
        "kind": kind,
        "subject": subject,
        "payload": dict(payload),
        "priority": priority,
        "status": "queued",
        "attempts": 0,
        "most_attempts": most_attempts,
        "due_at": work.now + timedelta(seconds=delay),
        "trace_id": structlog.contextvars.get_contextvars().get("trace_id"),
        "created_at": work.now,
    }
    work.run(jobs.insert().values(values))
    events.append(work, job_id, tenant.company_id, "status", {"status": "queued", "attempt": 0})
    audit.record(work, "job.queued", job_id, kind=kind, about=subject)
    return job_id


def ask_cancel(work: Work, job_id: str) -> Row[Any]:
    """Call off a job of the tenant's: at once where it waits, within seconds where it runs; again does nothing.

    Returns its row, as it is after that.

    Raises
    ------
    NotFoundError : there is none of that name.
    """
    audit.begin(work)
    wanted = work.mine(jobs).where(jobs.c.id == job_id)
    row = work.one(wanted.with_for_update())
    if row is None:
        raise NotFoundError("job")
    if row.status == "queued":
        ending.end(work, row, "cancelled", user_id=work.tenant.user_id)
    elif row.status == "running" and row.cancel_asked_at is None:
        mine = (jobs.c.id == job_id) & (jobs.c.company_id == row.company_id)
        work.run(jobs.update().where(mine).values(cancel_asked_at=work.now))
        audit.record(work, "job.cancel_asked", job_id)
    else:
        return row
    changed = work.one(wanted)
    assert changed is not None
    return changed
