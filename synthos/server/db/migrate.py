"""Bring a database to the version that this code was written for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from synthos.server.db.database import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Upgrade to ``revision``, in one transaction. Processes that do so side by side wait for each other."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Go back to ``revision``; "base" is an empty database."""
    _run(database, command.downgrade, revision)


def is_current(database: Database) -> bool:
    """Whether the database is of this code's version."""
    with database.read(None) as work:
        return MigrationContext.configure(work.connection).get_current_revision() == head()


@lru_cache(maxsize=1)
def head() -> str | None:
    """The newest version that this code knows."""
    return ScriptDirectory(str(_SCRIPTS)).get_current_head()


def _run(database: Database, change: object, revision: str) -> None:
    if database.is_sqlite and database.url.database:
        Path(database.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with database.write(None) as work:
        if not database.is_sqlite:
            work.connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # tables may be large
        config.attributes["connection"] = work.connection
        change(config, revision)  # type: ignore[operator]
