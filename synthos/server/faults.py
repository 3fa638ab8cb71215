"""What is wrong with a table, as answers tell it and rows keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from synthos.errors import PLACE, InputError

REASON = "invalid-input"


class Fault(BaseModel):
    """What is wrong, or went wrong. The place is told as far as it is known: in ``where``, and in fields of its own."""

    reason: str = Field(description="a stable word on which clients may branch", examples=[REASON, "worker-lost"])
    detail: str
    where: str | None = Field(None, description="file, column, row or line, where there is one to point at")
    line: int | None = Field(None, description="of a text file, counted from 1")
    row: int | None = Field(None, description="of the table, counted from 0")
    column: str | None = Field(None, description="its name")
    fix: str | None = Field(None, description="what to do")


def fault_of(error: InputError) -> dict[str, Any]:
    """The error as ``Fault`` has it, without what is not known."""
    said = {"reason": REASON, "detail": error.what, "where": error.where, "fix": error.fix, **error.place}
    return {name: value for name, value in said.items() if value is not None}


def error_of(fault: Mapping[str, Any]) -> InputError:
    """The error that ``fault_of`` has put there."""
    told = {name: fault.get(name) for name in ("where", "fix", *PLACE)}
    return InputError(fault["detail"], **told)
