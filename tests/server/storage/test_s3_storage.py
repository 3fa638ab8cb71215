from __future__ import annotations

import random
from pathlib import Path

import pytest
from pydantic import HttpUrl, SecretStr

from synthos.server.breaker import Breaker
from synthos.server.errors import UnavailableError
from synthos.server.settings import MIB, S3
from synthos.server.storage.base import Upload
from synthos.server.storage.s3 import ATTEMPTS, S3Storage
from tests.s3_server import free_port, s3_server
from tests.server.conftest import Endpoint
from tests.server.storage.conftest import send
from tests.server.storage.faulty import FaultyProxy

CONTENT = random.Random(6).randbytes(3 * MIB)


def through(proxy: FaultyProxy, s3: S3, seconds: float = 10) -> S3Storage:
    return S3Storage(s3.model_copy(update={"endpoint": HttpUrl(proxy.address)}), seconds)


def test_objects_lie_under_the_prefix(s3: S3, endpoint: Endpoint) -> None:
    S3Storage(s3, 10).put("a/b", b"x")
    assert (endpoint.folder / s3.bucket / s3.prefix / "a" / "b").read_bytes() == b"x"


def test_addresses_name_the_endpoint_that_clients_reach(s3: S3) -> None:
    storage = S3Storage(s3.model_copy(update={"public_endpoint": HttpUrl("https://files.example.com")}), 10)
    upload = Upload("a/b", storage.begin("a/b", 3), 3, 5 * MIB)
    address = storage.part_url(upload, 1, 90)
    assert address.startswith(f"https://files.example.com/{s3.bucket}/{s3.prefix}/a/b?")
    assert "X-Amz-Expires=90" in address and "content-length" in address


@pytest.mark.slow
def test_what_passes_is_tried_again(s3: S3, proxy: FaultyProxy) -> None:
    storage = through(proxy, s3)
    proxy.faults.extend(["busy", "busy"])
    storage.put("a/b", b"x")
    assert storage.read("a/b") == b"x"
    assert proxy.asked[:3] == [f"PUT /{s3.bucket}/{s3.prefix}/a/b"] * 3


def test_what_does_not_pass_is_told_after_some_attempts(s3: S3, proxy: FaultyProxy) -> None:
    proxy.faults.extend(["busy"] * 10)
    with pytest.raises(UnavailableError):
        through(proxy, s3).put("a/b", b"x")
    assert len(proxy.asked) == ATTEMPTS


def test_an_endpoint_that_says_nothing_is_left(s3: S3, proxy: FaultyProxy) -> None:
    storage = through(proxy, s3, seconds=0.2)
    proxy.faults.extend(["silent"] * 10)
    with pytest.raises(UnavailableError):
        storage.put("a/b", b"x")


def test_an_answer_that_is_cut_off_is_asked_for_again_from_there(s3: S3, proxy: FaultyProxy) -> None:
    S3Storage(s3, 10).put("a/b", CONTENT)
    proxy.faults.extend(["cut", "cut"])
    assert b"".join(through(proxy, s3).open_range("a/b", 0, len(CONTENT))) == CONTENT
    assert len(proxy.asked) == 3


def test_an_answer_that_is_always_cut_off_ends(s3: S3, proxy: FaultyProxy) -> None:
    S3Storage(s3, 10).put("a/b", b"xy")
    proxy.faults.extend(["cut"] * 20)
    with pytest.raises(UnavailableError):
        list(through(proxy, s3).open_range("a/b", 0, 2))


def test_a_lost_answer_to_completing_does_no_harm(s3: S3, proxy: FaultyProxy) -> None:
    storage = through(proxy, s3)
    upload = Upload("a/b", storage.begin("a/b", 3), 3, 5 * MIB)
    send(S3Storage(s3, 10), upload, 1, b"abc")
    proxy.faults.extend(["none", "cut"])  # the listing of parts is answered
    storage.complete(upload)
    assert storage.read("a/b") == b"abc"
    assert sum(asked.startswith("POST") and "uploadId" in asked for asked in proxy.asked) == 2


def test_after_many_failures_it_is_left_alone_until_it_answers(tmp_path: Path, s3: S3) -> None:
    now = 0.0
    at = s3.model_copy(update={"endpoint": HttpUrl(f"http://127.0.0.1:{free_port()}")})
    storage = S3Storage(at, 10, Breaker("storage", failures=3, rest=30, clock=lambda: now))
    assert not storage.answers()
    with pytest.raises(UnavailableError):
        storage.put("a/b", b"x")
    with pytest.raises(UnavailableError) as refused:
        storage.put("a/b", b"x")
    assert refused.value.retry_after == 30


def test_wrong_credentials_are_told_as_unavailable(s3: S3) -> None:
    storage = S3Storage(s3.model_copy(update={"secret_key": SecretStr("WRONG")}), 10)
    assert not storage.answers()
    with pytest.raises(UnavailableError):
        storage.put("a/b", b"x")


@pytest.mark.slow
def test_an_endpoint_that_comes_back_is_used_again(tmp_path: Path, s3: S3) -> None:
    (tmp_path / "store" / s3.bucket).mkdir(parents=True)
    with s3_server(tmp_path / "store") as address:
        storage = S3Storage(s3.model_copy(update={"endpoint": HttpUrl(address)}), 10)
        storage.put("a/b", b"x")
    with pytest.raises(UnavailableError):
        storage.put("a/b", b"y")
    port = address.rsplit(":", 1)[1]
    with s3_server(tmp_path / "store", port=int(port)):
        assert storage.read("a/b") == b"x"


@pytest.mark.slow
def test_more_parts_than_one_page_of_a_listing(s3: S3) -> None:
    storage = S3Storage(s3, 10)
    upload = Upload("a/b", storage.begin("a/b", 1_100), 1_100, 1)
    for number in range(1, upload.count + 1):
        send(storage, upload, number, bytes([number % 256]))
    storage.complete(upload)
    assert storage.read("a/b") == bytes(number % 256 for number in range(1, 1_101))
