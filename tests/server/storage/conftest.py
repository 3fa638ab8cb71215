"""Both storages, the S3 one before a real endpoint."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synthos.server.storage.base import Part, Storage, Upload
from synthos.server.storage.local import LocalStorage
from synthos.server.storage.s3 import S3Storage
from tests.server.conftest import Endpoint
from tests.server.storage.faulty import FaultyProxy


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
