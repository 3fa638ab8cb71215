"""``/validations``."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, WebSocket
from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool

from synthos.server import etags
from synthos.server.auth.guard import SECURED, requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import IdempotentRoute
from synthos.server.ids import rfc3339
from synthos.server.jobs.streams import STREAM_RESPONSES, LastEventId, event_stream, serve_websocket
from synthos.server.pagination import USUAL, Cursor, Limit, Page
from synthos.server.problems import documented
from synthos.server.state import Services, ServicesOf
from synthos.server.validations import documents, places, service
from synthos.server.validations.schemas import (
    Cancelled,
    CascadeView,
    CollapseDetails,
    Created,
    CreateValidation,
    Recommendations,
    StageView,
    ValidationSummary,
    ValidationView,
)
from synthos.server.validations.stages import Status

router = APIRouter(prefix="/validations", tags=["validations"], dependencies=SECURED, route_class=IdempotentRoute)
sockets = APIRouter(prefix="/validations", tags=["validations"])
Reader = Annotated[Principal, requires("validations:read")]
Writer = Annotated[Principal, requires("validations:write")]
Identifier = Annotated[str, Path(max_length=64)]
#: The page brings its own styles and its one script, asks for nothing, and may not act in the API's name.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)


@router.post("/create", status_code=202, responses=documented(401, 403, 404, 409, 422, 429))
def create(services: ServicesOf, principal: Writer, asked: CreateValidation) -> Created:
    """Queue a validation. Watch it at ``/validations/{id}`` or ``/validations/{id}/events``."""
    identifier, planned, estimate = service.create(services, principal, asked)
    stages = [StageView(**stage) for stage in planned]
    return Created(validation_id=identifier, stages=stages, estimated_completion=estimate)


@router.get("", responses=documented(401, 403, 422, 429))
def index(
    services: ServicesOf,
    principal: Reader,
    status: Annotated[Status | None, Query(description="only those of this status")] = None,
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> Page[ValidationSummary]:
    """The company's validations, newest first."""
    rows, following = service.page(services, principal, status, cursor, limit)
    return Page(items=[_summary(row) for row in rows], next_cursor=following)


@router.get(
    "/{validation_id}",
    response_model=ValidationView,
    responses=documented(401, 403, 404, 422, 429) | {304: {"description": "Not Modified"}},
)
def show(request: Request, services: ServicesOf, principal: Reader, validation_id: Identifier) -> Response:
    """One validation: how far it is, and its results when it is done."""
    row = service.show(services, principal, validation_id)
    tag = etags.etag(row.id, row.version)
    same = etags.unchanged(request, tag)
    return same or Response(_as_json(row), media_type="application/json", headers=etags.headers(tag))


@router.post("/{validation_id}/cancel", responses=documented(401, 403, 404, 409, 422, 429))
def cancel(services: ServicesOf, principal: Writer, validation_id: Identifier) -> Cancelled:
    """Call a validation off. Asking again changes nothing; one that has ended stays as it is."""
    return Cancelled(validation_id=validation_id, status=service.cancel(services, principal, validation_id))


@router.get("/{validation_id}/collapse-details", responses=documented(401, 403, 404, 409, 422, 429))
def collapse_details(services: ServicesOf, principal: Reader, validation_id: Identifier) -> CollapseDetails:
    """What is wrong, in which rows and columns, and which known collapses it resembles."""
    return CollapseDetails(**documents.collapse_of(service.document(services, principal, validation_id)))


@router.get("/{validation_id}/recommendations", responses=documented(401, 403, 404, 409, 422, 429))
def recommendations(services: ServicesOf, principal: Reader, validation_id: Identifier) -> Recommendations:
    """What to do about it, best first, with what each is worth."""
    return Recommendations(**documents.recommendations_of(service.document(services, principal, validation_id)))


@router.get("/{validation_id}/cascade", responses=documented(401, 403, 404, 409, 422, 429))
def cascade(services: ServicesOf, principal: Reader, validation_id: Identifier) -> CascadeView:
    """The models that were trained, and the law fitted to them."""
    return CascadeView(**documents.cascade_of(service.document(services, principal, validation_id)))


@router.get(
    "/{validation_id}/report",
    response_class=Response,
    responses=documented(401, 403, 404, 409, 422, 429)
    | {200: {"content": {"text/html": {}, "application/json": {}}, "description": "the report"}},
)
def report(
    services: ServicesOf,
    principal: Reader,
    validation_id: Identifier,
    format: Annotated[Literal["html", "json"], Query(description="a page for people, or the whole document")] = "html",
) -> Response:
    """The report: one page that needs nothing else, or the JSON document that it was made from."""
    if format == "json":
        found = service.made(services, principal, validation_id, places.document)
        return Response(found, media_type="application/json")
    found = service.made(services, principal, validation_id, places.page)
    return Response(found, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


@router.get(
    "/{validation_id}/events",
    response_class=Response,
    responses=STREAM_RESPONSES | documented(401, 403, 404, 422, 429),
)
async def events(
    services: ServicesOf, principal: Reader, validation_id: Identifier, last_event_id: LastEventId = None
) -> Response:
    """What happens to a validation, as server-sent events, until it has ended.

    Name the last event that you saw in ``Last-Event-ID`` to go on behind it.
    """
    job_id = await run_in_threadpool(service.job_of, services, principal, validation_id)
    return await event_stream(services, principal, job_id, last_event_id or 0)


@sockets.websocket("/{validation_id}/ws")
async def websocket(websocket: WebSocket, validation_id: str) -> None:
    """The same events over a WebSocket."""
    services: Services = websocket.app.state.services
    await serve_websocket(websocket, services, "validations:read", lambda work: service.job_in(work, validation_id))


def _summary(row: Row[Any]) -> ValidationSummary:
    return ValidationSummary(
        validation_id=row.id,
        dataset_id=row.dataset_id,
        validation_type=row.kind,
        status=row.status,
        progress=row.progress,
        risk_score=row.risk_score,
        created_at=row.created_at,
        completed_at=row.completed_at,
    )


def _as_json(row: Row[Any]) -> str:
    """A ``ValidationView``, put together from JSON that is stored: nothing is parsed or checked again."""
    plain = {
        "validation_id": row.id,
        "job_id": row.job_id,
        "dataset_id": row.dataset_id,
        "reference_dataset_id": row.reference_id,
        "holdout_dataset_id": row.holdout_id,
        "validation_type": row.kind,
        "status": row.status,
        "progress": row.progress,
        "current_stage": row.current_stage,
        **{
            name: None if (moment := getattr(row, name)) is None else rfc3339(moment)
            for name in ("created_at", "started_at", "completed_at")
        },
    }
    stored = ",".join(f'"{name}":{getattr(row, name) or "null"}' for name in ("options", "stages", "results", "error"))
    return f"{json.dumps(plain)[:-1]},{stored}}}"
