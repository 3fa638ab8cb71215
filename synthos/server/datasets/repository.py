"""Datasets in the database. Those that were deleted are found by nobody but the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, func, or_

from synthos.server.db.database import Work
from synthos.server.db.tables import datasets, pipelines, validations
from synthos.server.errors import NotFoundError
from synthos.server.ids import new_id
from synthos.server.pagination import page_of

#: Over how long a time the quota on bytes is counted.
QUOTA_DAYS = timedelta(days=30)
_shown = [column for column in datasets.columns if column.name not in ("metadata", "error")]


def add(work: Work, **values: Any) -> str:
    """A dataset whose upload is about to begin; its id."""
    dataset_id, tenant = new_id("ds"), work.tenant
    work.run(
        datasets.insert().values(
            id=dataset_id,
            company_id=tenant.company_id,
            user_id=tenant.user_id,
            status="uploading",
            created_at=work.now,
            updated_at=work.now,
            **values,
        )
    )
    return dataset_id


def find(work: Work, dataset_id: str, *columns: Any) -> Row[Any]:
    """The tenant's dataset; of all its columns where none is named.

    Raises
    ------
    NotFoundError : it is not there, not the tenant's, or deleted.
    """
    mine = work.mine(datasets, *columns).where(datasets.c.id == dataset_id, datasets.c.status != "deleted")
    row = work.one(mine)
    if row is None:
        raise NotFoundError("dataset")
    return row


def page(work: Work, status: str | None, cursor: str | None, limit: int, *, oldest_first: bool) -> Sequence[Row[Any]]:
    """The tenant's datasets, as ``pagination.cut`` wants them, without what is large."""
    wanted = datasets.c.status == status if status else datasets.c.status != "deleted"
    mine = work.mine(datasets, *_shown).where(wanted)
    return work.all(page_of(mine, datasets, cursor, limit, oldest_first=oldest_first))


def bytes_announced(work: Work) -> tuple[int, datetime | None]:
    """Bytes of the company's uploads of the last ``QUOTA_DAYS`` that came or may still come; when the oldest began."""
    counted = or_(datasets.c.status == "uploading", datasets.c.completed_at.is_not(None))
    figures = (func.sum(datasets.c.file_size).label("bytes"), func.min(datasets.c.created_at).label("since"))
    row = work.one(work.mine(datasets, *figures).where(counted, datasets.c.created_at > work.now - QUOTA_DAYS))
    assert row is not None
    return int(row.bytes or 0), row.since


def change(work: Work, dataset_id: str, *statuses: str, **values: Any) -> bool:
    """Change the tenant's dataset if it has one of ``statuses``; whether it had."""
    mine = datasets.update().where(datasets.c.company_id == work.tenant.company_id, datasets.c.id == dataset_id)
    return work.run(mine.where(datasets.c.status.in_(statuses)).values(updated_at=work.now, **values)) == 1


def is_in_use(work: Work, dataset_id: str) -> bool:
    """Whether a validation or a pipeline that reads it is queued or running."""
    for table in (validations, pipelines):
        reading = work.mine(table, table.c.id).where(
            table.c.status.in_(("queued", "running")), _names(table, dataset_id)
        )
        if work.one(reading.limit(1)) is not None:
            return True
    return False


def validations_of(work: Work, dataset_id: str) -> list[str]:
    """The tenant's validations that read it."""
    return [row.id for row in work.all(work.mine(validations, validations.c.id).where(_names(validations, dataset_id)))]


def _names(table: Table, dataset_id: str) -> ColumnElement[bool]:
    roles = [table.c[role] for role in ("dataset_id", "reference_id", "holdout_id", "repaired_id") if role in table.c]
    return or_(*(column == dataset_id for column in roles))
