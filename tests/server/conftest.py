"""A service of its own for every test: SQLite and files in a folder of the test, a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from synthos.server.app import create_app
from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate
from synthos.server.settings import Settings
from synthos.server.state import Services, build


class StandingClock:
    """Says the same time until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Forward, or backward where negative: ``seconds=…``, ``minutes=…``, ``hours=…``, ``days=…``."""
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data")


@pytest.fixture
def services(settings: Settings, clock: StandingClock) -> Iterator[Services]:
    database = Database(settings.database, clock=clock)
    migrate(database)
    made = build(settings, database)
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services=services), raise_server_exceptions=False) as asking:
        yield asking
