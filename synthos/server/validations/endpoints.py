"""``/validations``."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, WebSocket
from sqlalchemy import Row

from synthos.server import etags, ids
from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.ids import rfc3339
from synthos.server.jobs.streams import STREAM_RESPONSES, LastEventId, event_stream, serve_websocket
from synthos.server.pagination import USUAL, Cursor, Limit, Page
from synthos.server.problems import documented
from synthos.server.state import Services, ServicesOf
from synthos.server.tasks import in_thread
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

router = APIRouter(prefix="/validations", tags=["validations"], route_class=GuardedRoute)
sockets = APIRouter(prefix="/validations", tags=["validations"])
Reader = Annotated[Principal, requires("validations:read")]
Writer = Annotated[Principal, requires("validations:write")]
Identifier = Annotated[str, Path(pattern=ids.PATTERN)]
#: What the routes of a validation's results may answer.
_OF_DONE = documented(401, 403, 404, 409, 422, 429) | etags.UNCHANGED
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
    responses=documented(401, 403, 404, 422, 429) | etags.UNCHANGED,
)
async def show(request: Request, services: ServicesOf, principal: Reader, validation_id: Identifier) -> Response:
    """One validation: how far it is, and its results when it is done."""
    row = await service.show(services, principal, validation_id)
    tag = etags.etag(row.id, row.version)
    same = etags.unchanged(request, tag)
    return same or Response(_as_json(row), media_type="application/json", headers=etags.headers(tag))


@router.post("/{validation_id}/cancel", responses=documented(401, 403, 404, 409, 422, 429))
def cancel(services: ServicesOf, principal: Writer, validation_id: Identifier) -> Cancelled:
    """Call a validation off. Asking again changes nothing; one that has ended stays as it is."""
    return Cancelled(validation_id=validation_id, status=service.cancel(services, principal, validation_id))


@router.get("/{validation_id}/collapse-details", response_model=CollapseDetails, responses=_OF_DONE)
def collapse_details(request: Request, services: ServicesOf, principal: Reader, validation_id: Identifier) -> Response:
    """What is wrong, in which rows and columns, and which known collapses it resembles."""
    document = service.document(services, principal, validation_id)
    return etags.answer(request, CollapseDetails(**documents.collapse_of(document)))


@router.get("/{validation_id}/recommendations", response_model=Recommendations, responses=_OF_DONE)
def recommendations(request: Request, services: ServicesOf, principal: Reader, validation_id: Identifier) -> Response:
    """What to do about it, best first, with what each is worth."""
    document = service.document(services, principal, validation_id)
    return etags.answer(request, Recommendations(**documents.recommendations_of(document)))


@router.get("/{validation_id}/cascade", response_model=CascadeView, responses=_OF_DONE)
def cascade(request: Request, services: ServicesOf, principal: Reader, validation_id: Identifier) -> Response:
    """The models that were trained, and the law fitted to them."""
    document = service.document(services, principal, validation_id)
    return etags.answer(request, CascadeView(**documents.cascade_of(document)))


@router.get(
    "/{validation_id}/report",
    response_class=Response,
    responses=_OF_DONE | {200: {"content": {"text/html": {}, "application/json": {}}, "description": "the report"}},
)
def report(
    request: Request,
    services: ServicesOf,
    principal: Reader,
    validation_id: Identifier,
    format: Annotated[Literal["html", "json"], Query(description="a page for people, or the whole document")] = "html",
) -> Response:
    """The report: one page that needs nothing else, or the JSON document that it was made from."""
    if format == "json":
        return etags.answer(request, service.made(services, principal, validation_id, places.document))
    found = service.made(services, principal, validation_id, places.page)
    return etags.answer(request, found, "text/html", **{"Content-Security-Policy": REPORT_POLICY})


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
    job_id = await in_thread(service.job_of, services, principal, validation_id)
    return await event_stream(services, principal, job_id, last_event_id or 0)


@sockets.websocket("/{validation_id}/ws")
async def websocket(websocket: WebSocket, validation_id: Identifier) -> None:
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
