"""Bring a database to the version that this code was written for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.exc import ArgumentError

from synthos.errors import ConfigError
from synthos.server.db.database import AWAY, Database
from synthos.server.settings import Settings

_SCRIPTS = Path(__file__).parent / "migrations"


@contextmanager
def current(settings: Settings) -> Iterator[Database]:
    """The database of the settings, brought to this version first; it is closed when the block ends.

    Raises
    ------
    ConfigError : its address is none, it does not answer, or it is of a version that this code does not know.
    """
    fix = "check database_url, and that the server runs"
    try:
        database = Database(settings.database)
    except (ArgumentError, ImportError) as error:
        what = f"is no address of a database ({type(error).__name__})"
        raise ConfigError(what, where="database_url", fix=fix) from None
    try:
        migrate(database)
        yield database
    except AWAY as error:
        raise ConfigError(f"the database does not answer ({_why(error)})", where="database_url", fix=fix) from None
    except OSError as error:
        fix = "choose a data_folder that can be written"
        raise ConfigError(f"no database can be made there ({error.strerror})", where="data_folder", fix=fix) from None
    except CommandError as error:
        fix = "start the version of Synthos that it was last used with, or a newer one"
        raise ConfigError(f"the database is not of a known version ({error})", where="database_url", fix=fix) from None
    finally:
        database.close()


def _why(error: Exception) -> str:
    """The driver's reason, without the statement; its address may hold a password, which drivers do not say."""
    return str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0].rstrip(".")


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
