"""Entity tags: a client that has the newest version of something is told so, and sent nothing (RFC 9110, 13.1.2)."""

from __future__ import annotations

from fastapi import Request, Response

#: Private answers may be kept by the client, which asks each time whether they still hold.
REVALIDATE = "private, no-cache"


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
