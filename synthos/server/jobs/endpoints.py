"""``/jobs``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response, WebSocket
from sqlalchemy import Row

from synthos.server import etags, ids
from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.jobs import repository, service
from synthos.server.jobs.queue import PRIORITIES, JobKind, JobStatus
from synthos.server.jobs.schemas import JobDetail, JobProgress, JobSummary, RunAgain
from synthos.server.jobs.streams import STREAM_RESPONSES, LastEventId, event_stream, serve_websocket
from synthos.server.pagination import USUAL, Cursor, Limit, Page
from synthos.server.problems import documented
from synthos.server.state import ServicesOf

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=GuardedRoute)
#: Apart, because the guard of other routes reads the request of HTTP.
sockets = APIRouter(prefix="/jobs", tags=["jobs"])
Reader = Annotated[Principal, requires("jobs:read")]
Writer = Annotated[Principal, requires("jobs:write")]
JobId = Annotated[str, Path(pattern=ids.PATTERN)]


@router.post("", status_code=202, responses=documented(401, 403, 404, 409, 422, 429))
def run_again(services: ServicesOf, principal: Writer, asked: RunAgain) -> JobSummary:
    """Process a dataset again that failed, or run a validation or a pipeline again that failed or was cancelled.

    New work is queued by the routes of datasets, validations and pipelines.
    """
    return JobSummary(**_shown(service.run_again(services, principal, asked)))


@router.get("", responses=documented(401, 403, 422, 429))
def index(
    services: ServicesOf,
    principal: Reader,
    status: Annotated[JobStatus | None, Query()] = None,
    kind: Annotated[JobKind | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> Page[JobSummary]:
    """The company's jobs, newest first."""
    rows, following = service.page(services, principal, status, kind, cursor, limit)
    return Page(items=[JobSummary(**_shown(row)) for row in rows], next_cursor=following)


@router.get("/{job_id}", response_model=JobDetail, responses=documented(401, 403, 404, 422, 429) | etags.UNCHANGED)
def show(request: Request, services: ServicesOf, principal: Reader, job_id: JobId) -> Response:
    """One job, and how far it is."""
    row, step = service.show(services, principal, job_id)
    progress = JobProgress(at=step.at, **step.data) if step is not None else None
    return etags.answer(request, JobDetail(**_shown(row), progress=progress))


@router.post("/{job_id}/cancel", responses=documented(401, 403, 404, 409, 422, 429))
def cancel(services: ServicesOf, principal: Writer, job_id: JobId) -> JobSummary:
    """Call a job off: at once where it waits, within 5 s where it runs. One that has ended stays as it is."""
    return JobSummary(**_shown(service.cancel(services, principal, job_id)))


@router.get(
    "/{job_id}/events", response_class=Response, responses=STREAM_RESPONSES | documented(401, 403, 404, 422, 429)
)
async def watch(services: ServicesOf, principal: Reader, job_id: JobId, last_event_id: LastEventId = None) -> Response:
    """What happens to a job, as server-sent events, until it has ended.

    Every event has its number as id; who was cut off sends the last one as Last-Event-ID and misses nothing.
    """
    return await event_stream(services, principal, job_id, last_event_id or 0)


@sockets.websocket("/{job_id}/ws")
async def watch_socket(websocket: WebSocket, services: ServicesOf, job_id: JobId) -> None:
    """The same events over a WebSocket."""
    await serve_websocket(websocket, services, "jobs:read", lambda work: str(repository.find(work, job_id).id))


def _shown(row: Row[Any]) -> dict[str, Any]:
    names = ("kind", "subject", "status", "attempts", "most_attempts", "error", "created_at", "started_at")
    waits = row.status == "queued" and row.attempts > 0
    return {name: row._mapping[name] for name in (*names, "finished_at", "cancel_asked_at")} | {
        "job_id": row.id,
        "priority": "express" if row.priority >= PRIORITIES["express"] else "standard",
        "next_attempt_at": row.due_at if waits else None,
    }
