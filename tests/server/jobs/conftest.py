"""The queue is tried on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthos.server.settings import Settings
from tests.server.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(data_folder=tmp_path / "data")
    url = fresh_database(request.getfixturevalue("postgres"))
    return Settings(data_folder=tmp_path / "data", database_url=url)
