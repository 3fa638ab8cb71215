"""What happened to a job, in order: sequence numbers have no holes, so that a reader can go on where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import String, bindparam, delete, func, insert, select, tuple_

from synthos.server.db.database import Database, Work
from synthos.server.db.tables import job_events, jobs
from synthos.server.db.types import Instant, Json

#: A change of state; a step of the work; and the last of all, after which nothing comes.
EventKind = Literal["status", "progress", "end"]
#: Events that one read gives at most.
MOST = 200
#: How long the events of a job that has ended are kept, and how many one sweep removes at most.
KEPT, MOST_FORGOTTEN = timedelta(days=30), 5_000


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One of them. ``data`` of "status" and "end" names the job's state, of "progress" stage, done, total, message."""

    sequence: int
    at: datetime
    kind: str
    data: Mapping[str, Any]


_NAMES = ("job_id", "sequence", "company_id", "at", "kind", "data")
_JOB, _COMPANY = bindparam("job", type_=String), bindparam("company", type_=String)
_APPEND = insert(job_events).from_select(
    _NAMES,
    select(
        _JOB,
        func.coalesce(func.max(job_events.c.sequence), 0) + 1,
        _COMPANY,
        bindparam("now", type_=Instant),
        bindparam("what", type_=String),
        bindparam("content", type_=Json),
    ).where(
        job_events.c.job_id == bindparam("job", type_=String),
        job_events.c.company_id == bindparam("company", type_=String),
    ),
)


def append(work: Work, job_id: str, company_id: str, kind: EventKind, data: Mapping[str, Any]) -> None:
    """Add an event. The caller holds the job's row, so that of two writers one waits."""
    values = {"job": job_id, "company": company_id, "now": work.now, "what": kind, "content": dict(data)}
    work.connection.execute(_APPEND, values)


def read(work: Work, job_id: str, after: int) -> Sequence[JobEvent]:
    """The tenant's events of a job from behind ``after`` on; all of them from 0, ``MOST`` at most."""
    wanted = work.mine(job_events).where(job_events.c.job_id == job_id, job_events.c.sequence > after)
    rows = work.all(wanted.order_by(job_events.c.sequence).limit(MOST))
    return [JobEvent(row.sequence, row.at, row.kind, row.data) for row in rows]


def forget(database: Database) -> int:
    """Remove old events of jobs that have ended; how many. The jobs themselves stay."""
    key = (job_events.c.job_id, job_events.c.sequence)
    of_job = select(*key).join_from(job_events, jobs, jobs.c.id == job_events.c.job_id)
    with database.write(None) as work:
        old = of_job.where(job_events.c.at <= work.now - KEPT, jobs.c.finished_at.is_not(None))
        oldest = old.order_by(job_events.c.at).limit(MOST_FORGOTTEN)
        return work.run(delete(job_events).where(tuple_(*key).in_(oldest)))
