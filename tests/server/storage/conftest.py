"""Both storages, the S3 one before a real endpoint."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import HttpUrl, SecretStr

from synthos.server.settings import S3
from synthos.server.storage.base import Part, Storage, Upload
from synthos.server.storage.local import LocalStorage
from synthos.server.storage.s3 import S3Storage
from tests.s3_server import ACCESS_KEY, SECRET_KEY, s3_server
from tests.server.storage.faulty import FaultyProxy

BUCKET = "bucket"
_prefixes = count()


class Endpoint(NamedTuple):
    address: str
    folder: Path


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("endpoint")
    (folder / BUCKET).mkdir()
    with s3_server(folder) as address:
        yield Endpoint(address, folder)


@pytest.fixture
def s3(endpoint: Endpoint) -> S3:
    """A prefix of this test alone."""
    return S3(
        bucket=BUCKET,
        endpoint=HttpUrl(endpoint.address),
        prefix=f"some/{next(_prefixes)}",
        access_key=SecretStr(ACCESS_KEY),
        secret_key=SecretStr(SECRET_KEY),
    )


@pytest.fixture
def proxy(endpoint: Endpoint) -> Iterator[FaultyProxy]:
    with FaultyProxy(endpoint.address) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "storage")
    return S3Storage(request.getfixturevalue("s3"), call_seconds=10)


Begin = Callable[[str, int, int], Upload]


@pytest.fixture
def begin(storage: Storage) -> Begin:
    return lambda key, size, chunk: Upload(key, storage.begin(key, size), size, chunk)


def send(storage: Storage, upload: Upload, number: int, content: bytes) -> Part | None:
    """One part by the way that the storage takes them; what comes back of it, None from S3."""
    if storage.method == "s3_multipart":
        address = storage.part_url(upload, number, 60)
        with urllib.request.urlopen(urllib.request.Request(address, content, method="PUT")):
            return None
    writer = storage.open_part(upload, number)
    try:
        writer.write(content)
        return writer.finish(None)
    finally:
        writer.close()
