"""Sums over a company's rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Row, Select, func, type_coerce

from synthos.server.db.database import Work
from synthos.server.db.tables import datasets, validations
from synthos.server.db.types import EPOCH

_DAY = timedelta(days=1) // timedelta(microseconds=1)
_day = (type_coerce(validations.c.completed_at, BigInteger) // _DAY).label("day")
#: Days that a trend may have.
MOST_DAYS = 1_000


def by_status(work: Work, since: datetime) -> Sequence[Row[Any]]:
    """Of the validations asked for since then: ``status``, ``number`` and mean ``risk`` of each status."""
    sums = (
        validations.c.status,
        func.count().label("number"),
        func.avg(validations.c.risk_score).label("risk"),
    )
    found = work.mine(validations, *sums).where(validations.c.created_at > since)
    return work.all(found.group_by(validations.c.status))


def stored(work: Work) -> int:
    """Datasets that are there, or on their way."""
    there = work.mine(datasets, func.count().label("number"))
    found = work.one(there.where(datasets.c.status.in_(("uploading", "processing", "ready", "failed"))))
    assert found is not None
    return int(found.number)


def completed(statement: Select[Any], since: datetime | None, until: datetime | None, level: str | None) -> Select[Any]:
    """``statement`` over validations, of completed ones only, in a span of time and of one level."""
    found = statement.where(validations.c.status == "completed")
    if since is not None:
        found = found.where(validations.c.completed_at >= since)
    if until is not None:
        found = found.where(validations.c.completed_at < until)
    return found if level is None else found.where(validations.c.risk_level == level)


def days(
    work: Work, since: datetime | None, until: datetime | None, level: str | None
) -> list[tuple[date, int, float]]:
    """Day, validations completed on it, and their mean risk; the newest days, in order of time."""
    sums = (_day, func.count().label("validations"), func.avg(validations.c.risk_score).label("risk"))
    found = completed(work.mine(validations, *sums), since, until, level).group_by(_day).order_by(_day.desc())
    return [
        ((EPOCH + timedelta(days=int(row.day))).date(), int(row.validations), float(row.risk))
        for row in reversed(work.all(found.limit(MOST_DAYS)))
    ]
