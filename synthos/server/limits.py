"""Bounds on what a request may bring: how large its headers and its body are, and how slowly it comes."""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synthos.server.errors import TooLargeError, TooSlowError
from synthos.server.problems import of_service, problem

#: Bytes of all headers together: no browser sends half as many.
MOST_HEADER_BYTES = 32 * 1024
#: Uploads are bounded where they are written: by what was announced for them.
_UPLOADS = re.compile(r"/api/v1/datasets/[^/]+/parts/[^/]+")
#: Methods whose requests have no body where they announce none; no route reads one anyway.
_BARE = frozenset({"GET", "HEAD"})


class BodyLimits:
    """ASGI middleware: a body larger than ``most_bytes`` is answered 413, one slower than ``seconds`` 408, and headers
    larger than ``MOST_HEADER_BYTES`` 431.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, seconds: float) -> None:
        self.app, self._most, self._seconds = app, most_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADER_BYTES:
            detail = f"all headers together may have {MOST_HEADER_BYTES:,} bytes at most"
            await problem(Request(scope), 431, "headers-too-large", detail)(scope, receive, send)
            return
        if _UPLOADS.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if declared == "0" and scope["method"] in _BARE and "transfer-encoding" not in headers:
            await self.app(scope, receive, send)
            return
        if declared.isdecimal() and int(declared) > self._most:
            await self._refuse(scope, receive, send)
            return
        await self._bounded(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body before the application sees the request: it is small, or refused."""
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self._seconds):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return  # the client has gone
                    size += len(message.get("body", b""))
                    parts.append(message.get("body", b""))
                    more = message.get("more_body", False)
                    if size > self._most:
                        await self._refuse(scope, receive, send)
                        return
        except TimeoutError:
            slow = of_service(Request(scope), TooSlowError(f"the body took longer than {self._seconds:g} s"))
            slow.headers["Connection"] = "close"
            await slow(scope, receive, send)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}

        await self.app(scope, replay, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = of_service(Request(scope), TooLargeError(f"a body may have {self._most:,} bytes at most"))
        refused.headers["Connection"] = "close"
        await refused(scope, receive, send)
