"""The queue: rows of ``jobs``. Whoever holds a row's lease may write it, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import structlog

from synthos.server.audit import log as audit
from synthos.server.db.database import Work
from synthos.server.db.tables import jobs
from synthos.server.ids import new_id

JobKind = Literal["ingest", "validation", "pipeline"]


def enqueue(
    work: Work,
    kind: JobKind,
    subject: str,
    payload: Mapping[str, Any],
    *,
    priority: int = 0,
    most_attempts: int = 4,
) -> str:
    """Add a job of the tenant's in this unit of work; its identifier.

    Parameters
    ----------
    subject : the identifier of what the job is about: a dataset, a validation, a pipeline.
    payload : what its handler has to know besides; JSON, and no secrets.
    priority : higher ones go first, whatever their age.
    most_attempts : how often the job may be begun before it counts as failed.
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
        "due_at": work.now,
        "trace_id": structlog.contextvars.get_contextvars().get("trace_id"),
        "created_at": work.now,
    }
    work.run(jobs.insert().values(values))
    audit.record(work, "job.queued", job_id, kind=kind, about=subject)
    return job_id
