"""What goes in and out of ``/api-keys``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthos.server.auth.schemas import Name
from synthos.server.auth.scopes import ALL, Scope
from synthos.server.ids import Moment

MOST_DAYS = 3_650


class CreateKey(BaseModel):
    """A key for a program."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Name, Field(max_length=100)]
    scopes: list[Scope] = Field(default=list(ALL), min_length=1, max_length=len(ALL), description="what it may do")
    expires_in_days: int | None = Field(None, ge=1, le=MOST_DAYS, description="null: it does not expire")


class ApiKey(BaseModel):
    """A key, without its secret."""

    key_id: str
    name: str
    prefix: str = Field(description="how the secret begins")
    scopes: list[Scope]
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None = Field(description="to the minute")


class CreatedKey(ApiKey):
    """A new key, with its secret: it is shown this once."""

    key: str
