"""The unit of work: a connection, whose it is, and the time; it commits when its block ends, and only then.

A unit of work belongs to a tenant, or expressly to the system. A tenant's connection refuses every statement on a
table of ``OWNED`` that does not carry the tenant's company: a check that was forgotten is an error, not a leak.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from prometheus_client import Counter, Histogram
from sqlalchemy import Connection, Row, Select, Table, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql import Executable

from synthos.errors import InternalError
from synthos.server.breaker import Breaker
from synthos.server.db.connecting import PATIENCE, REST_SECONDS, WRITES, connect, open_engine, patient
from synthos.server.db.tables import OWNED
from synthos.server.errors import UnavailableError
from synthos.server.ids import Clock, utc_now

QUERIES = Counter("db_queries_total", "Statements sent to the database")
DURATION = Histogram("db_query_duration_seconds", "Statements, from sending them to their first row")

_OWNED_NAME = re.compile(rf"\b({'|'.join(table.name for table in OWNED)})\b")
_LOCKING = re.compile(r"\A\s*(?:UPDATE|DELETE)\b|\bFOR (?:NO KEY )?UPDATE\b|\bFOR (?:KEY )?SHARE\b")
_TENANT, _SENT, _HOLDS_ROWS = "tenant", "sent", "holds_rows"
#: What a statement raises where the database does not answer, or not in time: another attempt may end otherwise.
AWAY = (OperationalError, InterfaceError, PoolTimeout, UnavailableError)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks: a user, and the company whose rows that user may see."""

    company_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The newest entry of a company's audit log, held by a unit of work: nobody else adds one meanwhile."""

    company_id: str
    sequence: int
    digest: str


class Work:
    """One unit of work. ``tenant`` is None where the system itself works; ``chain`` is what ``audit.begin`` took."""

    def __init__(self, connection: Connection, tenant: Tenant | None, now: datetime) -> None:
        self.connection, self.now, self._tenant = connection, now, tenant
        self.chain: Chain | None = None
        connection.info[_HOLDS_ROWS] = False

    @property
    def holds_rows(self) -> bool:
        """Whether a row of ``OWNED`` was changed, removed or locked, which others may wait for."""
        return bool(self.connection.info[_HOLDS_ROWS])

    @property
    def tenant(self) -> Tenant:
        """Whose work it is.

        Raises
        ------
        InternalError : it is the system's.
        """
        if self._tenant is None:
            raise InternalError("the system's work belongs to nobody")
        return self._tenant

    def mine(self, table: Table, *columns: Any) -> Select[Any]:
        """A selection of the tenant's rows of ``table``; of all its columns where none is named."""
        return select(*(columns or (table,))).where(table.c.company_id == self.tenant.company_id)

    def one(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """The first row, or None; ``values`` are those of the statement's ``bindparam``."""
        return self.connection.execute(statement, values).first()

    def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """Every row."""
        return self.connection.execute(statement).all()

    def run(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Carry out a change; how many rows it touched."""
        done = self.connection.execute(statement, rows) if rows is not None else self.connection.execute(statement)
        return done.rowcount


class Database:
    """A pool of connections to SQLite or PostgreSQL.

    Parameters
    ----------
    url : with its password, which is never shown.
    clock : what the time is; tests set it.
    patience : seconds for which a connection is asked for again that could not be had.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now, patience: float = PATIENCE) -> None:
        self.url, self.clock = make_url(url), clock
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine, self._at_once = open_engine(self.url), open_engine(self.url, lock_seconds=0)
        for engine in (self.engine, self._at_once):
            event.listen(engine, "before_cursor_execute", _guard)
            event.listen(engine, "after_cursor_execute", _count)
        self._kept = threading.local()
        self._breaker, self._attempts = Breaker("database", rest=REST_SECONDS), patient(patience)
        # One statement needs no transaction around it: reads take one round trip. SQLite has none before its BEGIN.
        reading = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reading = self.engine.execution_options(**reading)
        self._writing = self.engine.execution_options(**{WRITES: True})

    @contextmanager
    def read(self, tenant: Tenant | None) -> Iterator[Work]:
        """Statements that change nothing, each by itself. ``None`` is the system."""
        with connect(self._reading, self._breaker, self._attempts) as connection:
            connection.info[_TENANT] = tenant
            yield Work(connection, tenant, self.clock())

    @contextmanager
    def glance(self, tenant: Tenant | None) -> Iterator[Work]:
        """``read`` that waits for nobody, by a connection that this thread keeps: for SQLite, whose readers need not.

        Raises
        ------
        OperationalError : the database is locked just now, or away.
        """
        connection: Connection | None = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = self._at_once.connect()
        connection.info[_TENANT] = tenant
        try:
            yield Work(connection, tenant, self.clock())
        except OperationalError:
            del self._kept.connection
            connection.close()
            raise

    @contextmanager
    def write(self, tenant: Tenant | None) -> Iterator[Work]:
        """A transaction: all of its changes, or none where the block raises. ``None`` is the system."""
        with connect(self._writing, self._breaker, self._attempts) as connection, connection.begin():
            connection.info[_TENANT] = tenant
            yield Work(connection, tenant, self.clock())

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        self._at_once.dispose()


@lru_cache(maxsize=1_024)
def _owned_table(statement: str) -> str | None:
    found = _OWNED_NAME.search(statement)
    return found[1] if found else None


@lru_cache(maxsize=1_024)
def _locks_rows(statement: str) -> bool:
    return _LOCKING.search(statement) is not None


def _guard(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    connection.info[_SENT] = time.perf_counter()
    if (table := _owned_table(statement)) is None:
        return
    if _locks_rows(statement):
        connection.info[_HOLDS_ROWS] = True
    tenant: Tenant | None = connection.info.get(_TENANT)
    if tenant is None:
        return
    for values in parameters if executemany else (parameters,):
        carried = values.values() if isinstance(values, Mapping) else values
        if tenant.company_id not in carried:
            raise InternalError(f"a statement on {table} does not say whose rows it means")


def _count(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    QUERIES.inc()
    DURATION.observe(time.perf_counter() - connection.info[_SENT])
