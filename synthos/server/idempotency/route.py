"""The classes of routes: what creates answers a request that was sent before with the answer that it got."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.routing import APIRoute

from synthos.server.auth.guard import SCHEMES, admit, client_address
from synthos.server.errors import InvalidError
from synthos.server.idempotency.store import Answer, Asked
from synthos.server.problems import documented
from synthos.server.state import Services
from synthos.server.tasks import in_thread, threaded, to_the_end

HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
#: Headers of an answer that are given again with it.
_REPEATED = ("content-type", "location", "etag")

_DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "sent again with the same key within a day, the request is answered as before; with another "
            "body it is refused (422); so it is while the first is being carried out (409, request-in-flight), and "
            "where the answer to that was lost (409, outcome-unknown)",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        }
    ]
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(APIRoute):
    """Carries out a POST with an ``Idempotency-Key`` at most once. What fails may be sent again under the same key.

    Endpoints that are no coroutines run in a thread of ``synthos.server.tasks``.
    """

    #: Whether anybody may ask, whose answers are then kept by the address.
    open_to_all = True

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options["openapi_extra"] = _DOCUMENTED | (options.get("openapi_extra") or {})
            options["responses"] = documented(409, 422) | (options.get("responses") or {})
        super().__init__(path, threaded(endpoint), **options)

    def get_route_handler(self) -> Handler:
        """The route's handler, behind the stored answers."""
        carry_out = super().get_route_handler()

        async def handle(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if request.method != "POST" or key is None:
                return await carry_out(request)
            services: Services = request.app.state.services
            if not _KEY.fullmatch(key):
                raise InvalidError(("header.Idempotency-Key", "is not 1 to 255 printable ASCII letters"))
            if self.open_to_all:
                caller = services.keys.digest(f"address {client_address(request)}")
            else:
                principal = await admit(request, services)
                # Not the user: an answer to one key may hold what another of the same user may not see.
                caller = principal.key_id or principal.user_id
            asked = Asked(caller, key, f"{request.method} {quote(request.scope['path'])}", await request.body())
            # A client that goes away may ask again at once: by then this must have ended, or still be under way.
            return await to_the_end(once(services, asked, lambda: carry_out(request)))

        return handle


class GuardedRoute(IdempotentRoute):
    """The same for callers who have to say who they are, by one of ``SCHEMES``; the document says so."""

    open_to_all = False

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        security: dict[str, Any] = {"security": [{name: []} for name in SCHEMES]}
        options["openapi_extra"] = security | (options.get("openapi_extra") or {})
        super().__init__(path, endpoint, **options)


async def once(services: Services, asked: Asked, carry_out: Callable[[], Coroutine[Any, Any, Response]]) -> Response:
    """What ``carry_out`` answers, or has answered to the same request before; what it refuses is forgotten.

    Raises
    ------
    ConflictError : the same request is being carried out, or its answer was lost.
    InvalidError : another request was sent under the same key.
    """
    before = await in_thread(services.answers.begin, asked)
    if before is not None:
        return Response(before.body, before.status, headers=before.headers | {"Idempotent-Replayed": "true"})
    done = False
    try:
        response = await carry_out()
        done = response.status_code < 300
    finally:
        # What was carried out is never forgotten, also where its answer cannot be kept: it would be done twice.
        if not done:
            await in_thread(services.answers.forget, asked)
    if done:
        headers = {name: response.headers[name] for name in _REPEATED if name in response.headers}
        await in_thread(services.answers.keep, asked, Answer(response.status_code, headers, bytes(response.body)))
    return response
