"""Bodies that are large, or come slowly: refused as soon as that is known, and in bounded time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message

from synthos.server.app import create_app
from synthos.server.datasets import receiving
from synthos.server.limits import MOST_HEADER_BYTES
from synthos.server.settings import Settings
from synthos.server.state import Services
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, announce

LOGIN = "/api/v1/auth/login"
SECONDS = 0.2


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"body_seconds": SECONDS, "max_body_bytes": 2_000})


async def _ask(services: Services, scope: dict[str, Any], body: AsyncIterator[bytes]) -> tuple[list[Message], int]:
    """What is answered to a body that comes in pieces, and how many of these were taken."""
    sent: list[Message] = []
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        piece = await anext(body, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Message) -> None:
        sent.append(message)

    usual = {"type": "http", "query_string": b"", "client": ("127.0.0.1", 1), "server": ("test", 80), "root_path": ""}
    about = {"http_version": "1.1", "scheme": "http", "raw_path": scope["path"].encode()}
    app: Callable[..., Awaitable[None]] = create_app(services=services)
    await asyncio.wait_for(app(usual | about | scope, receive, send), 30)
    return sent, taken


def ask(services: Services, scope: dict[str, Any], body: AsyncIterator[bytes]) -> tuple[int, dict[str, Any], int]:
    """Status, problem, and how many pieces of the body were taken."""
    sent, taken = asyncio.run(_ask(services, scope, body))
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"application/problem+json" and headers[b"connection"] == b"close"
    assert headers[b"x-request-id"] and headers[b"x-content-type-options"] == b"nosniff"
    return int(sent[0]["status"]), json.loads(b"".join(part.get("body", b"") for part in sent[1:])), taken


async def dribble(piece: bytes = b" ") -> AsyncIterator[bytes]:
    """A byte now and then, for ever: none of the pauses is long."""
    while True:
        await asyncio.sleep(SECONDS / 20)
        yield piece


async def flood() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 500


async def nothing() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


@pytest.mark.parametrize("body", [dribble, nothing], ids=lambda body: body.__name__)
def test_a_body_that_comes_slowly_is_not_waited_for(services: Services, body: Any) -> None:
    scope = {"method": "POST", "path": LOGIN, "headers": [(b"content-type", b"application/json")]}
    status, problem, _ = ask(services, scope, body())
    assert (status, problem["type"]) == (408, "urn:synthos:problem:body-too-slow")


def test_a_body_without_a_length_is_read_no_further_than_allowed(services: Services) -> None:
    scope = {"method": "POST", "path": LOGIN, "headers": [(b"transfer-encoding", b"chunked")]}
    status, problem, taken = ask(services, scope, flood())
    assert (status, problem["type"], taken) == (413, "urn:synthos:problem:too-large", 5)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_body_that_says_that_it_is_large_is_not_read(services: Services, method: str) -> None:
    scope = {"method": method, "path": LOGIN, "headers": [(b"content-length", b"2001")]}
    assert ask(services, scope, flood())[::2] == (413, 0)


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"x", b"\xb2", b"99999999999999999999999999"])
def test_a_length_that_is_none_protects_nobody(services: Services, length: bytes) -> None:
    scope = {"method": "POST", "path": LOGIN, "headers": [(b"content-length", length)]}
    assert ask(services, scope, flood())[0] == 413


def test_a_part_that_comes_drop_by_drop_is_ended(
    services: Services, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = announce(ada, CSV)
    monkeypatch.setattr(receiving, "SLOWEST", len(CSV) / SECONDS)
    token = ada.client.headers["Authorization"].encode()
    scope = {"method": "PUT", "path": plan["upload_url"].format(part_number=1), "headers": [(b"authorization", token)]}
    started = time.monotonic()
    status, problem, taken = ask(services, scope, dribble())
    assert (status, problem["type"]) == (408, "urn:synthos:problem:body-too-slow") and taken > 2
    assert time.monotonic() - started < 20  # the drops alone would go on for ever


@pytest.mark.parametrize("path", ["/livez", LOGIN, "/api/v1/datasets/ds_1/parts/1"])
def test_large_headers_are_refused_wherever_they_are_sent(ada: Person, path: str) -> None:
    many = {f"X-{number}": "x" * 1_000 for number in range(1 + MOST_HEADER_BYTES // 1_000)}
    answer = ada.client.get(path, headers=many)
    assert answer.status_code == 431 and answer.json()["type"].endswith("headers-too-large")
