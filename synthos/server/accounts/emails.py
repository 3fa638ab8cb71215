"""Emails as accounts name them."""

from __future__ import annotations

from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

LONGEST = 254


def normalised(email: str) -> str:
    """``email`` in lower case and Unicode NFC. Addresses of private networks are addresses too.

    Raises
    ------
    ValueError : it is none.
    """
    try:
        found = validate_email(email, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return found.normalized.lower()


Email = Annotated[
    str,
    Field(min_length=3, max_length=LONGEST, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(normalised),
]
