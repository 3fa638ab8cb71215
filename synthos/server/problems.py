"""Errors as RFC 9457 documents, ``application/problem+json``: the one place that knows which status an error has.

``type`` is stable: clients may branch on it. ``detail`` is for people.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog import get_logger

from synthos.errors import InputError
from synthos.server import errors

MEDIA_TYPE = "application/problem+json"
TYPES = "urn:synthos:problem:"
STATUS: dict[type[errors.ServiceError], int] = {
    errors.NotFoundError: 404,
    errors.InvalidError: 422,
    errors.ConflictError: 409,
    errors.UnauthenticatedError: 401,
    errors.ForbiddenError: 403,
    errors.TooManyError: 429,
    errors.TooLargeError: 413,
    errors.TooSlowError: 408,
    errors.StorageFullError: 507,
    errors.UnavailableError: 503,
}
#: What any route may answer: to a body that is slow or large, to large headers, and where something is broken.
ANY_ROUTE = (408, 413, 431, 500, 503)
#: Validation errors shown of one request, and characters of each message.
MOST_ERRORS, MOST_LETTERS = 20, 500
_log = get_logger("synthos.server")


class FieldError(BaseModel):
    """One field that is wrong: where it stands in the request, and what is wrong with it."""

    field: str = Field(examples=["body.email"])
    message: str


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["urn:synthos:problem:not-found"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="path of the request")
    request_id: str
    errors: list[FieldError] = []
    where: str | None = Field(None, description="file, column, row or line, where a table is at fault")
    line: int | None = Field(None, description="of a text file that is at fault, counted from 1")
    row: int | None = Field(None, description="of the table that is at fault, counted from 0")
    column: str | None = Field(None, description="the name of the one that is at fault")
    fix: str | None = Field(None, description="what to do")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's OpenAPI entry says of the errors that it may give; those of ``ANY_ROUTE`` any may."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}}
        for status in sorted({*statuses, *ANY_ROUTE})
    }


def problem(
    request: Request,
    status: int,
    reason: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    fields: list[FieldError] | None = None,
    about: InputError | None = None,
) -> Response:
    """One problem as a response. ``about`` is the table or the option that is at fault."""
    document = ProblemDocument(
        type=TYPES + reason,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=getattr(request.state, "request_id", ""),
        errors=fields or [],
        **({} if about is None else {"where": about.where, "fix": about.fix, **about.place}),
    )
    return JSONResponse(document.model_dump(exclude_none=True), status, headers=headers, media_type=MEDIA_TYPE)


def of_service(request: Request, error: errors.ServiceError) -> Response:
    """What clients are told of an error of the service's own."""
    headers: dict[str, str] = {}
    if isinstance(error, errors.TooManyError | errors.UnavailableError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, errors.UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    given = error.fields if isinstance(error, errors.InvalidError) else ()
    fields = [FieldError(field=place, message=what) for place, what in given]
    return problem(request, STATUS[type(error)], error.reason, error.detail, headers=headers, fields=fields)


def of_input(request: Request, error: InputError) -> Response:
    """What clients are told where a table or an option of theirs is at fault."""
    return problem(request, 422, "invalid-input", error.what, about=error)


async def _on_service(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.ServiceError)
    return of_service(request, error)


async def _on_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    return of_input(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [
        FieldError(field=".".join(str(part) for part in item["loc"]), message=str(item["msg"])[:MOST_LETTERS])
        for item in error.errors()[:MOST_ERRORS]
    ]
    return problem(request, 422, "invalid-request", "the request is not valid", fields=fields)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # a body that is no text: to clients the same as one that is no JSON
        return problem(request, 422, "invalid-request", str(error.detail))
    reason = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(request, error.status_code, reason, str(error.detail), headers=headers)


def _methods(request: Request) -> set[str]:
    """What may be done with a path, by all of its routes: the framework names the first one's methods alone."""
    routes = [route for route in iter_route_contexts(request.app.routes) if route.methods]
    here = [route.methods or set() for route in routes if route.path_regex.fullmatch(request.scope["path"])]
    return set().union(*here)


async def _on_database(request: Request, error: Exception) -> Response:
    _log.error("database", error=type(error).__name__, cause=type(getattr(error, "orig", error)).__name__)
    return of_service(request, errors.UnavailableError("database"))


async def _on_bug(request: Request, error: Exception) -> Response:
    _log.exception("unexpected", error=type(error).__name__)
    return problem(request, 500, "internal", "something went wrong here; the request id tells us what")


class LastResort:
    """ASGI middleware around the routes: what nobody has thought of is a problem with all headers, like any other.

    The framework answers it before every middleware, where no answer gets a request id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # the edge of a request: whatever it is, its client is told
            if begun or scope["type"] != "http":
                raise
            answer = await _on_bug(Request(scope), error)
            await answer(scope, receive, send)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` such a document."""
    app.add_exception_handler(errors.ServiceError, _on_service)
    app.add_exception_handler(InputError, _on_input)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(PoolTimeout, _on_database)
    app.add_exception_handler(Exception, _on_bug)
    app.add_middleware(LastResort)
