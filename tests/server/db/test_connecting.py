"""A database that is slow, cuts connections, or is away for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from synthos.server.db import connecting
from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate
from synthos.server.db.patience import insist
from synthos.server.errors import UnavailableError
from synthos.server.settings import Settings
from synthos.server.state import build
from tests.server.conftest import Person
from tests.server.postgres import cut_off, fresh_database, start, stop

ONE = text("SELECT 1")


def asked(database: Database) -> Any:
    with database.read(None) as work:
        row = work.one(ONE)
    return row and row[0]


@pytest.fixture
def database(postgres: Any) -> Iterator[Database]:
    made = Database(fresh_database(postgres))
    yield made
    made.close()


@pytest.mark.slow
def test_whatever_waits_in_postgresql_has_a_limit(database: Database) -> None:
    with database.read(None) as work:
        limits = {
            name: work.one(text(f"SHOW {name}"))[0]  # type: ignore[index]
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        }
        timeout = work.connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    assert limits == {
        "lock_timeout": f"{connecting.LOCK_SECONDS}s",
        "statement_timeout": f"{connecting.STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": "1min",
    }
    assert timeout["connect_timeout"] == str(connecting.LOCK_SECONDS) and timeout["keepalives_idle"] == "10"


def test_a_writer_of_sqlite_waits_for_another_one_for_so_long(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'some.db'}")
    with database.read(None) as work:
        assert work.one(text("PRAGMA busy_timeout")) == (connecting.LOCK_SECONDS * 1_000,)
    database.close()


@pytest.mark.slow
def test_a_connection_that_died_while_it_rested_is_not_given_out(
    database: Database, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "RESTED_SECONDS", 0.0)
    for _ in range(3):
        assert asked(database) == 1
        cut_off(postgres, str(database.url.database))
    assert asked(database) == 1


@pytest.mark.slow
def test_a_server_that_starts_anew_is_waited_for(postgres: Any) -> None:
    database = Database(fresh_database(postgres))
    with database.write(None) as work:
        work.connection.execute(text("CREATE TABLE pieces (number INTEGER)"))
    stop(postgres)
    back = threading.Timer(0.5, start, (postgres,))
    back.start()

    def add() -> None:
        with database.write(None) as work:
            work.connection.execute(text("INSERT INTO pieces VALUES (1)"))

    insist(add, 60.0)
    back.join()
    with database.read(None) as work:
        assert work.all(text("SELECT number FROM pieces")) == [(1,)]
    database.close()


@pytest.mark.slow
def test_where_the_database_is_away_clients_are_told_at_once_and_when_to_come_again(
    tmp_path: Path, postgres: Any
) -> None:
    database = Database(fresh_database(postgres), patience=0.1)
    migrate(database)
    services = build(Settings(data_folder=tmp_path), database)
    ada = Person(services, "ada")
    database.close()
    stop(postgres)
    for _ in range(6):
        answer = ada.client.get("/api/v1/validations")
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["type"] == "urn:synthos:problem:database-unavailable"
    with pytest.raises(UnavailableError):  # it is not even tried
        asked(database)
    assert ada.client.get("/readyz").json()["checks"]["database"] is False
    start(postgres)
    assert insist(lambda: asked(database), 60.0) == 1
    assert ada.client.get("/api/v1/validations").status_code == 200
    services.close()


def test_a_database_that_stays_away_is_given_up(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'some.db'}", patience=0.0)
    with pytest.raises((OperationalError, UnavailableError)):
        insist(lambda: asked(database), 0.1)
