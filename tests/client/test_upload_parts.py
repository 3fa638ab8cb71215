"""No part that was damaged on its way counts, and none of another file."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from synthos.client import Client
from synthos.errors import RemoteError, SourceError
from synthos.server.settings import MIB
from tests.client.conftest import Unreliable
from tests.server.conftest import Person
from tests.server.datasets.uploading import PATH, announce, send

#: Three parts.
CONTENT = random.Random(7).randbytes(12 * MIB + 345)
BAD_DIGEST = b"<Error><Code>BadDigest</Code></Error>"


class AllSentError(Exception):
    """The client is about to complete the dataset."""


class Watching(Unreliable):
    """Notes where parts go, and lets no dataset be completed."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[httpx2.URL] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/complete"):
            raise AllSentError
        if request.method == "PUT":
            self.parts.append(request.url)
        return super().handle_request(request)


class Damaging(Watching):
    """Changes a bit of the first part that is sent, or answers that one was changed."""

    def __init__(self, answer: httpx2.Response | None = None) -> None:
        super().__init__()
        self._answer = answer
        self.damaged: httpx2.URL | None = None
        self._one_at_a_time = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "PUT" and self._is_first(request.url):
            if self._answer is not None:
                self.parts.append(request.url)
                return self._answer
            assert isinstance(request.stream, httpx2.SyncByteStream)
            body = bytearray(b"".join(request.stream))
            body[len(body) // 2] ^= 1
            request = httpx2.Request("PUT", request.url, headers=request.headers, content=bytes(body))
        return super().handle_request(request)

    def _is_first(self, url: httpx2.URL) -> bool:
        with self._one_at_a_time:
            is_first, self.damaged = self.damaged is None, self.damaged or url
            return is_first


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "table.csv"
    file.write_bytes(CONTENT)
    return file


def client_of(url: str, person: Person, network: Unreliable) -> Client:
    return Client.login(url, person.email, person.password, transport=network, sleep=lambda seconds: None)


def upload(url: str, person: Person, path: Path, network: Unreliable, **options: Any) -> str:
    """Send all parts, and do not complete the dataset; its id."""
    begun: list[str] = []
    with client_of(url, person, network) as client, pytest.raises(AllSentError):
        client.upload(path, on_begun=begun.append, **options)
    return begun[0]


def content(person: Person, dataset_id: str) -> bytes:
    """What the service has once it is completed."""
    assert person.client.post(f"{PATH}/{dataset_id}/complete").status_code == 200
    found: bytes = person.client.get(f"{PATH}/{dataset_id}/content").content
    return found


@pytest.mark.parametrize("ground", ["files"])
@pytest.mark.usefixtures("ground")
def test_a_part_that_was_damaged_is_sent_again(url: str, ada: Person, path: Path) -> None:
    network = Damaging()
    dataset_id = upload(url, ada, path, network)
    assert network.parts.count(network.damaged) == 2 and content(ada, dataset_id) == CONTENT


@pytest.mark.slow
@pytest.mark.parametrize("ground", ["bucket"])
@pytest.mark.usefixtures("ground")
def test_a_bucket_refuses_a_part_that_was_damaged(url: str, ada: Person, path: Path) -> None:
    path.write_bytes(CONTENT[:MIB])
    network, begun = Damaging(), list[str]()
    # This endpoint, unlike others, ends the whole upload with a part that it was about to write.
    with client_of(url, ada, network) as client, pytest.raises(RemoteError, match="HTTP status 404"):
        client.upload(path, on_begun=begun.append)
    assert network.parts.count(network.damaged) == 2
    assert ada.client.post(f"{PATH}/{begun[0]}/complete").status_code == 409


@pytest.mark.slow
@pytest.mark.parametrize("ground", ["bucket"])
@pytest.mark.usefixtures("ground")
def test_a_part_that_a_bucket_refused_as_damaged_is_sent_again(url: str, ada: Person, path: Path) -> None:
    network = Damaging(httpx2.Response(400, content=BAD_DIGEST))
    dataset_id = upload(url, ada, path, network)
    assert network.parts.count(network.damaged) == 2 and content(ada, dataset_id) == CONTENT


@pytest.mark.usefixtures("ground")
def test_the_parts_of_two_files_are_not_mixed(url: str, ada: Person, path: Path) -> None:
    plan = announce(ada, CONTENT)
    send(ada, plan, CONTENT, [1, 3])
    network, changed = Watching(), bytearray(CONTENT)
    changed[-1] ^= 1
    path.write_bytes(changed)
    with client_of(url, ada, network) as client:
        with pytest.raises(SourceError, match=r"table\.csv: .* part 3 differs from what is there; upload it anew\.$"):
            client.upload(path, resume=plan["dataset_id"])
        path.write_bytes(CONTENT + b"1")
        with pytest.raises(SourceError, match=r"has 12,583,258 bytes, not the 12,583,257 announced; upload it anew\.$"):
            client.upload(path, resume=plan["dataset_id"])
    assert network.parts == []
    path.write_bytes(CONTENT)
    assert upload(url, ada, path, network, resume=plan["dataset_id"]) == plan["dataset_id"]
    assert content(ada, plan["dataset_id"]) == CONTENT and len(network.parts) == 1
