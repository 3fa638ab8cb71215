"""The statements of ``/jobs``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from synthos.server.db.database import Work
from synthos.server.db.tables import datasets, job_events, jobs, validations
from synthos.server.errors import NotFoundError
from synthos.server.pagination import page_of


def page(work: Work, status: str | None, kind: str | None, cursor: str | None, limit: int) -> Sequence[Row[Any]]:
    """The tenant's jobs, newest first, and one more than a page."""
    wanted = work.mine(jobs)
    if status is not None:
        wanted = wanted.where(jobs.c.status == status)
    if kind is not None:
        wanted = wanted.where(jobs.c.kind == kind)
    return work.all(page_of(wanted, jobs, cursor, limit))


def find(work: Work, job_id: str) -> Row[Any]:
    """One of them.

    Raises
    ------
    NotFoundError : there is none.
    """
    row = work.one(work.mine(jobs).where(jobs.c.id == job_id))
    if row is None:
        raise NotFoundError("job")
    return row


def newest_step(work: Work, job_id: str) -> Row[Any] | None:
    """Its last event of progress."""
    steps = work.mine(job_events).where(job_events.c.job_id == job_id, job_events.c.kind == "progress")
    return work.one(steps.order_by(job_events.c.sequence.desc()).limit(1))


def locked_dataset(work: Work, dataset_id: str) -> Row[Any] | None:
    """A dataset that is there, which nobody else may change until this unit of work ends."""
    wanted = work.mine(datasets).where(datasets.c.id == dataset_id, datasets.c.status != "deleted")
    return work.one(wanted.with_for_update())


def locked_validation(work: Work, validation_id: str) -> Row[Any] | None:
    """A validation, which nobody else may change until this unit of work ends."""
    return work.one(work.mine(validations).where(validations.c.id == validation_id).with_for_update())


def process_again(work: Work, dataset_id: str, job_id: str) -> None:
    """The dataset is being processed, by this job."""
    mine = (datasets.c.id == dataset_id) & (datasets.c.company_id == work.tenant.company_id)
    work.run(datasets.update().where(mine).values(status="processing", error=None, job_id=job_id, updated_at=work.now))


def validate_again(work: Work, row: Row[Any], job_id: str, rows: int | None) -> None:
    """The validation is as it was when it was asked for, with this job. ``rows``: None where not all are read."""
    mine = (validations.c.id == row.id) & (validations.c.company_id == work.tenant.company_id)
    pending = {"status": "pending", "progress": 0.0, "started_at": None, "completed_at": None}
    values = {
        "status": "queued",
        "progress": 0.0,
        "current_stage": None,
        "stages": [stage | pending for stage in row.stages],
        "results": None,
        "risk_score": None,
        "error": None,
        "started_at": None,
        "completed_at": None,
        "job_id": job_id,
        "rows": rows,
        "runs": row.runs + 1,
        "version": row.version + 1,
    }
    work.run(validations.update().where(mine).values(values))


def has_its_datasets(work: Work, row: Row[Any]) -> bool:
    """Whether every table of a validation is ready."""
    names = {name for name in (row.dataset_id, row.reference_id, row.holdout_id) if name is not None}
    ready = work.mine(datasets, datasets.c.id).where(datasets.c.id.in_(names), datasets.c.status == "ready")
    return len(work.all(ready)) == len(names)
