"""Asking for a pipeline, and looking at it. It is called off by its job."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.datasets import repository as datasets
from synthos.server.datasets import uploads
from synthos.server.db.tables import pipelines as table
from synthos.server.errors import NotFoundError
from synthos.server.ids import new_id
from synthos.server.jobs.queue import PRIORITIES, enqueue
from synthos.server.pagination import cut, page_of
from synthos.server.pipelines import repository, stages
from synthos.server.pipelines.schemas import CreatePipeline
from synthos.server.pipelines.stages import Kind, Stage
from synthos.server.state import Services
from synthos.server.validations import service as validations


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A pipeline that waits for a worker."""

    id: str
    job_id: str
    validation_id: str
    stages: list[Stage]
    estimate: datetime | None


def create(
    services: Services,
    principal: Principal,
    kind: Kind,
    asked: CreatePipeline,
    *,
    sent: Set[str] = frozenset(),
    delay: float = 0.0,
) -> Asked:
    """Queue a pipeline. Uploads whose parts are all there are completed by it.

    Parameters
    ----------
    sent : datasets whose bytes are all there without having come in parts.
    delay : as of ``enqueue``.

    Raises
    ------
    NotFoundError : a dataset is not there.
    ConflictError : parts of a dataset are missing, or it cannot be read.
    InvalidError : an option cannot be honoured.
    TooManyError : the month's validations or rows are used up.
    """
    validations.check_options(asked)
    named = validations.tables_of(asked)
    for name in set(named.values()) - sent:
        uploads.gather(services, principal, name)
    identifier, validation_id, planned = new_id("pip"), new_id("val"), stages.planned(kind)
    times = sum(stage["stage"] in ("validate", "revalidate") for stage in planned)
    with services.database.write(principal.tenant) as work:
        audit.begin(work)  # no table is deleted between being looked at and being used
        audit.record(work, "pipeline.requested", identifier, kind=kind, tables=named)
        audit.record(work, "validation.requested", validation_id, kind=asked.validation_type, tables=named)
        estimate = validations.estimate(work, asked.validation_type, times)
        job_id = enqueue(work, "pipeline", identifier, {}, priority=PRIORITIES[asked.options.priority], delay=delay)
        for name in set(named.values()):
            if uploads.begin_processing(work, name):
                datasets.change(work, name, "processing", job_id=job_id)
        rows = validations.rows_of(work, named, statuses=("ready", "processing"))
        tier = services.settings.tiers[principal.tier]
        validations.check_quota(work, tier, validations=times, rows=times * (rows or 0))
        validations.add(work, validation_id, asked, named, rows, job_id)
        repository.add(
            work,
            {
                "id": identifier,
                "kind": kind,
                "dataset_id": named["synthetic"],
                "reference_id": named.get("reference"),
                "holdout_id": named.get("holdout"),
                "validation_kind": asked.validation_type,
                "options": asked.options.model_dump(),
                "status": "queued",
                "stages": planned,
                "validation_id": validation_id,
                "job_id": job_id,
            },
        )
    return Asked(id=identifier, job_id=job_id, validation_id=validation_id, stages=planned, estimate=estimate)


def show(services: Services, principal: Principal, identifier: str) -> tuple[Row[Any], dict[str, Row[Any]]]:
    """A pipeline, and the verdicts of its validations by their identifiers.

    Raises
    ------
    NotFoundError : there is none of this name.
    """
    with services.database.read(principal.tenant) as work:
        row = repository.find(work, identifier)
        if row is None:
            raise NotFoundError("pipeline")
        return row, repository.verdicts(work, row)


def page(
    services: Services, principal: Principal, status: str | None, cursor: str | None, limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    """Pipelines, newest first."""
    with services.database.read(principal.tenant) as work:
        return cut(work.all(page_of(repository.listed(work, status), table, cursor, limit)), limit)
