"""Sessions: a family of refresh tokens, each good for one use. Whoever uses one again ends the family.

A token is stolen property from the moment that it is seen twice (RFC 9700, 4.14.2): nobody can tell which of the two
is the thief.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, exists, select

from synthos.server.accounts import repository as accounts
from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.db.database import Work
from synthos.server.db.tables import refresh_tokens
from synthos.server.errors import UnauthenticatedError
from synthos.server.ids import new_id
from synthos.server.state import Services

#: Tokens that one sweep removes at most.
MOST_FORGOTTEN = 5_000
_REFUSED = "the refresh token is not valid; log in"


@dataclass(frozen=True, slots=True)
class Session:
    """A refresh token that was just made, and whose it is; ``user`` has the company's name and tier."""

    refresh_token: str
    user: Row[Any]

    @property
    def principal(self) -> Principal:
        """Who has logged in."""
        user = self.user
        return Principal(user.id, user.company_id, user.tier, user.is_admin)


def open_session(services: Services, user_id: str) -> Session:
    """A session for a user whose password was right."""
    with services.database.write(None) as work:
        user = accounts.by_id(work, user_id)
        if user is None or user.disabled_at is not None:
            raise UnauthenticatedError("email or password is wrong")
        family = new_id("ses")
        token = _issue(services, work, user, family)
        audit.record(work, "session.opened", family, company_id=user.company_id, user_id=user.id)
    return Session(token, user)


def refresh(services: Services, token: str) -> Session:
    """The session goes on with a new token; the old one is used up.

    Raises
    ------
    UnauthenticatedError : it is unknown, expired, revoked or was used before; the last ends the session.
    """
    digest = services.keys.digest(token)
    with services.database.write(None) as work:
        known = _found(work, digest)
        if known is None:
            raise UnauthenticatedError(_REFUSED)
        audit.begin(work, known.company_id)
        used = (
            refresh_tokens.update()
            .where(
                refresh_tokens.c.digest == digest,
                refresh_tokens.c.used_at.is_(None),
                refresh_tokens.c.revoked_at.is_(None),
                refresh_tokens.c.expires_at > work.now,
            )
            .values(used_at=work.now)
            .returning(refresh_tokens)
        )
        row = work.one(used)
        user = accounts.by_id(work, row.user_id) if row is not None else None
        if row is not None and user is not None and user.disabled_at is None:
            fresh = _issue(services, work, user, row.family_id)
            audit.record(work, "session.refreshed", row.family_id, company_id=user.company_id, user_id=user.id)
            return Session(fresh, user)
        _end_if_reused(work, digest)
    # Raised outside of the unit of work: that a family has ended must be kept.
    raise UnauthenticatedError(_REFUSED)


def close_session(services: Services, token: str) -> None:
    """The session of ``token`` ends; nothing happens where there is none."""
    with services.database.write(None) as work:
        row = _found(work, services.keys.digest(token))
        if row is None:
            return
        audit.begin(work, row.company_id)
        if _revoke(work, row.family_id):
            audit.record(work, "session.closed", row.family_id, company_id=row.company_id, user_id=row.user_id)


def forget_expired(services: Services) -> int:
    """Remove the refresh tokens of sessions that are over; how many. An old one of a session that goes on ends it."""
    other = refresh_tokens.alias()
    with services.database.write(None) as work:
        lives = exists().where(other.c.family_id == refresh_tokens.c.family_id, other.c.expires_at > work.now)
        over = select(refresh_tokens.c.id).where(refresh_tokens.c.expires_at <= work.now, ~lives)
        return work.run(refresh_tokens.delete().where(refresh_tokens.c.id.in_(over.limit(MOST_FORGOTTEN))))


def _issue(services: Services, work: Work, user: Row[Any], family: str) -> str:
    token = f"rt_{secrets.token_urlsafe(32)}"
    work.run(
        refresh_tokens.insert().values(
            id=new_id("ses"),
            company_id=user.company_id,
            user_id=user.id,
            family_id=family,
            digest=services.keys.digest(token),
            created_at=work.now,
            expires_at=work.now + timedelta(days=services.settings.refresh_token_days),
        )
    )
    return token


def _end_if_reused(work: Work, digest: str) -> None:
    row = _found(work, digest)
    if row is not None and row.used_at is not None and _revoke(work, row.family_id):
        audit.record(work, "session.reused", row.family_id, company_id=row.company_id, user_id=row.user_id)


def _found(work: Work, digest: str) -> Row[Any] | None:
    return work.one(select(refresh_tokens).where(refresh_tokens.c.digest == digest))


def _revoke(work: Work, family: str) -> int:
    return work.run(
        refresh_tokens.update()
        .where(refresh_tokens.c.family_id == family, refresh_tokens.c.revoked_at.is_(None))
        .values(revoked_at=work.now)
    )
