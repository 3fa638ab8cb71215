"""What Ray Serve is told of every request that reaches a replica of ours.

By default Serve watches for clients that go, and for that reads every body ahead into a queue that has no end: an
upload that is faster than the disk would be held in memory. The application reads for itself, and sees for itself when
a client has gone.
"""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

#: The header by which a request says that Serve need not watch (``SERVE_HTTP_REQUEST_DISCONNECT_DISABLED_HEADER``).
UNWATCHED = b"x-request-disconnect-disabled"


class Unwatched:
    """ASGI middleware of Serve's, before the application: no request is read ahead, whatever its client says."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = [(name, value) for name, value in scope["headers"] if name != UNWATCHED]
            scope = {**scope, "headers": [*headers, (UNWATCHED, b"?1")]}
        await self.app(scope, receive, send)


def middlewares() -> list[Middleware]:
    """What RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH names: Serve asks every replica's server for them."""
    return [Middleware(Unwatched)]
