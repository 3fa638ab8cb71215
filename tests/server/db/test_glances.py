from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from synthos.errors import InternalError
from synthos.server.db.database import Database, Work
from synthos.server.db.glances import glance
from synthos.server.db.tables import datasets
from synthos.server.state import Services
from tests.server import rows
from tests.server.conftest import Person


def test_what_another_has_just_written_is_seen_at_once_on_sqlite_and_elsewhere_in_a_thread(
    services: Services, ada: Person
) -> None:
    seen: list[tuple[int, int]] = []

    def look(work: Work) -> None:
        seen.append((len(work.all(work.mine(datasets))), threading.get_ident()))

    async def looks() -> None:
        for _ in range(3):
            await glance(services.database, ada.principal.tenant, look)
            rows.dataset(services, ada)

    asyncio.run(looks())
    assert [count for count, _ in seen] == [0, 1, 2]
    here = {thread == threading.get_ident() for _, thread in seen}
    assert here == {services.database.is_sqlite}


def test_a_tenant_sees_its_own_rows_only(services: Services, ada: Person, eve: Person) -> None:
    rows.dataset(services, eve)
    found = asyncio.run(glance(services.database, ada.principal.tenant, lambda work: work.all(work.mine(datasets))))
    assert found == []
    with pytest.raises(InternalError, match="whose rows"):
        asyncio.run(glance(services.database, ada.principal.tenant, lambda work: work.all(datasets.select())))


def test_a_glance_waits_for_no_lock_and_works_again_after_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with closing(sqlite3.connect(tmp_path / "x.db")) as other:
        other.executescript("PRAGMA journal_mode = WAL; PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE made (x)")
        with pytest.raises(OperationalError, match="locked"), database.glance(None) as work:
            work.one(text("SELECT 1 FROM made"))
    assert asyncio.run(glance(database, None, lambda work: work.all(text("SELECT * FROM made")))) == []
    database.close()


def test_what_could_not_be_read_at_once_is_read_in_a_thread(services: Services) -> None:
    threads: list[int] = []

    def look(work: Work) -> str:
        threads.append(threading.get_ident())
        if threads == [threading.get_ident()] and services.database.is_sqlite:
            work.one(text("SELECT 1 FROM nowhere"))  # an OperationalError, as a lock is
        return "read"

    assert asyncio.run(glance(services.database, None, look)) == "read"
    assert threads[-1] != threading.get_ident()


def test_a_database_that_is_away_is_told_as_ever(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'none' / 'x.db'}", patience=0.0)
    with pytest.raises(OperationalError):
        asyncio.run(glance(database, None, lambda work: work.one(text("SELECT 1"))))
    database.close()
