"""Asking for a validation, looking at it, and calling it off."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.db.database import Work
from synthos.server.db.glances import glance
from synthos.server.db.tables import validations as table
from synthos.server.errors import ConflictError, InvalidError, NotFoundError, TooManyError
from synthos.server.ids import new_id
from synthos.server.jobs.queue import PRIORITIES, ask_cancel, enqueue
from synthos.server.pagination import cut, page_of
from synthos.server.settings import Tier
from synthos.server.state import Services
from synthos.server.validations import places, repository, stages
from synthos.server.validations.schemas import CreateValidation
from synthos.server.validations.stages import Stage, Status

MONTH = timedelta(days=30)
#: The roles of a validation's tables, and the fields of the request that name them.
ROLES = {"synthetic": "dataset_id", "reference": "reference_dataset_id", "holdout": "holdout_dataset_id"}


def create(
    services: Services, principal: Principal, asked: CreateValidation
) -> tuple[str, list[Stage], datetime | None]:
    """Queue a validation: its id, its stages, and when it may be done.

    Raises
    ------
    NotFoundError : a dataset is not there.
    ConflictError : a dataset is not ready.
    InvalidError : an option cannot be honoured.
    TooManyError : the month's validations or rows are used up.
    """
    check_options(asked)
    named, identifier = tables_of(asked), new_id("val")
    with services.database.write(principal.tenant) as work:
        audit.begin(work)  # no table is deleted between being looked at and being used
        rows = rows_of(work, named)
        check_quota(work, services.settings.tiers[principal.tier], validations=1, rows=rows or 0)
        audit.record(work, "validation.requested", identifier, kind=asked.validation_type, tables=named)
        expected = estimate(work, asked.validation_type)
        job_id = enqueue(work, "validation", identifier, {}, priority=PRIORITIES[asked.options.priority])
        planned = add(work, identifier, asked, named, rows, job_id)
    return identifier, planned, expected


def add(
    work: Work, identifier: str, asked: CreateValidation, named: dict[str, str], rows: int | None, job_id: str
) -> list[Stage]:
    """A validation that this job will carry out; its stages. ``rows`` is None where they are not all read yet."""
    planned = stages.planned(asked.validation_type)
    repository.add(
        work,
        {
            "id": identifier,
            "dataset_id": named["synthetic"],
            "reference_id": named.get("reference"),
            "holdout_id": named.get("holdout"),
            "kind": asked.validation_type,
            "options": asked.options.model_dump(),
            "status": "queued",
            "stages": planned,
            "rows": rows,
            "job_id": job_id,
        },
    )
    return planned


async def show(services: Services, principal: Principal, identifier: str) -> Row[Any]:
    """A validation with its JSON columns as text.

    Raises
    ------
    NotFoundError : there is none of this name.
    """
    row = await glance(services.database, principal.tenant, lambda work: repository.find_as_text(work, identifier))
    if row is None:
        raise NotFoundError("validation")
    return row


def document(services: Services, principal: Principal, identifier: str) -> dict[str, Any]:
    """The whole JSON document of a completed validation.

    Raises
    ------
    NotFoundError : there is none of this name.
    ConflictError : it is not completed.
    """
    found: dict[str, Any] = json.loads(made(services, principal, identifier, places.document))
    return found


def made(services: Services, principal: Principal, identifier: str, place: Callable[[str], str]) -> bytes:
    """Something that a completed validation has made, from its ``place``; raises as ``document``."""
    with services.database.read(principal.tenant) as work:
        found = repository.standing(work, identifier)
    if found is None:
        raise NotFoundError("validation")
    if found.status != "completed":
        raise ConflictError("not-completed", f"the validation is {found.status}; this is there once it is completed")
    if found.deleted:
        raise ConflictError("dataset-deleted", "a dataset of this validation was deleted, and this with it")
    return services.cache.read(place(identifier), services.storage.read)


def job_of(services: Services, principal: Principal, identifier: str) -> str:
    """The job that carries a validation out.

    Raises
    ------
    NotFoundError : there is no such validation.
    """
    with services.database.read(principal.tenant) as work:
        return job_in(work, identifier)


def job_in(work: Work, identifier: str) -> str:
    """The same, in the caller's unit of work."""
    row = repository.find(work, identifier)
    if row is None:
        raise NotFoundError("validation")
    return str(row.job_id)


def page(
    services: Services, principal: Principal, status: str | None, cursor: str | None, limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    """Validations, newest first."""
    with services.database.read(principal.tenant) as work:
        return cut(work.all(page_of(repository.listed(work, status), table, cursor, limit)), limit)


def cancel(services: Services, principal: Principal, identifier: str) -> Status:
    """Call a validation off; its status. One that has ended stays as it is.

    Raises
    ------
    NotFoundError : there is none of this name.
    """
    with services.database.write(principal.tenant) as work:
        audit.begin(work)
        row = repository.find(work, identifier)
        if row is None:
            raise NotFoundError("validation")
        if row.status not in ("queued", "running"):
            return cast(Status, row.status)
        job = ask_cancel(work, row.job_id)
    return "cancelled" if job.status == "cancelled" else cast(Status, row.status)


def tables_of(asked: CreateValidation) -> dict[str, str]:
    """The identifiers of the datasets that are named, by role."""
    return {role: getattr(asked, field) for role, field in ROLES.items() if getattr(asked, field) is not None}


def check_options(asked: CreateValidation) -> None:
    """Nothing is accepted that would have no effect.

    Raises
    ------
    InvalidError : an option cannot be honoured.
    """
    options, wrong = asked.options, []
    if options.target_model_size is not None and options.target_rows is None:
        wrong.append(("body.options.target_model_size", "says nothing without target_rows"))
    if options.target_rows is not None and asked.validation_type == "quick":
        wrong.append(("body.options.target_rows", "needs a full validation: a quick one trains no models to tell from"))
    if options.target_rows is not None and asked.reference_dataset_id is None:
        wrong.append(("body.options.target_rows", "needs a reference_dataset_id: without one no models are trained"))
    if options.enable_warranty:
        wrong.append(("body.options.enable_warranty", "is not offered; leave it out"))
    if wrong:
        raise InvalidError(*wrong)


def rows_of(work: Work, named: dict[str, str], *, statuses: Sequence[str] = ("ready",)) -> int | None:
    """Rows of all tables together; None where one of them is still to be read.

    Raises
    ------
    NotFoundError : a dataset is not there.
    ConflictError : a dataset has none of ``statuses``.
    """
    found = repository.usable(work, list(named.values()))
    for role, identifier in named.items():
        row = found.get(identifier)
        if row is None or row.status in ("deleted", "expired"):
            raise NotFoundError(f"dataset {identifier} ({role})")
        if row.status not in statuses:
            raise ConflictError("dataset-not-ready", f"dataset {identifier} ({role}) is {row.status}, not ready")
    counts = [found[identifier].row_count for identifier in named.values()]
    return None if None in counts else sum(counts)


def check_quota(work: Work, tier: Tier, *, validations: int, rows: int) -> None:
    """That the company may have so many more validations, and so many more rows judged.

    Raises
    ------
    TooManyError : it may not.
    """
    used = repository.used_since(work, work.now - MONTH)
    retry = timedelta(days=1).total_seconds()
    if used.number + validations > tier.validations:
        raise TooManyError("quota", f"the {tier.validations:,} validations of 30 days are used up", retry)
    if used.rows + rows > tier.rows:
        left = max(0, tier.rows - used.rows)
        detail = f"this asks for {rows:,} rows; of the {tier.rows:,} of 30 days {left:,} are left"
        raise TooManyError("quota", detail, retry)


def estimate(work: Work, kind: str, times: int = 1) -> datetime | None:
    """When ``times`` validations of this kind may be done that are asked for now; None where none was done before."""
    seconds = repository.usual_seconds(work, kind)
    return None if seconds is None else work.now + (times + repository.waiting(work)) * timedelta(seconds=seconds)
