"""Whose turn it is. Of the jobs of the highest priority, those of the user who has the fewest running; then by age.

Nothing here reads more than a few dozen rows of a queue, however long it is. An exception are many users of whom the
busy ones have the oldest jobs: these are passed over one by one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    Update,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)

from synthos.server.audit import log as audit
from synthos.server.db.database import Database, Tenant, Work
from synthos.server.db.tables import jobs
from synthos.server.db.tables import users as accounts
from synthos.server.db.types import Instant
from synthos.server.jobs import events
from synthos.server.jobs.queue import Job
from synthos.server.jobs.timing import DUE, due_values

#: Users who are looked at one by one; where more are waiting, the oldest job of an idle user is searched for.
MANY = 16
# Literals, because the indexes hold only these rows, and a database cannot see that of a parameter.
_QUEUED = jobs.c.status == literal_column("'queued'")
_OF_TURN = jobs.c.priority == bindparam("turn", type_=Integer)
_BUSY = select(jobs.c.user_id).where(jobs.c.status == literal_column("'running'"))


def claim(database: Database, worker: str, lease_seconds: float, kinds: Sequence[str] | None = None) -> Job | None:
    """Lease the job whose turn it is for ``lease_seconds``; None where none is due.

    Of many who claim side by side each gets another job. ``kinds`` are those that the worker can run now; by default
    any.
    """
    with database.read(None) as work:
        values: dict[str, Any] = {**due_values(work.now)} | ({} if kinds is None else {"kinds": list(kinds)})
        turns = list(_turns(work, values))
    for company_id, turn in turns:
        with database.write(None) as work:
            audit.begin(work, company_id)
            job = _take(work, values | turn, worker, lease_seconds)
        if job is not None:
            return job
    return None


def claim_job(database: Database, tenant: Tenant, job_id: str, worker: str, lease_seconds: float) -> Job | None:
    """Lease a job of the tenant's for ``lease_seconds``, whether it is due or not; None where it does not wait."""
    leased = {
        "status": "running",
        "lease": secrets.token_hex(16),
        "worker": worker,
        "attempts": jobs.c.attempts + 1,
    }
    with database.write(tenant) as work:
        audit.begin(work)
        times = {"lease_until": work.now + timedelta(seconds=lease_seconds), "started_at": work.now}
        mine = (jobs.c.id == job_id) & (jobs.c.company_id == tenant.company_id)
        row = work.one(jobs.update().where(mine, _QUEUED).values(leased | times).returning(jobs))
        return None if row is None else _taken(work, row)


def _turns(work: Work, values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The priority whose turn it is, with each user who has a job of it that could begin, in the order of turns; and
    the user's company."""
    any_kind = "kinds" not in values
    found = work.connection.execute(_waiting(any_kind, MANY + 1), values).all()
    if len(found) > MANY:
        turn = {"turn": found[0].turn}
        idle = work.connection.execute(_oldest_of_idle(any_kind), {**values, **turn}).first()
        if idle is not None:
            yield idle.company_id, turn | {"owner": idle.user_id}
    able = [row for row in found if row.oldest is not None]
    for row in sorted(able, key=lambda row: (row.running, row.oldest)):
        yield row.company_id, {"turn": row.turn, "owner": row.user_id}


def _take(work: Work, values: Mapping[str, Any], worker: str, lease_seconds: float) -> Job | None:
    """Lease the oldest job of the turn's owner that nobody else is just taking."""
    lease = {"new_lease": secrets.token_hex(16), "until": work.now + timedelta(seconds=lease_seconds), "taker": worker}
    row = work.connection.execute(_taking("kinds" not in values), {**values, **lease}).first()
    return None if row is None else _taken(work, row)


def _taken(work: Work, row: Row[Any]) -> Job:
    events.append(work, row.id, row.company_id, "status", {"status": "running", "attempt": row.attempts})
    audit.record(work, "job.started", row.id, company_id=row.company_id, attempt=row.attempts)
    return Job.of(row)


def _could_begin(any_kind: bool) -> ColumnElement[bool]:
    if any_kind:
        return and_(_QUEUED, DUE)
    return and_(_QUEUED, DUE, jobs.c.kind.in_(bindparam("kinds", type_=String, expanding=True)))


@lru_cache
def _waiting(any_kind: bool, limit: int) -> Select[Any]:
    """Users with jobs of the turn's priority, their companies, how many run, and the age of the oldest that is due.

    A jump from user to user in the index: a plain grouping would read the whole queue.
    """
    first = select(jobs.c.priority).where(_could_begin(any_kind)).order_by(jobs.c.priority.desc()).limit(1)
    turn = first.cte("turn")
    of_turn = jobs.c.priority == select(turn.c.priority).scalar_subquery()
    user = func.min(jobs.c.user_id)
    users = select(user.label("user_id")).where(_QUEUED, of_turn).cte("waiting", recursive=True)
    following = select(user).where(_QUEUED, of_turn, jobs.c.user_id > users.c.user_id).scalar_subquery()
    users = users.union_all(select(following).where(users.c.user_id.is_not(None)))
    oldest = select(jobs.c.created_at).where(_could_begin(any_kind), of_turn, jobs.c.user_id == users.c.user_id)
    running = _BUSY.with_only_columns(func.count()).where(jobs.c.user_id == users.c.user_id)
    columns = (
        users.c.user_id,
        select(accounts.c.company_id).where(accounts.c.id == users.c.user_id).scalar_subquery().label("company_id"),
        select(turn.c.priority).scalar_subquery().label("turn"),
        oldest.order_by(jobs.c.created_at).limit(1).scalar_subquery().label("oldest"),
        running.scalar_subquery().label("running"),
    )
    return select(*columns).where(users.c.user_id.is_not(None)).limit(limit)


@lru_cache
def _oldest_of_idle(any_kind: bool) -> Select[Any]:
    idle = select(jobs.c.user_id, jobs.c.company_id).where(
        _could_begin(any_kind), _OF_TURN, jobs.c.user_id.not_in(_BUSY)
    )
    return idle.order_by(jobs.c.created_at).limit(1)


@lru_cache
def _taking(any_kind: bool) -> Update:
    of_owner = jobs.c.user_id == bindparam("owner", type_=String)
    oldest = select(jobs.c.id).where(_could_begin(any_kind), _OF_TURN, of_owner).order_by(jobs.c.created_at).limit(1)
    values = {
        "status": "running",
        "lease": bindparam("new_lease", type_=String),
        "lease_until": bindparam("until", type_=Instant),
        "worker": bindparam("taker", type_=String),
        "attempts": jobs.c.attempts + 1,
        "started_at": func.coalesce(jobs.c.started_at, bindparam("now", type_=Instant)),
    }
    taken = jobs.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery()
    return jobs.update().where(taken, _QUEUED).values(values).returning(jobs)
