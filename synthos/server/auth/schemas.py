"""What goes in and out of ``/auth``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from synthos.server.accounts.emails import Email
from synthos.server.ids import Moment
from synthos.server.settings import TierName

#: NIST SP 800-63B: length is what counts.
SHORTEST, LONGEST = 8, 256
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Password = Annotated[SecretStr, Field(min_length=SHORTEST, max_length=LONGEST)]
RefreshToken = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegisterRequest(_Asked):
    """A new account, with a company of its own."""

    email: Email
    password: Password
    company_name: Name
    full_name: Name


class Registered(BaseModel):
    """The new account."""

    user_id: str
    email: str
    company_id: str
    created_at: Moment


class LoginRequest(_Asked):
    """Email and password of an account."""

    email: Email
    password: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]


class RefreshRequest(_Asked):
    """The newest refresh token of a session; each is good for one use."""

    refresh_token: RefreshToken


class UserSummary(BaseModel):
    """Who has logged in."""

    user_id: str
    email: str
    company_name: str
    subscription_tier: TierName


class Tokens(BaseModel):
    """A session's tokens. The access token goes into ``Authorization: Bearer``; the refresh token is kept secret."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="seconds until the access token expires")
    user: UserSummary
