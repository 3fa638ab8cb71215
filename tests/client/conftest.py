"""A service behind a real socket, and a client whose waits are noted instead of waited."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest
import uvicorn

from synthos.client import Client
from synthos.server.app import create_app
from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate
from synthos.server.settings import MIB, Settings
from synthos.server.state import Services, build
from tests.server import conftest as server
from tests.server.conftest import Person, StandingClock

endpoint, s3 = server.endpoint, server.s3


class Unreliable(httpx2.BaseTransport):
    """Gives the answers in ``first``, or raises them, before it lets requests through; notes the paths asked for."""

    def __init__(self) -> None:
        self.first: list[httpx2.Response | Exception] = []
        self.asked: list[str] = []
        self._real = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.first:
            answer = self.first.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return self._real.handle_request(request)

    def close(self) -> None:
        self._real.close()


class LosesAnAnswer(Unreliable):
    """Lets the first request of this name, ``METHOD PATH``, through, and loses what is answered."""

    def __init__(self, lost: str) -> None:
        super().__init__()
        self.lost = lost

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().handle_request(request)
        if self.asked[-1] == self.lost and self.asked.count(self.lost) == 1:
            answer.close()
            raise httpx2.ReadError("the answer was lost")
        return answer


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.slow)])
def ground(request: pytest.FixtureRequest) -> str:
    """Where parts go: through the service, or straight to a real S3 endpoint."""
    return str(request.param)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Files and SQLite; tests that take ``ground`` are run on a bucket too, and have small parts."""
    alone = Settings(data_folder=tmp_path / "data")
    if "ground" not in request.fixturenames:
        return alone
    s3 = request.getfixturevalue("s3") if request.getfixturevalue("ground") == "bucket" else None
    return alone.model_copy(update={"chunk_bytes": 5 * MIB, "s3": s3})


@pytest.fixture
def services(settings: Settings, clock: StandingClock) -> Iterator[Services]:
    database = Database(settings.database, clock=clock)
    migrate(database)
    made = build(settings, database)
    yield made
    made.close()


@pytest.fixture
def ada(services: Services) -> Person:
    return Person(services, "ada")


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """Where the service answers."""
    config = uvicorn.Config(create_app(services=services), port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client has wanted to wait, in order."""
    return []


@pytest.fixture
def network() -> Unreliable:
    return Unreliable()


@pytest.fixture
def log_in(url: str, ada: Person, network: Unreliable, waits: list[float]) -> Callable[[], Client]:
    return partial(Client.login, url, ada.email, ada.password, transport=network, sleep=waits.append)
