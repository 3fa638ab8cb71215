"""Pages by cursor: what comes after the last item of the page before, whatever was added meanwhile."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import Row, Select, Table, literal, tuple_

from synthos.server.db.types import EPOCH, Instant
from synthos.server.errors import InvalidError
from synthos.server.ids import PATTERN

Item = TypeVar("Item")
MOST, USUAL = 200, 50
Limit = Annotated[int, Query(ge=1, le=MOST, description="items of a page at most")]
Cursor = Annotated[str | None, Query(max_length=512, description="next_cursor of the page before")]


class Page(BaseModel, Generic[Item]):
    """Some items, newest first unless the route says otherwise, and where to go on; null on the last page."""

    items: list[Item]
    next_cursor: str | None = Field(None, description="give it as cursor for the next page")


def page_of(statement: Select[Any], table: Table, cursor: str | None, limit: int, *, oldest_first: bool = False) -> Any:
    """``statement`` in order of creation, from ``cursor`` on, with one row more than a page.

    Raises
    ------
    InvalidError : the cursor is none of ours.
    """
    place = tuple_(table.c.created_at, table.c.id)
    if cursor is not None:
        moment, identifier = decode(cursor)
        after = tuple_(literal(moment, Instant), literal(identifier))
        statement = statement.where(place > after if oldest_first else place < after)
    order = (table.c.created_at, table.c.id)
    return statement.order_by(*(order if oldest_first else (column.desc() for column in order))).limit(limit + 1)


def cut(rows: Sequence[Row[Any]], limit: int) -> tuple[Sequence[Row[Any]], str | None]:
    """The rows of this page, and the cursor of the next; ``rows`` are what ``page_of`` found."""
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], encode(last.created_at, last.id)


def encode(created_at: Any, identifier: str) -> str:
    """A cursor that stands behind this item."""
    text = json.dumps([(created_at - EPOCH) // timedelta(microseconds=1), identifier])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[Any, str]:
    """The moment and identifier in a cursor."""
    try:
        moment, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        known = isinstance(identifier, str) and re.fullmatch(PATTERN, identifier)
        if not known or isinstance(moment, bool) or not isinstance(moment, int):
            raise ValueError(cursor)
        return EPOCH + timedelta(microseconds=moment), identifier
    except (ValueError, TypeError, OverflowError, binascii.Error, UnicodeDecodeError):
        raise InvalidError(("query.cursor", "is none that the API gave; start without one")) from None
