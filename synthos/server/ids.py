"""Identifiers and times as the API shows them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import PlainSerializer, WithJsonSchema

Prefix = Literal["usr", "com", "key", "ses", "ds", "val", "job", "pip", "req", "wrk"]
Clock = Callable[[], datetime]
#: From the letters of RFC 4648's base 32 to Crockford's, of which no two look alike.
_LETTERS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz")
#: Letters of an identifier: 120 random bits.
LENGTH = 24
#: What an identifier in a request may consist of, whether there is one of that name or not.
PATTERN = "^[A-Za-z0-9_]{1,64}$"


def new_id(prefix: Prefix) -> str:
    """A fresh identifier that nobody can guess, such as ``ds_8k2…``."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(LENGTH * 5 // 8)).translate(_LETTERS).decode()}"


def utc_now() -> datetime:
    """The time now, aware, UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """``moment`` as the API writes it: RFC 3339 in UTC to the millisecond, with a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


#: A time in an answer.
Moment = Annotated[
    datetime, PlainSerializer(rfc3339, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
