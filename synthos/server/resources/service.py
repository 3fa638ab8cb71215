"""What the machines of the workers have, as these tell it with every beat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import func, literal_column, select

from synthos.server.db.database import Work
from synthos.server.db.tables import jobs
from synthos.server.jobs import workers
from synthos.server.jobs.admission import usable
from synthos.server.resources.schemas import Queue, Resource, ResourcesStatus, Worker, Workers
from synthos.server.settings import Settings
from synthos.server.state import Services

_QUEUED = select(func.count()).where(jobs.c.status == literal_column("'queued'"))
_RUNNING = (
    select(jobs.c.worker, func.count().label("number"))
    .where(jobs.c.status == literal_column("'running'"))
    .group_by(jobs.c.worker)
)


def status(services: Services) -> ResourcesStatus:
    """All of it. Figures are of the service as a whole, and name nobody's jobs."""
    with services.database.read(None) as work:
        return _status(work, services.settings)


def _status(work: Work, settings: Settings) -> ResourcesStatus:
    alive = workers.living(work, settings.lease_seconds)
    running: dict[str, int] = {row.worker: row.number for row in work.all(_RUNNING)}
    queued = work.one(_QUEUED)
    # Workers side by side see the same machine: the newest word of each counts.
    machines = {row.host: row.resources for row in reversed(alive)}.values()
    items = [
        Worker(
            worker_id=row.id,
            capacity=row.capacity,
            running=running.get(row.id, 0),
            started_at=row.started_at,
            beat_at=row.beat_at,
        )
        for row in alive
    ]
    return ResourcesStatus(
        headroom=settings.headroom,
        cpu=_sum(machines, "cpu", settings.headroom),
        memory=_sum(machines, "memory", settings.headroom),
        gpu=_sum(machines, "gpu", settings.headroom),
        workers=Workers(
            total=len(items),
            capacity=sum(item.capacity for item in items),
            running=sum(item.running for item in items),
            items=items,
        ),
        queue=Queue(queued=queued[0] if queued is not None else 0, running=sum(running.values())),
    )


def _sum(machines: Iterable[Mapping[str, Any]], name: str, headroom: float) -> Resource:
    amounts = [machine[name] for machine in machines]
    total, in_use = sum(amount["total"] for amount in amounts), sum(amount["in_use"] for amount in amounts)
    free = sum(max(0.0, usable(amount["total"], headroom) - amount["in_use"]) for amount in amounts)
    return Resource(total=total, in_use=in_use, kept_free=round(total * headroom, 3), available=round(free, 3))
