"""Connections to SQLite or PostgreSQL: whatever waits has a limit, and none is given out that has died meanwhile.

A connection is asked for again for a while, since nothing is lost by that; statements are not, since they may have been
carried out. Where none is to be had, callers are told at once for a while.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from synthos.server.breaker import Breaker

#: Seconds: SQLite's wait for another writer, PostgreSQL's for a lock and for a new connection, and anybody's for one of
#: the pool.
LOCK_SECONDS = 10
#: Seconds that PostgreSQL gives one statement, and a transaction in which nothing happens.
STATEMENT_SECONDS, IDLE_SECONDS = 30, 60
POOL, MORE = 8, 24
#: A pooled connection that has rested for so many seconds is tried before it is given out.
RESTED_SECONDS = 5.0
#: Seconds for which a connection is asked for again, and between two attempts at first and at most.
PATIENCE, FIRST_WAIT, LONGEST_WAIT = 3.0, 0.05, 1.0
#: Seconds for which nobody asks after several could not be had.
REST_SECONDS = 2.0
#: An execution option: the transaction is going to write.
WRITES = "synthos_writes"
_RESTS = "rests_since"
#: libpq's limits: bytes that nobody confirms, and a peer that says nothing at all.
_TCP = {
    "tcp_user_timeout": LOCK_SECONDS * 1_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def open_engine(url: URL, lock_seconds: int = LOCK_SECONDS) -> Engine:
    """A pool of connections; none is opened yet. ``lock_seconds``: how long SQLite waits for another writer."""
    is_sqlite = url.get_backend_name() == "sqlite"
    limits = {
        "lock_timeout": LOCK_SECONDS,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    waiting: dict[str, Any] = {"timeout": lock_seconds, "check_same_thread": False}
    if not is_sqlite:
        options = " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items())
        waiting = {"connect_timeout": LOCK_SECONDS, "options": options, **_TCP}
    engine = create_engine(
        url,
        connect_args=waiting,
        poolclass=QueuePool,
        pool_size=POOL,
        max_overflow=MORE,
        pool_timeout=LOCK_SECONDS,
        hide_parameters=True,
    )
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "checkin", _note_rest)
        event.listen(engine, "checkout", lambda connection, entry, _: _try_rested(engine, connection, entry))
    return engine


def patient(seconds: float) -> Retrying:
    """Asks for a connection again for so long."""
    return Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_random_exponential(FIRST_WAIT, LONGEST_WAIT),
        retry=retry_if_exception_type((OperationalError, InterfaceError)),
        reraise=True,
    )


def connect(engine: Engine, breaker: Breaker, attempts: Retrying) -> Connection:
    """A connection.

    Raises
    ------
    OperationalError, TimeoutError of SQLAlchemy : none is to be had.
    UnavailableError : none was, just now.
    """
    breaker.check()
    try:
        try:
            connection = engine.connect()  # as a rule it is there, and needs none of what ``attempts`` sets up
        except (OperationalError, InterfaceError):
            connection = attempts(engine.connect)
    except DBAPIError:
        breaker.failed()
        raise
    breaker.worked()
    return connection


def _note_rest(connection: Any, entry: ConnectionPoolEntry) -> None:
    entry.info[_RESTS] = time.monotonic()


def _try_rested(engine: Engine, connection: Any, entry: ConnectionPoolEntry) -> None:
    """The pool opens another one instead of a connection that has died."""
    since = entry.info.pop(_RESTS, None)
    if since is None or time.monotonic() - since < RESTED_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by ``_begin_sqlite``
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail where another has written in between.
    if connection.get_execution_options().get(WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
