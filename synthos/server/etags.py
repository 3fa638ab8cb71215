"""Entity tags: a client that has the newest version of something is told so, and sent nothing (RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

#: Private answers may be kept by the client, which asks each time whether they still hold.
REVALIDATE = "private, no-cache"


#: What the OpenAPI entry of a route with a tag says besides.
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "the client has the newest version"}}


def etag(*parts: object) -> str:
    """The tag of a version: ``parts`` are what identifies it, such as an identifier and a version number."""
    return '"' + "-".join(str(part) for part in parts) + '"'


def headers(tag: str) -> dict[str, str]:
    """What an answer with a tag says of itself."""
    return {"ETag": tag, "Cache-Control": REVALIDATE}


def unchanged(request: Request, tag: str) -> Response | None:
    """304 where the client names ``tag`` in If-None-Match, else None."""
    named = request.headers.get("if-none-match")
    if named is None:
        return None
    known = {item.strip().removeprefix("W/") for item in named.split(",")}
    return Response(status_code=304, headers=headers(tag)) if tag in known or "*" in known else None


def answer(request: Request, body: bytes | BaseModel, media_type: str = "application/json", **more: str) -> Response:
    """200 with ``body``, whose digest is its tag, or 304 where the client has it; ``more`` are further headers."""
    content = body.model_dump_json().encode() if isinstance(body, BaseModel) else body
    tag = etag(hashlib.sha256(content).hexdigest()[:32])
    return unchanged(request, tag) or Response(content, headers=headers(tag) | more, media_type=media_type)
