from __future__ import annotations

import pytest
from sqlalchemy import Table, insert, select, text

from synthos.errors import InternalError
from synthos.server.db.tables import OWNED, api_keys, datasets, jobs, validations
from synthos.server.state import Services
from tests.server.conftest import Person


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_a_statement_that_forgets_whose_rows_it_means_is_refused(services: Services, ada: Person, table: Table) -> None:
    column = next(iter(table.primary_key.columns))
    for statement in (
        select(table),
        select(column).where(column == "x"),
        table.update().where(column == "x").values({column: "y"}),
        table.delete().where(column == "x"),
        text(f"SELECT count(*) FROM {table.name}"),
    ):
        with pytest.raises(InternalError, match=table.name), services.database.write(ada.principal.tenant) as work:
            work.one(statement)
    with services.database.read(ada.principal.tenant) as work:
        assert work.all(work.mine(table)) == []


def test_rows_cannot_be_written_for_another_company(services: Services, ada: Person, eve: Person) -> None:
    with pytest.raises(InternalError, match="api_keys"), services.database.write(ada.principal.tenant) as work:
        work.run(insert(api_keys).values(id="key_1", company_id=eve.company_id, user_id=eve.user_id))


def test_joined_and_nested_tables_are_seen_too(services: Services, ada: Person) -> None:
    nested = select(text("1")).where(select(jobs.c.id).exists())
    joined = select(datasets.c.id).join(validations, validations.c.dataset_id == datasets.c.id)
    for statement in (nested, joined):
        with pytest.raises(InternalError), services.database.read(ada.principal.tenant) as work:
            work.one(statement)


def test_a_connection_that_served_the_system_guards_the_next_tenant(services: Services, ada: Person) -> None:
    with services.database.read(None) as work:
        work.all(select(datasets))
    with pytest.raises(InternalError), services.database.read(ada.principal.tenant) as work:
        work.all(select(datasets))
