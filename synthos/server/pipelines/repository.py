"""Pipelines in the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select

from synthos.server.db.database import Work
from synthos.server.db.tables import pipelines as table
from synthos.server.db.tables import validations


def add(work: Work, values: Mapping[str, Any]) -> None:
    """A new pipeline of the tenant's."""
    mine = {"company_id": work.tenant.company_id, "user_id": work.tenant.user_id}
    work.run(table.insert().values({**mine, "created_at": work.now, "version": 1, "progress": 0.0, **values}))


def find(work: Work, identifier: str) -> Row[Any] | None:
    """A pipeline of the tenant's, or None."""
    return work.one(work.mine(table).where(table.c.id == identifier))


def locked(work: Work, identifier: str) -> Row[Any] | None:
    """The same, which nobody else may change until this unit of work ends."""
    return work.one(work.mine(table).where(table.c.id == identifier).with_for_update())


def listed(work: Work, status: str | None) -> Select[Any]:
    """The tenant's pipelines, without what is large."""
    found = work.mine(table, *(column for column in table.c if column.name not in ("stages", "options", "repair")))
    return found if status is None else found.where(table.c.status == status)


def change(work: Work, identifier: str, company_id: str, values: Mapping[str, Any]) -> Row[Any]:
    """Change a pipeline of this company's, in its work or the system's; its row after that."""
    mine = (table.c.company_id == company_id) & (table.c.id == identifier)
    changed = table.update().where(mine).values({**values, "version": table.c.version + 1})
    row = work.one(changed.returning(table))
    assert row is not None
    return row


def verdicts(work: Work, row: Row[Any]) -> dict[str, Row[Any]]:
    """What the completed validations of a pipeline say, by their identifiers."""
    shown = (validations.c.id, validations.c.risk_score, validations.c.decision)
    made = [name for name in (row.validation_id, row.revalidation_id) if name is not None]
    done = work.mine(validations, *shown).where(validations.c.id.in_(made), validations.c.status == "completed")
    return {found.id: found for found in work.all(done)}
