"""Which origins browsers may ask from, and what those are told that may not."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from synthos.server.problems import problem

METHODS = ("GET", "POST", "PUT", "DELETE")
#: Request headers that scripts may send.
SENT = (
    *("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "If-None-Match"),
    *("Range", "If-Range", "Content-Digest", "X-Part-SHA256", "Last-Event-ID", "X-Request-ID"),
)
#: Response headers that scripts may read.
SHOWN = (
    *("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"),
    *("Content-Range", "Content-Disposition", "Accept-Ranges", "Idempotent-Replayed"),
)
MAX_AGE = 600


class CrossOrigin(CORSMiddleware):
    """CORS (Fetch standard) for ``origins``; a preflight that is refused is a problem document like any other error."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=SHOWN,
            max_age=MAX_AGE,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        return answer if answer.status_code < 400 else _Refused(bytes(answer.body).decode(), dict(answer.headers))


class _Refused(Response):
    """A problem document of the request that it answers, which only the call knows."""

    def __init__(self, reason: str, headers: dict[str, str]) -> None:
        super().__init__(status_code=400)
        self._reason = reason
        self._given = {name: value for name, value in headers.items() if not name.startswith("content-")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"{self._reason}; what may be asked from other origins is named in the Access-Control headers"
        answer = problem(Request(scope), 400, "cross-origin", detail, headers=self._given)
        await answer(scope, receive, send)
