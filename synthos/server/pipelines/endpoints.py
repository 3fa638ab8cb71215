"""``/pipelines``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Row

from synthos.server import etags, ids
from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.pagination import USUAL, Cursor, Limit, Page
from synthos.server.pipelines import service
from synthos.server.pipelines.schemas import (
    CreateFullPipeline,
    CreatePipeline,
    PipelineCreated,
    PipelineResults,
    PipelineStage,
    PipelineSummary,
    PipelineView,
    RepairView,
)
from synthos.server.problems import documented
from synthos.server.state import ServicesOf
from synthos.server.validations.stages import Status

router = APIRouter(prefix="/pipelines", tags=["pipelines"], route_class=GuardedRoute)
Reader = Annotated[Principal, requires("validations:read")]
Writer = Annotated[Principal, requires("validations:write")]
Identifier = Annotated[str, Path(pattern=ids.PATTERN)]


@router.post("/validation", status_code=202, responses=documented(401, 403, 404, 409, 422, 429))
def create_validation(services: ServicesOf, principal: Writer, asked: CreatePipeline) -> PipelineCreated:
    """Have tables read, profiled and judged. Uploads whose parts are all there are completed by it."""
    return _created(service.create(services, principal, "validation", asked))


@router.post("/full", status_code=202, responses=documented(401, 403, 404, 409, 422, 429))
def create_full(services: ServicesOf, principal: Writer, asked: CreateFullPipeline) -> PipelineCreated:
    """Have tables read, profiled and judged, the synthetic one repaired, and the repaired one judged again.

    Applied are the recommendations whose gain was measured and is above 0, and that need no real rows. The repaired
    table becomes a dataset of its own. Where there is nothing to apply, that is said, and the pipeline ends there.
    """
    return _created(service.create(services, principal, "full", asked))


@router.get("", responses=documented(401, 403, 422, 429))
def index(
    services: ServicesOf,
    principal: Reader,
    status: Annotated[Status | None, Query(description="only those of this status")] = None,
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> Page[PipelineSummary]:
    """The company's pipelines, newest first."""
    rows, following = service.page(services, principal, status, cursor, limit)
    return Page(items=[PipelineSummary(**_summary(row)) for row in rows], next_cursor=following)


@router.get(
    "/{pipeline_id}",
    response_model=PipelineView,
    responses=documented(401, 403, 404, 422, 429) | etags.UNCHANGED,
)
def show(request: Request, services: ServicesOf, principal: Reader, pipeline_id: Identifier) -> Response:
    """One pipeline: its stages, the ids of what it has made, and the risk before and after."""
    row, verdicts = service.show(services, principal, pipeline_id)
    view = PipelineView(
        **_summary(row),
        options=row.options,
        stages=[PipelineStage(**stage) for stage in row.stages],
        repair=None if row.repair is None else RepairView(**row.repair),
        results=_results(row, verdicts),
    )
    return etags.answer(request, view)


def _created(asked: service.Asked) -> PipelineCreated:
    return PipelineCreated(
        pipeline_id=asked.id,
        job_id=asked.job_id,
        validation_id=asked.validation_id,
        stages=[PipelineStage(**stage) for stage in asked.stages],
        estimated_completion=asked.estimate,
    )


_AS_THEY_ARE = (
    *("kind", "job_id", "dataset_id", "status", "progress", "current_stage", "validation_id", "revalidation_id"),
    *("error", "created_at", "started_at", "completed_at"),
)


def _summary(row: Row[Any]) -> dict[str, Any]:
    return {name: row._mapping[name] for name in _AS_THEY_ARE} | {
        "pipeline_id": row.id,
        "reference_dataset_id": row.reference_id,
        "holdout_dataset_id": row.holdout_id,
        "validation_type": row.validation_kind,
        "repaired_dataset_id": row.repaired_id,
    }


def _results(row: Row[Any], verdicts: dict[str, Row[Any]]) -> PipelineResults | None:
    before, after = verdicts.get(row.validation_id), verdicts.get(row.revalidation_id)
    if before is None:
        return None
    return PipelineResults(
        risk_score_before=before.risk_score,
        risk_score_after=None if after is None else after.risk_score,
        improvement=None if after is None else before.risk_score - after.risk_score,
        decision_before=before.decision,
        decision=(after or before).decision,
    )
