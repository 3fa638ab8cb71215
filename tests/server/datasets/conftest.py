"""What the platform stands on: files and SQLite, or a bucket and PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from synthos.server.settings import MIB, Settings
from synthos.server.state import Services
from synthos.server.storage.s3 import S3Storage
from tests.server.postgres import fresh_database

Left = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Reading a bucket's tables changes the environment of a worker's process, which this one is not."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Files and SQLite; tests that take ``ground`` as well are run on a bucket and PostgreSQL too."""
    alone = Settings(data_folder=tmp_path / "data", chunk_bytes=5 * MIB)
    if "ground" not in request.fixturenames or request.getfixturevalue("ground") == "alone":
        return alone
    address = fresh_database(request.getfixturevalue("postgres"))
    return alone.model_copy(update={"database_url": SecretStr(address), "s3": request.getfixturevalue("s3")})


@pytest.fixture(params=["alone", pytest.param("cloud", marks=pytest.mark.slow)])
def ground(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def left(services: Services, settings: Settings) -> Left:
    """Lists the bytes that lie in the storage: files or objects, and unfinished uploads."""

    def look() -> list[str]:
        storage = services.storage
        if not isinstance(storage, S3Storage):
            folder = settings.data_folder / "storage"
            return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        assert settings.s3 is not None
        client, where = storage._client, {"Bucket": settings.s3.bucket, "Prefix": settings.s3.prefix}
        objects = client.list_objects_v2(**where).get("Contents", [])
        unfinished = client.list_multipart_uploads(**where).get("Uploads", [])
        return sorted(item["Key"].removeprefix(f"{settings.s3.prefix}/") for item in [*objects, *unfinished])

    return look
