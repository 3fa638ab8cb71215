"""Jobs: listed, shown, called off, and run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.db.database import Work
from synthos.server.errors import ConflictError, NotFoundError
from synthos.server.jobs import queue, repository
from synthos.server.jobs.queue import PRIORITIES
from synthos.server.jobs.schemas import RunAgain
from synthos.server.pagination import cut
from synthos.server.pipelines import again
from synthos.server.settings import Tier
from synthos.server.state import Services
from synthos.server.validations import service as validations

#: Ends of a validation after which it may be run again.
_NO_RESULT = ("failed", "cancelled")


def run_again(services: Services, principal: Principal, asked: RunAgain) -> Row[Any]:
    """Queue a job for a dataset whose processing failed, or for a validation or a pipeline that came to no result.

    Raises
    ------
    NotFoundError : there is no such dataset, validation or pipeline.
    ConflictError : it has not failed, its tables are not there any more, or it is of long ago.
    TooManyError : the month's validations or rows are used up.
    """
    priority, tier = PRIORITIES[asked.priority], services.settings.tiers[principal.tier]
    with services.database.write(principal.tenant) as work:
        audit.begin(work)
        if asked.kind == "ingest":
            job_id = _process_again(work, asked.subject, priority)
        elif asked.kind == "validation":
            job_id = _validate_again(work, tier, asked.subject, priority)
        else:
            job_id = again.run_again(work, tier, asked.subject, priority)
        return repository.find(work, job_id)


def page(
    services: Services, principal: Principal, status: str | None, kind: str | None, cursor: str | None, limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    """The company's jobs, newest first, and the cursor of the next page."""
    with services.database.read(principal.tenant) as work:
        return cut(repository.page(work, status, kind, cursor, limit), limit)


def show(services: Services, principal: Principal, job_id: str) -> tuple[Row[Any], Row[Any] | None]:
    """A job, and its newest event of progress.

    Raises
    ------
    NotFoundError : there is none.
    """
    with services.database.read(principal.tenant) as work:
        return repository.find(work, job_id), repository.newest_step(work, job_id)


def cancel(services: Services, principal: Principal, job_id: str) -> Row[Any]:
    """Call a job off; its row. One that has ended stays as it is.

    Raises
    ------
    NotFoundError : there is none.
    """
    with services.database.write(principal.tenant) as work:
        return queue.ask_cancel(work, job_id)


def _process_again(work: Work, dataset_id: str, priority: int) -> str:
    row = repository.locked_dataset(work, dataset_id)
    if row is None:
        raise NotFoundError("dataset")
    if row.status != "failed":
        raise ConflictError("not-failed", f"only what has failed is processed again; the dataset is {row.status}")
    job_id = queue.enqueue(work, "ingest", dataset_id, {}, priority=priority)
    repository.process_again(work, dataset_id, job_id)
    return job_id


def _validate_again(work: Work, tier: Tier, validation_id: str, priority: int) -> str:
    """It counts against the month's quotas like the first time."""
    row = repository.locked_validation(work, validation_id)
    if row is None:
        raise NotFoundError("validation")
    if row.status not in _NO_RESULT:
        raise ConflictError("not-failed", f"only what has failed or was cancelled is run again; this is {row.status}")
    if not repository.has_its_datasets(work, row):
        raise ConflictError("dataset-deleted", "a dataset of this validation is not there any more")
    if work.now - row.created_at > validations.MONTH:
        raise ConflictError("too-old", "it was asked for more than 30 days ago; ask for a new one")
    named = {"synthetic": row.dataset_id, "reference": row.reference_id, "holdout": row.holdout_id}
    tables = {role: name for role, name in named.items() if name is not None}
    rows = validations.rows_of(work, tables) or 0
    validations.check_quota(work, tier, validations=1, rows=rows)
    audit.record(work, "validation.requested", validation_id, kind=row.kind, tables=tables)
    job_id = queue.enqueue(work, "validation", validation_id, {}, priority=priority)
    repository.validate_again(work, row, job_id, rows)
    return job_id
