"""The audit chain is taken before any row: work that meets over the same rows waits for its turn, and none is killed.

Pairs of operations are led to where a wrong order shows: each takes its first lock before either goes for its second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, select, text
from sqlalchemy.exc import OperationalError

from synthos.errors import InternalError
from synthos.server.audit import log as audit
from synthos.server.audit.log import broken_at
from synthos.server.datasets import ingest, service, sweep, uploads
from synthos.server.db.tables import audit_heads, datasets
from synthos.server.errors import ServiceError
from synthos.server.jobs.leases import fail
from synthos.server.jobs.queue import enqueue
from synthos.server.jobs.schemas import RunAgain
from synthos.server.jobs.service import run_again
from synthos.server.settings import Settings
from synthos.server.state import Services
from tests.pipelines.waiting import wait_for
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, announce, send
from tests.server.jobs.queueing import take
from tests.server.postgres import fresh_database
from tests.server.rows import dataset

Operation = Callable[[], object]


def change(services: Services, dataset_id: str) -> None:
    with services.database.write(None) as work:
        work.run(datasets.update().where(datasets.c.id == dataset_id).values(description="x"))
        audit.record(work, "dataset.ready", dataset_id, company_id="com_1")


def test_who_changes_rows_before_it_takes_the_chain_is_told(services: Services, ada: Person, eve: Person) -> None:
    name = dataset(services, ada)
    with pytest.raises(InternalError, match="before any row"):
        change(services, name)
    with services.database.write(None) as work:
        audit.record(work, "dataset.ready", name, company_id=ada.company_id)
        work.run(datasets.update().where(datasets.c.id == name).values(description="x"))
        audit.record(work, "dataset.ready", name, company_id=ada.company_id)
        with pytest.raises(InternalError, match="only one"):
            audit.record(work, "dataset.ready", name, company_id=eve.company_id)
    with services.database.write(None) as work:  # the connection that was used before holds nothing any more
        audit.record(work, "dataset.ready", name, company_id=ada.company_id)
    with services.database.read(None) as work:
        assert broken_at(work, ada.company_id) is None


class OnPostgres:
    """The tests that need one."""

    @pytest.fixture
    def settings(self, tmp_path: Path, postgres: Any) -> Settings:
        url = fresh_database(postgres)
        name = url.rsplit("/", 1)[1].split("?")[0]
        postgres.psql(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms';")
        return Settings(data_folder=tmp_path / "data", database_url=url)


@contextmanager
def led(services: Services) -> Iterator[Callable[[Operation], BaseException | None]]:
    """Gives what runs an operation, in a thread that stops behind its first lock until the other has one, or waits."""
    engine, watch = services.database.engine, create_engine(services.database.url, isolation_level="AUTOCOMMIT")
    holding: set[int] = set()
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def somebody_waits() -> bool:
        with watch.connect() as connection:
            return bool(connection.execute(waiting).scalar_one())

    def pause(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        me = threading.get_ident()
        if me in holding or not ("FOR UPDATE" in statement or statement.lstrip().startswith("UPDATE")):
            return
        holding.add(me)
        assert wait_for(lambda: len(holding) == 2 or somebody_waits(), 20)

    def run(operation: Operation) -> BaseException | None:
        try:
            operation()
        except (OperationalError, ServiceError) as error:
            return error
        return None

    event.listen(engine, "after_cursor_execute", pause)
    try:
        yield run
    finally:
        event.remove(engine, "after_cursor_execute", pause)
        watch.dispose()


def side_by_side(services: Services, *operations: Operation) -> list[BaseException | None]:
    """What each of them came to: None, or the error it raised."""
    with led(services) as run, ThreadPoolExecutor(len(operations)) as threads:
        return list(threads.map(run, operations, timeout=60))


def failed_job(services: Services, ada: Person) -> tuple[str, Operation]:
    name = dataset(services, ada, status="processing")
    with services.database.write(ada.principal.tenant) as work:
        enqueue(work, "ingest", name, {})
    job = take(services)

    def end() -> None:
        with services.database.write(None) as work:
            fail(work, job, {"reason": "invalid-input", "detail": "no rows"}, again=False)

    return name, end


def settled(services: Services, ada: Person) -> tuple[str, Operation]:
    name = dataset(services, ada, status="processing")
    return name, lambda: ingest._settle(services, row_of(services, name), "ready")


def expired(services: Services, ada: Person) -> tuple[str, Operation]:
    name = str(announce(ada, CSV)["dataset_id"])
    return name, lambda: sweep.expire(services, row_of(services, name))


def completed(services: Services, ada: Person) -> tuple[str, Operation]:
    plan = announce(ada, CSV)
    send(ada, plan, CSV)
    name = str(plan["dataset_id"])
    return name, lambda: uploads.complete(services, ada.principal, name)


def again(services: Services, ada: Person) -> tuple[str, Operation]:
    name = dataset(services, ada, status="failed")
    asked = RunAgain(kind="ingest", subject=name)
    return name, lambda: run_again(services, ada.principal, asked)


def row_of(services: Services, name: str) -> Any:
    with services.database.read(None) as work:
        return work.one(select(datasets).where(datasets.c.id == name))


@pytest.mark.slow
class TestSideBySide(OnPostgres):
    @pytest.mark.parametrize("kind", [failed_job, settled, expired, completed, again], ids=lambda kind: kind.__name__)
    def test_nobody_is_killed(
        self, services: Services, ada: Person, kind: Callable[..., tuple[str, Operation]]
    ) -> None:
        name, operation = kind(services, ada)
        errors = side_by_side(services, lambda: service.delete(services, ada.principal, name), operation)
        assert not [error for error in errors if isinstance(error, OperationalError)]
        assert errors[0] is None and row_of(services, name).status == "deleted"
        with services.database.read(None) as work:
            assert broken_at(work, ada.company_id) is None

    def test_the_other_order_would_have_one_killed(self, services: Services, ada: Person) -> None:
        name = dataset(services, ada)
        chain = select(audit_heads).where(audit_heads.c.company_id == ada.company_id).with_for_update()

        def rows_first() -> None:
            with services.database.write(None) as work:
                work.run(datasets.update().where(datasets.c.id == name).values(description="x"))
                work.one(chain)

        errors = side_by_side(services, lambda: service.delete(services, ada.principal, name), rows_first)
        (killed,) = [error for error in errors if isinstance(error, OperationalError)]
        assert "deadlock" in str(killed)
