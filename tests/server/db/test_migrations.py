"""The database is made, unmade and made again, and is what the code says of it each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from synthos.errors import ConfigError
from synthos.server.accounts.service import register
from synthos.server.db.database import Database
from synthos.server.db.migrate import current, downgrade, is_current, migrate
from synthos.server.db.tables import metadata
from synthos.server.settings import Settings
from tests.server.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty one."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        made = Database(fresh_database(request.getfixturevalue("postgres")))
        downgrade(made, "base")
    yield made
    made.close()


def differences(database: Database) -> list[Any]:
    """What alembic would have to change for the database to be what ``tables.py`` says."""
    with database.read(None) as work:
        context = MigrationContext.configure(work.connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def shape(database: Database) -> dict[str, Any]:
    """Tables with their columns, keys and indexes; and the triggers."""
    look = inspect(database.engine)
    triggers = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT DISTINCT trigger_name FROM information_schema.triggers"
    )
    with database.read(None) as work:
        found: dict[str, Any] = {"triggers": sorted(row[0] for row in work.all(text(triggers)))}
    for table in sorted(look.get_table_names()):
        found[table] = {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"]) for column in look.get_columns(table)
            ],
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "refers": sorted(
                (key["constrained_columns"], key["referred_table"]) for key in look.get_foreign_keys(table)
            ),
            "indexes": sorted((index["name"], index["column_names"]) for index in look.get_indexes(table)),
            "unique": sorted(item["column_names"] for item in look.get_unique_constraints(table)),
        }
    return found


def test_up_down_and_up_again(database: Database) -> None:
    assert not is_current(database)
    migrate(database)
    assert is_current(database) and differences(database) == []
    first = shape(database)
    assert set(metadata.tables) < set(first) and len(first["triggers"]) >= 1
    migrate(database)  # what is there stays
    assert shape(database) == first

    downgrade(database, "base")
    assert not is_current(database)
    assert {name for name, about in shape(database).items() if about} == {"alembic_version"}

    migrate(database)
    assert is_current(database) and shape(database) == first


def test_what_was_written_is_there_after_another_start(database: Database) -> None:
    migrate(database)
    account = {"email": "a@example.com", "password_hash": "x", "company_name": "A", "full_name": "A"}
    register(database, **account)
    migrate(database)
    with database.read(None) as work:
        assert [row.email for row in work.all(text("SELECT email FROM users"))] == ["a@example.com"]


def test_the_tables_that_the_code_names_are_all_the_schema_has(database: Database) -> None:
    migrate(database)
    with database.write(None) as work:
        work.run(text("CREATE TABLE stray (id INTEGER)"))
    assert [change[0] for change in differences(database)] == ["remove_table"]
    with pytest.raises(DBAPIError), database.read(None) as work:
        work.one(text("SELECT nothing FROM users"))


def test_what_was_written_before_a_new_version_is_there_after_it(database: Database) -> None:
    migrate(database, "0001")
    account = {"email": "a@example.com", "password_hash": "x", "company_name": "A", "full_name": "A"}
    made = register(database, **account)
    owner = f"'{made.company_id}', '{made.user_id}'"
    with database.write(None) as work:
        work.run(
            text(
                "INSERT INTO datasets (id, company_id, user_id, filename, file_type, file_size, status, chunk_bytes, "
                f"created_at, updated_at) VALUES ('ds_1', {owner}, 'a.csv', 'csv', 1, 'ready', 1, 0, 0)"
            )
        )
        work.run(
            text(
                "INSERT INTO validations (id, company_id, user_id, dataset_id, kind, options, status, progress, "
                f"stages, version, created_at) VALUES ('val_1', {owner}, 'ds_1', 'quick', '{{}}', 'failed', 0, '[]', "
                "1, 0)"
            )
        )
    migrate(database)
    with database.read(None) as work:
        assert [row.runs for row in work.all(text("SELECT runs FROM validations"))] == [1]
    downgrade(database, "0001")
    with database.read(None) as work:
        assert [row.id for row in work.all(text("SELECT id FROM validations"))] == ["val_1"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+psycopg://a:hunter2@127.0.0.1:1/x", "does not answer"),
        ("postgres://a:hunter2@127.0.0.1/x", "is no address"),
        ("hunter2", "is no address"),
        ("mysql+nothing://a:hunter2@127.0.0.1/x", "is no address"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_in_a_sentence_without_its_password(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught, current(Settings(database_url=SecretStr(address))):
        pass
    assert caught.value.where == "database_url" and "hunter2" not in str(caught.value)


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    with current(settings) as database, database.write(None) as work:
        work.run(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(ConfigError, match="not of a known version"), current(settings):
        pass
