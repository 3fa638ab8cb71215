"""What the proxy before the API says while no replica answers: a document like every other error's, and when to ask."""

from __future__ import annotations

from pathlib import Path

from synthos.server.problems import MEDIA_TYPE, TYPES, ProblemDocument

#: Seconds after which to ask again.
RETRY_AFTER = 2
#: The name that Ray Serve gives to the page, which says 500 and is the same for every error of the proxy's own.
NAME = "500.http"


def page() -> bytes:
    """The whole answer, as HAProxy wants it."""
    document = ProblemDocument(
        type=f"{TYPES}api-unavailable",
        title="Service Unavailable",
        status=503,
        detail="the API does not answer",
        instance="",
        request_id="",
    )
    body = document.model_dump_json(exclude_none=True)
    head = (
        "HTTP/1.1 503 Service Unavailable",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        f"Retry-After: {RETRY_AFTER}",
        "Cache-Control: no-store",
    )
    return "\r\n".join((*head, "", body)).encode()


def put_into(folder: Path) -> None:
    """Put it where proxies have written theirs; they read it when their replicas change next."""
    ours = page()
    for place in folder.glob(f"*/{NAME}"):
        if place.read_bytes() != ours:
            new = place.with_suffix(".new")
            new.write_bytes(ours)
            new.replace(place)
