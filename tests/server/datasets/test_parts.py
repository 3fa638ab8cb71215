"""Parts that are sent to the API itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from synthos.server.app import create_app
from synthos.server.datasets.places import upload_of
from synthos.server.datasets.uploads import standing
from synthos.server.errors import ConflictError
from synthos.server.settings import MIB, Settings
from synthos.server.state import Services
from synthos.server.storage.base import Upload
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, announce, swap

SHA256 = hashlib.sha256(CSV).hexdigest()
DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(CSV).digest()).decode()}:"
Message = dict[str, Any]


@pytest.fixture
def path(ada: Person) -> str:
    """Where the only part of an upload goes."""
    return str(announce(ada, CSV)["upload_url"]).format(part_number=1)


def parts_of(person: Person, path: str) -> list[int]:
    answer = person.client.get(path.replace("/parts/1", "/upload"))
    return [part["part_number"] for part in answer.json()["parts"]]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Part-SHA256": SHA256},
        {"X-Part-SHA256": SHA256.upper()},
        {"Content-Digest": DIGEST},
        {"Content-Digest": f"sha-512=:AAAA:, {DIGEST}"},
        {"Content-Digest": "sha-512=:AAAA:"},
        {"Content-Digest": DIGEST, "X-Part-SHA256": SHA256},
    ],
)
def test_a_part_that_fits_its_digest_is_stored(ada: Person, path: str, headers: dict[str, str]) -> None:
    for _ in range(2):
        answer = ada.client.put(path, content=CSV, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"part_number": 1, "size": len(CSV), "etag": SHA256}
    assert parts_of(ada, path) == [1]


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"X-Part-SHA256": "0" * 64}, "body"),
        ({"X-Part-SHA256": "x" * 64}, "header.X-Part-SHA256"),
        ({"X-Part-SHA256": "0" * 63}, "header.X-Part-SHA256"),
        ({"Content-Digest": "sha-256=:AAAA:"}, "header.Content-Digest"),
        ({"Content-Digest": "sha-256=nothing"}, "header.Content-Digest"),
        ({"Content-Digest": DIGEST, "X-Part-SHA256": "0" * 64}, "header.X-Part-SHA256"),
    ],
)
def test_a_part_that_does_not_is_not(ada: Person, path: str, headers: dict[str, str], field: str) -> None:
    answer = ada.client.put(path, content=CSV, headers=headers)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert parts_of(ada, path) == []


def pieces(content: bytes) -> Iterator[bytes]:
    """A body whose length its head does not tell."""
    for start in range(0, len(content), 1_000):
        yield content[start : start + 1_000]


@pytest.mark.parametrize("body", [lambda content: content, pieces], ids=["told", "chunked"])
def test_a_part_has_the_length_that_it_has(ada: Person, path: str, body: Callable[[bytes], Any]) -> None:
    long = ada.client.put(path, content=body(CSV + b"x"))
    assert long.status_code == 413 and long.headers["connection"] == "close"
    assert ada.client.put(path, content=body(CSV[:-1])).status_code == 422
    assert ada.client.put(path, content=body(b"")).status_code == 422
    assert parts_of(ada, path) == []
    assert ada.client.put(path, content=body(CSV)).status_code == 200


def test_other_bytes_for_a_part_that_is_there_are_refused(ada: Person, path: str) -> None:
    assert ada.client.put(path, content=CSV).status_code == 200
    answer = ada.client.put(path, content=CSV[::-1])
    assert answer.status_code == 409 and answer.json()["type"].endswith("part-differs")


@pytest.mark.parametrize("number", ["0", "2", "10001", "-1", "x"])
def test_there_is_no_other_part(ada: Person, path: str, number: str) -> None:
    assert ada.client.put(path.replace("/parts/1", f"/parts/{number}"), content=CSV).status_code == 422


def test_a_part_is_sent_by_one_request_at_a_time(ada: Person, services: Services, path: str) -> None:
    row = standing(services, ada.principal, path.split("/")[4]).row
    writer = services.storage.open_part(upload_of(row), 1)
    answer = ada.client.put(path, content=CSV)
    assert answer.status_code == 409 and answer.json()["type"].endswith("part-busy")
    writer.close()
    assert ada.client.put(path, content=CSV).status_code == 200


async def _put(person: Person, services: Services, path: str, messages: list[Message]) -> list[Message]:
    """Send these pieces of a request and then nothing more; what is answered."""
    sent: list[Message] = []
    waiting = list(messages)

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def answer(message: Message) -> None:
        sent.append(message)

    token = person.client.headers["authorization"]
    scope = {"type": "http", "method": "PUT", "path": path, "raw_path": path.encode(), "query_string": b""}
    about = {"headers": [(b"authorization", token.encode())], "client": ("127.0.0.1", 1), "http_version": "1.1"}
    app: Callable[..., Awaitable[None]] = create_app(services=services)
    await app(scope | about | {"scheme": "http", "server": ("test", 80), "root_path": ""}, receive, answer)
    return sent


def piece(content: bytes) -> Message:
    return {"type": "http.request", "body": content, "more_body": True}


@pytest.mark.parametrize("begun", [[], [piece(CSV[:100])]], ids=["from the start", "half-way"])
def test_a_part_that_stands_still_is_ended(
    ada: Person, services: Services, settings: Settings, path: str, begun: list[Message]
) -> None:
    swap(services, settings=settings.model_copy(update={"body_seconds": 0.05}))
    sent = asyncio.run(_put(ada, services, path, begun))
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
    assert parts_of(ada, path) == []
    assert ada.client.put(path, content=CSV).status_code == 200


def test_a_client_that_goes_leaves_nothing(ada: Person, services: Services, path: str) -> None:
    asyncio.run(_put(ada, services, path, [piece(CSV[:100]), {"type": "http.disconnect"}]))
    assert parts_of(ada, path) == []
    assert ada.client.put(path, content=CSV).status_code == 200


def test_a_request_that_is_ended_in_the_middle_gives_its_part_back(ada: Person, services: Services, path: str) -> None:
    """Serve ends the task of whose client has gone: what it had open is closed all the same."""

    async def ended() -> None:
        request = asyncio.create_task(_put(ada, services, path, [piece(CSV[:100])]))
        row = standing(services, ada.principal, path.split("/")[4]).row
        while not _is_busy(services, upload_of(row)):
            await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        while _is_busy(services, upload_of(row)):
            await asyncio.sleep(0)

    swap(services, settings=services.settings.model_copy(update={"body_seconds": 0.5}))
    asyncio.run(ended())
    assert parts_of(ada, path) == []
    assert ada.client.put(path, content=CSV).status_code == 200


def _is_busy(services: Services, upload: Upload) -> bool:
    try:
        services.storage.open_part(upload, 1).close()
    except ConflictError:
        return True
    return False


def test_what_is_too_long_is_refused_before_all_of_it_came(ada: Person, services: Services, path: str) -> None:
    sent = asyncio.run(_put(ada, services, path, [piece(CSV), piece(b"x" * MIB)]))  # and more would follow
    assert sent[0]["status"] == 413
