"""What is seen of the service from outside: request and trace ids, one JSON line a request, and metrics."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synthos.server.ids import new_id

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
DURATION = Histogram("http_request_duration_seconds", "From the request's head to the end of its answer", ["route"])
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being answered", multiprocess_mode="livesum")
ERRORS = Counter("errors_total", "Requests answered with a status of 500 or above", ["route"])
ERRORS.labels("none")  # so that the name is there before the first error

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = "0" * 32
#: Clients may send any word as a method; each would be a time series.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Paths that monitors ask all the time: they are counted, and not logged.
_QUIET = frozenset({"/livez", "/readyz", "/health", "/metrics"})


class _Lines:
    """A log's file. Lines that find no room on its disk are lost: what they tell of is worth more, and goes on."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._out.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._out.flush()


def configure_logs(level: str, path: Path | None = None) -> None:
    """One JSON object a line, with whatever the context has bound, at the end of a file, or on standard error."""
    # In append mode lines of several processes do not mix.
    out: TextIO = sys.stderr if path is None else path.open("a", encoding="utf-8", buffering=1)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Lines(out))),
        cache_logger_on_first_use=False,
    )


class Telemetry:
    """ASGI middleware, outermost: gives every request its ids, and tells of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._log = structlog.get_logger("synthos.server")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = headers.get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else new_id("req")
        state = scope.setdefault("state", {})
        state["request_id"], state["trace_id"] = request_id, _trace_id(headers)
        with structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=state["trace_id"]):
            if scope["type"] == "websocket":
                await self.app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started, status = time.perf_counter(), 500

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-ID"] = request_id
                answer.update(scope["state"].get("answer_headers", {}))
            await send(message)

        IN_FLIGHT.inc()
        try:
            await self.app(scope, receive, tell)
        finally:
            IN_FLIGHT.dec()
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        requests, duration = _series(scope["method"] if scope["method"] in _METHODS else "other", route, status)
        requests.inc()
        duration.observe(seconds)
        if status >= 500:
            ERRORS.labels(route).inc()
        if scope["path"] not in _QUIET:
            said: dict[str, Any] = {"method": scope["method"], "route": route, "status": status}
            self._log.info("request", **said, seconds=round(seconds, 4), user=scope["state"].get("user_id"))


@cache
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The time series of such answers, looked up once: prometheus_client takes a lock and makes strings each time."""
    return REQUESTS.labels(method, route, str(status)), DURATION.labels(route)


def _trace_id(headers: Headers) -> str:
    """The trace that the caller is in (W3C Trace Context), or a new one."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if found and found[1] != _NO_TRACE:
        return found[1]
    return secrets.token_hex(16)
