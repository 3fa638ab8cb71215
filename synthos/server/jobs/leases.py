"""What the holder of a lease may do: keep it, write under it, and end it. Whose lease is another's may do nothing.

A worker that was asleep, or whose clock went wrong, learns here that its job has been given to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, literal_column, select

from synthos.errors import CancelledError
from synthos.server.audit import log as audit
from synthos.server.db.database import Database, Work
from synthos.server.db.tables import jobs
from synthos.server.jobs import events
from synthos.server.jobs.ending import Problem, end
from synthos.server.jobs.queue import Job
from synthos.server.jobs.timing import RAN_OUT, back_off, lease_values, outage_wait

Standing = Literal["held", "cancel", "lost"]
WORKER_LOST: Problem = {"reason": "worker-lost", "detail": "the worker that ran it has gone"}
#: Jobs that one sweep takes back at most.
MOST = 100
_RUNNING = jobs.c.status == literal_column("'running'")

_ABANDONED = select(jobs).where(_RUNNING, RAN_OUT).limit(MOST)


class LeaseLostError(CancelledError):
    """The job is another's by now, or has ended."""


def hold(work: Work, job: Job) -> Row[Any]:
    """The job's row, locked until this unit of work ends: what is written in it is written under the lease.

    Work that adds to the audit log takes the company's chain before (``audit.begin``).

    Raises
    ------
    LeaseLostError : the lease is not valid any more.
    """
    row = work.one(select(jobs).where(_mine(job)).with_for_update())
    if row is None:
        raise LeaseLostError(f"the lease of {job.id} is lost")
    return row


def beat(database: Database, job: Job, lease_seconds: float) -> Standing:
    """Keep the lease for ``lease_seconds`` from now on; whether it is held, and whether the job should stop."""
    with database.write(None) as work:
        kept = jobs.update().where(_mine(job)).values(lease_until=work.now + timedelta(seconds=lease_seconds))
        row = work.one(kept.returning(jobs.c.cancel_asked_at))
    return _standing(row)


def look(database: Database, job: Job) -> Standing:
    """The same, without keeping it."""
    with database.read(None) as work:
        return _standing(work.one(select(jobs.c.cancel_asked_at).where(_mine(job))))


def find(database: Database, job_id: str, lease: str) -> Job:
    """The job under this lease.

    Raises
    ------
    LeaseLostError : there is none.
    """
    with database.read(None) as work:
        row = work.one(select(jobs).where(jobs.c.id == job_id, jobs.c.lease == lease, _RUNNING))
    if row is None:
        raise LeaseLostError(f"the lease of {job_id} is lost")
    return Job.of(row)


def finish(work: Work, job: Job) -> None:
    """The job has succeeded. Results belong into the same unit of work.

    Raises
    ------
    LeaseLostError : the lease is not valid any more.
    """
    end(work, _hold_to_end(work, job), "succeeded")


def fail(work: Work, job: Job, error: Problem, *, again: bool = True) -> None:
    """The attempt has failed: the job waits for its next one, unless that was its last or another would not help.

    Raises
    ------
    LeaseLostError : the lease is not valid any more.
    """
    row = _hold_to_end(work, job)
    if again:
        _fail(work, row, error)
    else:
        end(work, row, "failed", error)


def put_off(work: Work, job: Job, error: Problem) -> None:
    """What the attempt needed is away, which is no fault of the job's: the attempt does not count, for an hour.

    Raises
    ------
    LeaseLostError : the lease is not valid any more.
    """
    row = _hold_to_end(work, job)
    since = row.away_since or work.now
    wait = outage_wait(work.now - since)
    if wait is None:
        _fail(work, row, error, away_since=since)
    else:
        _put_back(work, row, work.now + wait, error=error, attempts=row.attempts - 1, away_since=since)


def stop(work: Work, job: Job) -> None:
    """The job has been stopped as it was asked to be.

    Raises
    ------
    LeaseLostError : the lease is not valid any more: the job has ended before it was stopped, or is another's.
    """
    end(work, _hold_to_end(work, job), "cancelled")


def give_back(work: Work, job: Job) -> None:
    """The worker stops, and the job goes back to its place in the queue; the attempt does not count.

    Raises
    ------
    LeaseLostError : the lease is not valid any more.
    """
    row = _hold_to_end(work, job)
    _put_back(work, row, work.now, attempts=row.attempts - 1)


def reclaim(database: Database, lease_seconds: float) -> Sequence[str]:
    """Take back the jobs whose leases ran out; their identifiers. The attempt counts, for it may be what killed it."""
    with database.read(None) as work:
        found = work.connection.execute(_ABANDONED, lease_values(work.now, lease_seconds)).all()
    if not found:
        return ()
    return [row.id for row in found if _reclaimed(database, row, lease_seconds)]


def _reclaimed(database: Database, found: Row[Any], lease_seconds: float) -> bool:
    """Take one job back, unless somebody else has done so or its lease was kept after all."""
    with database.write(None) as work:
        audit.begin(work, found.company_id)
        still = _ABANDONED.where(jobs.c.id == found.id).with_for_update()
        row = work.connection.execute(still, lease_values(work.now, lease_seconds)).first()
        if row is None:
            return False
        if row.attempts < row.most_attempts:
            _put_back(work, row, work.now, error=WORKER_LOST)
        else:
            end(work, row, "failed", WORKER_LOST)
    return True


def _hold_to_end(work: Work, job: Job) -> Row[Any]:
    audit.begin(work, job.company_id)
    return hold(work, job)


def _fail(work: Work, row: Row[Any], error: Problem, **values: Any) -> None:
    if row.attempts < row.most_attempts:
        _put_back(work, row, work.now + back_off(row.attempts), error=error, **values)
    else:
        end(work, row, "failed", error)


def _put_back(work: Work, row: Row[Any], due_at: Any, **values: Any) -> None:
    """Queue a job again that is held; one that should stop ends here."""
    if row.cancel_asked_at is not None:
        end(work, row, "cancelled")
        return
    waiting = {
        "status": "queued",
        "due_at": due_at,
        "lease": None,
        "lease_until": None,
        "worker": None,
        "away_since": None,
    }
    mine = (jobs.c.id == row.id) & (jobs.c.company_id == row.company_id)
    work.run(jobs.update().where(mine).values(waiting | values))
    told = {"status": "queued", "attempt": values.get("attempts", row.attempts)}
    events.append(
        work, row.id, row.company_id, "status", told | ({"error": values["error"]} if "error" in values else {})
    )
    audit.record(work, "job.retried", row.id, company_id=row.company_id)


def _mine(job: Job) -> ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.company_id == job.company_id) & (jobs.c.lease == job.lease) & _RUNNING


def _standing(row: Row[Any] | None) -> Standing:
    if row is None:
        return "lost"
    return "held" if row.cancel_asked_at is None else "cancel"
