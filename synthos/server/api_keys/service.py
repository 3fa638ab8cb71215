"""Making, listing and revoking API keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from synthos.server.api_keys.lookup import MARK
from synthos.server.audit import log as audit
from synthos.server.auth.scopes import Scope
from synthos.server.auth.tokens import Principal
from synthos.server.db.tables import api_keys
from synthos.server.errors import ForbiddenError, NotFoundError
from synthos.server.ids import new_id
from synthos.server.pagination import cut, page_of
from synthos.server.state import Services

#: Letters of the secret that are shown: enough to tell keys apart, too few to guess the rest by.
SHOWN = 10


def create(
    services: Services, principal: Principal, name: str, scopes: Sequence[Scope], days: int | None
) -> tuple[Row[Any], str]:
    """A new key and its secret.

    Raises
    ------
    ForbiddenError : a key asks for one that may do more than itself.
    """
    more = sorted(set(scopes) - principal.scopes)
    if more:
        raise ForbiddenError(f"this API key may not give what it does not have: {', '.join(more)}")
    secret = f"{MARK}{secrets.token_urlsafe(32)}"
    with services.database.write(principal.tenant) as work:
        row = work.one(
            api_keys.insert()
            .values(
                id=new_id("key"),
                company_id=principal.company_id,
                user_id=principal.user_id,
                name=name,
                prefix=secret[:SHOWN],
                digest=services.keys.digest(secret),
                scopes=sorted(set(scopes)),
                created_at=work.now,
                expires_at=None if days is None else work.now + timedelta(days=days),
            )
            .returning(api_keys)
        )
        assert row is not None
        audit.record(work, "api_key.created", row.id, scopes=row.scopes)
    return row, secret


def page(
    services: Services, principal: Principal, cursor: str | None, limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    """The user's own keys that are not revoked, newest first."""
    with services.database.read(principal.tenant) as work:
        mine = work.mine(api_keys).where(api_keys.c.user_id == principal.user_id, api_keys.c.revoked_at.is_(None))
        return cut(work.all(page_of(mine, api_keys, cursor, limit)), limit)


def revoke(services: Services, principal: Principal, key_id: str) -> None:
    """A key ends at once.

    Raises
    ------
    NotFoundError : the user has no such key, or it was revoked before.
    """
    with services.database.write(principal.tenant) as work:
        audit.begin(work)
        touched = work.run(
            api_keys.update()
            .where(
                api_keys.c.company_id == principal.company_id,
                api_keys.c.user_id == principal.user_id,
                api_keys.c.id == key_id,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=work.now)
        )
        if not touched:
            raise NotFoundError("API key")
        audit.record(work, "api_key.revoked", key_id)
