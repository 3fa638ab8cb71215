"""A job's events as they happen: server-sent events, and the same messages over a WebSocket.

Both can be resumed: whoever names the last event that it saw gets the next one, whatever happened in between.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import anyio
from fastapi import Header, Response, WebSocket, WebSocketDisconnect
from sse_starlette import EventSourceResponse, ServerSentEvent
from structlog import get_logger

from synthos.server import errors
from synthos.server.auth.guard import admit
from synthos.server.auth.scopes import Scope
from synthos.server.auth.tokens import Principal
from synthos.server.db.database import AWAY, Database, Tenant, Work
from synthos.server.db.tables import jobs
from synthos.server.ids import rfc3339
from synthos.server.jobs import events
from synthos.server.jobs.events import JobEvent
from synthos.server.state import Services
from synthos.server.tasks import in_thread

#: Seconds between two looks for events, and between two signs of life.
LOOK_SECONDS, HEARTBEAT_SECONDS = 0.4, 15.0
#: A stream ends after so many seconds, and is to be resumed: so long somebody may listen whose access has ended.
MOST_SECONDS = 900.0
#: Streams that one user may have open in this process, and all together; and sockets that have not said who they are.
MOST_STREAMS, MOST_OPEN, MOST_UNKNOWN = 32, 500, 32
#: Seconds that a WebSocket has to say who it is, and letters that it may need for it.
PATIENCE, LONGEST_MESSAGE = 10.0, 8_192
#: Why a WebSocket is closed: as HTTP says it, and 4000 more.
CODES: dict[type[errors.ServiceError], int] = {
    errors.UnauthenticatedError: 4401,
    errors.ForbiddenError: 4403,
    errors.NotFoundError: 4404,
    errors.InvalidError: 4422,
    errors.TooManyError: 4429,
    errors.UnavailableError: 4503,
}
ENDED, RESUME = 1000, 4408
#: What OpenAPI says of a stream.
_MESSAGE = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "number of the event"},
        "event": {"type": "string", "enum": ["status", "progress", "end"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "sequence, event and at; of status and end: status, attempt, error; of progress: stage, "
            "done, total, message, fields",
        },
    },
}
STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "the events, one after the other", "content": {"text/event-stream": {"schema": _MESSAGE}}},
    204: {"description": "the job has ended, and there are no more events; do not ask again"},
}
LastEventId = Annotated[int | None, Header(ge=0, le=2**31 - 1, description="of the last event that was seen")]
_open: Counter[str] = Counter()
#: Stands in ``_open`` for whoever has not said who it is.
_UNKNOWN = ""
_log = get_logger("synthos.server")


def message(event: JobEvent) -> dict[str, Any]:
    """An event as listeners get it."""
    return {"sequence": event.sequence, "event": event.kind, "at": rfc3339(event.at), **event.data}


async def event_stream(services: Services, principal: Principal, job_id: str, after: int) -> Response:
    """The events of a job of the caller's behind ``after``, until its last; 204 where there will be no more.

    Raises
    ------
    NotFoundError : there is no such job.
    TooManyError : the caller listens to too many already.
    """
    over = await in_thread(_is_over, services.database, principal.tenant, job_id, after)
    if over:
        return Response(status_code=204)
    _check_room(principal.user_id)

    async def told() -> AsyncIterator[ServerSentEvent]:
        with _counted(principal.user_id):
            async for event in _followed(services.database, principal.tenant, job_id, after):
                yield ServerSentEvent(json.dumps(message(event)), event=event.kind, id=str(event.sequence), sep="\n")

    return EventSourceResponse(told(), ping=HEARTBEAT_SECONDS, sep="\n")


async def serve_websocket(websocket: WebSocket, services: Services, scope: Scope, find: Callable[[Work], str]) -> None:
    """The same messages over a WebSocket, which closes with 1000 after the last, or with one of ``CODES``.

    Who asks is said in the headers of the handshake, or, by programs that cannot set them, in the first message:
    ``{"access_token": …}``. ``last_event_id`` may stand in the address.

    Parameters
    ----------
    scope : what API keys need for it.
    find : the job's identifier, in the caller's unit of work; raises ``NotFoundError`` where there is none.
    """
    await websocket.accept()
    code = ENDED
    try:
        principal = await _admitted(websocket, services, scope)
        after = _resumed_after(websocket)
        job_id = await in_thread(_found, services.database, principal.tenant, find)
        _check_room(principal.user_id)
        with _counted(principal.user_id):
            code = await _tell(websocket, _followed(services.database, principal.tenant, job_id, after))
    except errors.ServiceError as error:
        code = CODES[type(error)]
    except WebSocketDisconnect:
        return
    with suppress(RuntimeError, WebSocketDisconnect):  # it has closed the connection itself in the meantime
        await websocket.close(code)


async def _followed(database: Database, tenant: Tenant, job_id: str, after: int) -> AsyncIterator[JobEvent]:
    """Each event once, in order, until the last, or until the time is over or the database does not answer."""
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        try:
            found = await in_thread(_read, database, tenant, job_id, after)
        except AWAY as error:
            _log.warning("a stream is cut off", job_id=job_id, error=type(error).__name__)
            return
        for event in found:
            yield event
            after = event.sequence
            if event.kind == "end":
                return
        if not found:
            await anyio.sleep(LOOK_SECONDS)


async def _tell(websocket: WebSocket, source: AsyncIterator[JobEvent]) -> int:
    """Send what comes, and signs of life beside it, until the listener leaves; the code to close with."""
    event: JobEvent | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_until_it_leaves, websocket, group.cancel_scope)
        group.start_soon(_show_life, websocket)
        with suppress(WebSocketDisconnect):
            async for event in source:
                await websocket.send_json(message(event))
        group.cancel_scope.cancel()
    return ENDED if event is not None and event.kind == "end" else RESUME


async def _until_it_leaves(websocket: WebSocket, scope: anyio.CancelScope) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass  # whatever else is said is of no interest
    scope.cancel()


async def _show_life(websocket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            await websocket.send_json({"event": "heartbeat"})


async def _admitted(websocket: WebSocket, services: Services, scope: Scope) -> Principal:
    if not {"authorization", "x-api-key"} & set(websocket.headers):
        if _open[_UNKNOWN] >= MOST_UNKNOWN:
            raise errors.TooManyError("too-many-streams", "too many wait to say who they are", LOOK_SECONDS)
        with _counted(_UNKNOWN):
            token = await _first_message(websocket)
        principal = services.tokens.check(token)
        websocket.state.principal, websocket.state.user_id = principal, principal.user_id
    principal = await admit(websocket, services)
    if scope not in principal.scopes:
        raise errors.ForbiddenError(f"this API key may not do that; it needs the scope {scope}")
    return principal


async def _first_message(websocket: WebSocket) -> str:
    try:
        with anyio.fail_after(PATIENCE):
            text = await websocket.receive_text()
        said = json.loads(text) if len(text) <= LONGEST_MESSAGE else None
    except (TimeoutError, ValueError, KeyError):  # KeyError: bytes were sent
        said = None
    token = said.get("access_token") if isinstance(said, dict) else None
    if not isinstance(token, str):
        raise errors.UnauthenticatedError
    return token


def _resumed_after(websocket: WebSocket) -> int:
    given = websocket.query_params.get("last_event_id", "0")
    if not given.isdecimal() or len(given) > 9:
        raise errors.InvalidError(("query.last_event_id", "is no number of an event"))
    return int(given)


def _is_over(database: Database, tenant: Tenant, job_id: str, after: int) -> bool:
    """Whether the job has ended, and its last event is known to who asks."""
    with database.read(tenant) as work:
        row = work.one(work.mine(jobs, jobs.c.status).where(jobs.c.id == job_id))
        if row is None:
            raise errors.NotFoundError("job")
        return row.status not in ("queued", "running") and not events.read(work, job_id, after)


def _read(database: Database, tenant: Tenant, job_id: str, after: int) -> Any:
    with database.read(tenant) as work:
        return events.read(work, job_id, after)


def _found(database: Database, tenant: Tenant, find: Callable[[Work], str]) -> str:
    with database.read(tenant) as work:
        return find(work)


def _check_room(user_id: str) -> None:
    if _open[user_id] >= MOST_STREAMS:
        raise errors.TooManyError("too-many-streams", f"more than {MOST_STREAMS} streams are open", LOOK_SECONDS)
    if _open.total() >= MOST_OPEN:
        raise errors.TooManyError("too-many-streams", f"the service has {MOST_OPEN} streams open", LOOK_SECONDS)


@contextmanager
def _counted(user_id: str) -> Iterator[None]:
    _open[user_id] += 1
    try:
        yield
    finally:
        _open[user_id] -= 1
        if not _open[user_id]:
            del _open[user_id]
