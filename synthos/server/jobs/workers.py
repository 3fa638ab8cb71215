"""The processes that run jobs, as the database knows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal_column, select

from synthos.server.db.database import Database, Work
from synthos.server.db.tables import jobs, workers
from synthos.server.jobs.machine import Machine

#: A worker that has not been heard of for so many beats is gone; one of a day ago is forgotten.
BEATS, FORGOTTEN = 3.0, timedelta(days=1)


def beat(
    database: Database, worker: str, *, host: str, pid: int, capacity: int, machine: Machine, started_at: datetime
) -> None:
    """Make a worker known, or known to live."""
    told = {"host": host, "pid": pid, "capacity": capacity, "resources": machine.as_json(), "started_at": started_at}
    with database.write(None) as work:
        values = told | {"beat_at": work.now}
        if not work.run(workers.update().where(workers.c.id == worker).values(values)):
            work.run(workers.delete().where(workers.c.beat_at < work.now - FORGOTTEN))
            work.run(workers.insert().values(values | {"id": worker}))


def leave(database: Database, worker: str) -> None:
    """The worker has ended."""
    with database.write(None) as work:
        work.run(workers.delete().where(workers.c.id == worker))


def living(work: Work, lease_seconds: float) -> Sequence[Row[Any]]:
    """Workers that were heard of lately, the newest word first; a word from the future is one of before the clock
    was put back."""
    return work.all(select(workers).where(_alive(work.now, lease_seconds)).order_by(workers.c.beat_at.desc()))


def running_on(database: Database, host: str) -> dict[str, int]:
    """How many jobs of each kind the workers of a machine have leased."""
    here = select(workers.c.id).where(workers.c.host == host)
    running = jobs.c.status == literal_column("'running'")
    counted = select(jobs.c.kind, func.count().label("number")).where(running, jobs.c.worker.in_(here))
    with database.read(None) as work:
        return {row.kind: row.number for row in work.all(counted.group_by(jobs.c.kind))}


def _alive(now: datetime, lease_seconds: float) -> ColumnElement[bool]:
    patience = timedelta(seconds=BEATS * lease_seconds)
    return workers.c.beat_at.between(now - patience, now + patience)
