"""Validations in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, Text, bindparam, exists, func, select, type_coerce

from synthos.server.db.database import Work
from synthos.server.db.tables import datasets, jobs
from synthos.server.db.tables import validations as table

#: Columns that hold JSON are passed on as text: the hot path neither reads nor writes them anew.
_TEXTS = ("options", "stages", "results", "error")
_SHOWN = [type_coerce(column, Text).label(column.name) if column.name in _TEXTS else column for column in table.c]
#: Made once: to put this statement together takes longer than to carry it out.
_SHOW = select(*_SHOWN).where(table.c.company_id == bindparam("company"), table.c.id == bindparam("identifier"))
#: Finished validations from which the time of the next is told.
NEWEST = 10


def add(work: Work, values: Mapping[str, Any]) -> None:
    """A new validation of the tenant's."""
    mine = {"company_id": work.tenant.company_id, "user_id": work.tenant.user_id}
    work.run(table.insert().values({**mine, "created_at": work.now, "version": 1, "progress": 0.0, **values}))


def set_rows(work: Work, identifier: str, rows: int) -> None:
    """Say how many rows a validation judges, once they are all read."""
    mine = (table.c.company_id == work.tenant.company_id, table.c.id == identifier)
    work.run(table.update().where(*mine).values(rows=rows))


def find(work: Work, identifier: str) -> Row[Any] | None:
    """A validation of the tenant's, or None."""
    return work.one(work.mine(table).where(table.c.id == identifier))


def standing(work: Work, identifier: str) -> Row[Any] | None:
    """A validation's ``status``, and whether a table of it was ``deleted``; None where the tenant has none such."""
    read = datasets.c.id.in_((table.c.dataset_id, table.c.reference_id, table.c.holdout_id))
    deleted = exists().where(read, datasets.c.status == "deleted").label("deleted")
    return work.one(work.mine(table, table.c.status, deleted).where(table.c.id == identifier))


def find_as_text(work: Work, identifier: str) -> Row[Any] | None:
    """The same with its JSON columns as they are stored."""
    return work.one(_SHOW, {"company": work.tenant.company_id, "identifier": identifier})


def listed(work: Work, status: str | None) -> Select[Any]:
    """The tenant's validations, without their results."""
    shown = [column for column in table.c if column.name not in ("results", "stages", "options", "error")]
    found = work.mine(table, *shown)
    return found if status is None else found.where(table.c.status == status)


def used_since(work: Work, since: datetime) -> Row[Any]:
    """How many validations the company asked for since then, and of how many rows (``number``, ``rows``).

    One that was run again counts again.
    """
    mine = (table.c.company_id == work.tenant.company_id, table.c.created_at > since)
    runs, rows = func.coalesce(func.sum(table.c.runs), 0), func.coalesce(func.sum(table.c.rows * table.c.runs), 0)
    asked = select(runs.label("number"), rows.label("rows")).where(*mine)
    found = work.one(asked)
    assert found is not None
    return found


def usable(work: Work, identifiers: Sequence[str]) -> dict[str, Row[Any]]:
    """The tenant's datasets of these identifiers."""
    return {row.id: row for row in work.all(work.mine(datasets).where(datasets.c.id.in_(identifiers)))}


def usual_seconds(work: Work, kind: str) -> float | None:
    """How long the company's newest validations of this kind took, in the middle; None where there are none."""
    newest = (
        work.mine(table, table.c.started_at, table.c.completed_at)
        .where(table.c.status == "completed", table.c.kind == kind)
        .order_by(table.c.created_at.desc())
        .limit(NEWEST)
    )
    spans: list[timedelta] = sorted(row.completed_at - row.started_at for row in work.all(newest))
    return spans[len(spans) // 2].total_seconds() if spans else None


def waiting(work: Work) -> int:
    """How many of the company's jobs are queued or under way."""
    mine = (jobs.c.company_id == work.tenant.company_id, jobs.c.status.in_(("queued", "running")))
    found = work.one(select(func.count()).select_from(jobs).where(*mine))
    return int(found[0]) if found else 0
