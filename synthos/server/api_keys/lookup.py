"""Who holds an API key."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from synthos.server.auth.tokens import Principal
from synthos.server.db.database import Database
from synthos.server.db.glances import glance
from synthos.server.db.tables import api_keys, companies, users
from synthos.server.errors import UnauthenticatedError
from synthos.server.keys import Keys
from synthos.server.tasks import in_thread

#: How every key begins, so that scanners for leaked secrets know it.
MARK = "syn_"
#: More is no key of ours, and not worth a hash.
LONGEST = 100
#: When a key was last used is noted no more often.
SEEN_EVERY = timedelta(minutes=1)
#: Keys whose use is just being noted: of many requests at once one does it, and none of the others waits for its lock.
_noting: set[str] = set()
#: Made once: to put this statement together takes longer than to carry it out.
_HOLDER = (
    select(api_keys, companies.c.tier, users.c.disabled_at)
    .join_from(api_keys, users, users.c.id == api_keys.c.user_id)
    .join(companies, companies.c.id == api_keys.c.company_id)
    .where(api_keys.c.digest == bindparam("holder_digest"))
)


async def find_principal(database: Database, keys: Keys, token: str) -> Principal:
    """Who holds ``token``, with the scopes of the key.

    Raises
    ------
    UnauthenticatedError : it is unknown, revoked or expired, or its user is disabled.
    """
    if not token.startswith(MARK) or len(token) > LONGEST:
        raise UnauthenticatedError("the API key is not valid")
    digest = keys.digest(token)
    row = await glance(database, None, lambda work: work.one(_HOLDER, {"holder_digest": digest}))
    now = database.clock()
    ended = row is None or row.revoked_at is not None or row.disabled_at is not None
    if row is None or ended or (row.expires_at is not None and row.expires_at <= now):
        raise UnauthenticatedError("the API key is not valid")
    if (row.last_used_at is None or now - row.last_used_at >= SEEN_EVERY) and row.id not in _noting:
        _noting.add(row.id)
        try:
            await in_thread(_note_use, database, row.id, now)
        finally:
            _noting.discard(row.id)
    return Principal(row.user_id, row.company_id, row.tier, scopes=frozenset(row.scopes), key_id=row.id)


def _note_use(database: Database, key_id: str, at: datetime) -> None:
    with database.write(None) as work:
        work.run(api_keys.update().where(api_keys.c.id == key_id).values(last_used_at=at))
