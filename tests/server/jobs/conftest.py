"""The queue is tried on both databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from synthos.server.db.migrate import downgrade
from synthos.server.settings import Settings
from synthos.server.state import Services
from tests.server.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(data_folder=tmp_path / "data")
    url = fresh_database(request.getfixturevalue("postgres"))
    return Settings(data_folder=tmp_path / "data", database_url=url)


@pytest.fixture
def outage(request: pytest.FixtureRequest, services: Services) -> Callable[[], None]:
    """Makes the database answer no more: PostgreSQL throws everybody out, SQLite has lost its tables."""

    def begin() -> None:
        if services.database.is_sqlite:
            downgrade(services.database, "base")
            return
        name, server = services.database.url.database, request.getfixturevalue("postgres")
        server.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false;")
        server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';")

    return begin
