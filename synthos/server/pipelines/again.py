"""A pipeline that failed or was called off is run again; what it has made, and is still there, stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.db.database import Work
from synthos.server.errors import ConflictError, NotFoundError
from synthos.server.ids import rfc3339
from synthos.server.jobs import queue
from synthos.server.jobs import repository as jobs
from synthos.server.pipelines import repository, stages
from synthos.server.settings import Tier
from synthos.server.validations import repository as verdicts
from synthos.server.validations import service as validations

_NO_RESULT = ("failed", "cancelled")
#: Of datasets all of whose bytes are there.
_COMPLETE = ("processing", "ready", "failed")


def run_again(work: Work, tier: Tier, identifier: str, priority: int) -> str:
    """Queue a job for it; the job's id. The work has the company's audit chain already.

    Verdicts that are there are not asked for again. Those that are count against the month's quotas.

    Raises
    ------
    NotFoundError : there is no such pipeline.
    ConflictError : it has not failed, its tables are not there any more, it is of long ago, or a validation of it has
        been run again and has not ended.
    TooManyError : the month's validations or rows are used up.
    """
    row = _without_result(work, identifier)
    named = {"synthetic": row.dataset_id, "reference": row.reference_id, "holdout": row.holdout_id}
    tables = {role: name for role, name in named.items() if name is not None}
    found = _there(work, tables.values())
    if len(found) < len(set(tables.values())):
        raise ConflictError("dataset-deleted", "a dataset of this pipeline is not there any more")
    repaired = _there(work, [row.repaired_id])
    made = _judged(work, row, is_repaired=bool(repaired))
    _check_quota(work, tier, row, made)
    audit.record(work, "pipeline.requested", identifier, kind=row.kind, tables=tables)
    job_id = queue.enqueue(work, "pipeline", identifier, {}, priority=priority)
    for table in (*found, *repaired):
        if table.status == "failed":
            jobs.process_again(work, table.id, job_id)
    for verdict in made:
        if verdict.status != "completed":
            audit.record(work, "validation.requested", verdict.id, kind=verdict.kind, again=True)
            jobs.validate_again(work, verdict, job_id, verdict.rows)
    _plan_again(work, row, job_id, made, is_repaired=bool(repaired))
    return job_id


def _without_result(work: Work, identifier: str) -> Row[Any]:
    row = repository.locked(work, identifier)
    if row is None:
        raise NotFoundError("pipeline")
    if row.status not in _NO_RESULT:
        raise ConflictError("not-failed", f"only what has failed or was cancelled is run again; this is {row.status}")
    if work.now - row.created_at > validations.MONTH:
        raise ConflictError("too-old", "it was asked for more than 30 days ago; ask for a new one")
    return row


def _there(work: Work, names: Iterable[str | None]) -> list[Row[Any]]:
    """Those of the datasets whose bytes are all there."""
    wanted = [name for name in names if name is not None]
    return [row for row in verdicts.usable(work, wanted).values() if row.status in _COMPLETE]


def _judged(work: Work, row: Row[Any], *, is_repaired: bool) -> list[Row[Any]]:
    """Its validation, and that of the repaired table where both are there."""
    names = [row.validation_id, row.revalidation_id if is_repaired else None]
    found = [made for name in names if name is not None and (made := jobs.locked_validation(work, name)) is not None]
    if any(made.status in ("queued", "running") for made in found):
        raise ConflictError("validation-at-work", "a validation of it has been run again; wait until that has ended")
    return found


def _check_quota(work: Work, tier: Tier, row: Row[Any], made: Sequence[Row[Any]]) -> None:
    """A validation of a table that is still to be repaired counts as one of the table itself."""
    coming = [verdict.rows or 0 for verdict in made if verdict.status != "completed"]
    if row.kind == "full" and len(made) == 1:
        coming.append(made[0].rows or 0)
    validations.check_quota(work, tier, validations=len(coming), rows=sum(coming))


def _plan_again(work: Work, row: Row[Any], job_id: str, made: Sequence[Row[Any]], *, is_repaired: bool) -> None:
    """What is done stays done; a repair whose table or whose second validation is not there is not."""
    kept = {stage["stage"] for stage in row.stages if stage["status"] == "completed"} - {"validate", "revalidate"}
    if len(made) == 1:
        kept.discard("repair")
    judged = zip(("validate", "revalidate"), made, strict=False)
    kept |= {name for name, verdict in judged if verdict.status == "completed"}
    planned = stages.planned_again(row.stages, kept, rfc3339(work.now))
    values: dict[str, Any] = {
        "status": "queued",
        "stages": planned,
        "progress": stages.progress(planned),
        "current_stage": None,
        "error": None,
        "completed_at": None,
        "job_id": job_id,
    }
    if "repair" not in kept:
        values |= {"repair": None, "revalidation_id": None}
    if not is_repaired:
        values["repaired_id"] = None
    repository.change(work, row.id, row.company_id, values)
