"""A job ends, once, and what it was about with it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from sqlalchemy import ColumnElement, Row, select

from synthos.server.audit import log as audit
from synthos.server.db.database import Work
from synthos.server.db.tables import datasets, jobs, pipelines, validations
from synthos.server.ids import rfc3339
from synthos.server.jobs import events
from synthos.server.validations import stages

Ending = Literal["succeeded", "failed", "cancelled"]
Problem = dict[str, Any]
CANCELLED: Problem = {"reason": "cancelled", "detail": "it was cancelled"}


class Ended(Protocol):
    """What has to be known of a job: of its row, or of a ``Job``."""

    @property
    def id(self) -> str: ...
    @property
    def company_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...


def end(work: Work, job: Ended, status: Ending, error: Problem | None = None, *, user_id: str | None = None) -> None:
    """End a job whose row the caller has locked, and whose state it has looked at.

    ``user_id`` is who ends it, where that is not the service itself. What a job that succeeds was about is up to its
    handler; otherwise it is marked here, in the same unit of work.
    """
    row = (jobs.c.id == job.id) & (jobs.c.company_id == job.company_id)
    ended = {"status": status, "error": error, "finished_at": work.now, "lease": None, "lease_until": None}
    work.run(jobs.update().where(row).values(ended))
    events.append(work, job.id, job.company_id, "end", {"status": status} | ({"error": error} if error else {}))
    if status != "succeeded":
        _mark(work, job, status, error or CANCELLED, user_id)
    audit.record(work, f"job.{status}", job.id, company_id=job.company_id, user_id=user_id)


def _mark(work: Work, job: Ended, status: Ending, error: Problem, user_id: str | None) -> None:
    """What the job was about has failed, or is cancelled; what is settled already stays as it is."""
    if job.kind == "ingest":
        _mark_datasets(work, job, datasets.c.id == job.subject, error, user_id)
        return
    about = validations.c.id == job.subject
    if job.kind == "pipeline":
        about = validations.c.job_id == job.id
        _mark_pipeline(work, job, status, error, user_id)
        _mark_datasets(work, job, datasets.c.job_id == job.id, error, user_id)
    under_way = validations.c.status.in_(("queued", "running"))
    found = select(validations).where(about, under_way, validations.c.company_id == job.company_id)
    for row in work.all(found.with_for_update()):
        change = _ended(work, row, status, error)
        mine = (validations.c.id == row.id) & (validations.c.company_id == job.company_id)
        work.run(validations.update().where(mine).values(change))
        audit.record(work, f"validation.{status}", row.id, company_id=job.company_id, user_id=user_id)


def _mark_pipeline(work: Work, job: Ended, status: Ending, error: Problem, user_id: str | None) -> None:
    mine = (pipelines.c.id == job.subject) & (pipelines.c.company_id == job.company_id)
    row = work.one(select(pipelines).where(mine, pipelines.c.status.in_(("queued", "running"))).with_for_update())
    if row is None:
        return
    work.run(pipelines.update().where(mine).values(_ended(work, row, status, error)))
    audit.record(work, f"pipeline.{status}", job.subject, company_id=job.company_id, user_id=user_id)
    # A repaired table that is not all there is waited for by nobody: its bytes go with the next sweep.
    unfinished = (datasets.c.id == row.repaired_id) & (datasets.c.status == "uploading")
    change = datasets.update().where(unfinished, datasets.c.company_id == job.company_id)
    if work.run(change.values(status="expired", expires_at=work.now, updated_at=work.now)):
        audit.record(work, "dataset.expired", row.repaired_id, company_id=job.company_id, user_id=user_id)


def _ended(work: Work, row: Row[Any], status: Ending, error: Problem) -> dict[str, Any]:
    """What is to be changed of a validation or a pipeline that ends without a result."""
    stages.finish(row.stages, "failed" if status == "failed" else "cancelled", rfc3339(work.now))
    return {
        "status": status,
        "error": error,
        "stages": row.stages,
        "current_stage": None,
        "completed_at": work.now,
        "version": row.version + 1,
    }


def _mark_datasets(work: Work, job: Ended, about: ColumnElement[bool], error: Problem, user_id: str | None) -> None:
    mine = about & (datasets.c.company_id == job.company_id) & (datasets.c.status == "processing")
    failed = datasets.update().where(mine).values(status="failed", error=error, updated_at=work.now)
    for row in work.all(failed.returning(datasets.c.id)):
        audit.record(work, "dataset.failed", row.id, company_id=job.company_id, user_id=user_id)
