"""Answers that were given, by caller and key. They may hold secrets, such as a new API key, and are kept encrypted."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from synthos.server.db.database import Database
from synthos.server.db.tables import idempotency_keys as table
from synthos.server.errors import ConflictError, InvalidError
from synthos.server.keys import Keys

#: How long an answer is kept, and how long a request may take before its answer counts as lost.
KEPT, IN_FLIGHT = timedelta(hours=24), timedelta(minutes=5)
#: Letters of a path that are kept for people to read; the digest is over all of it.
LONGEST_ROUTE = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: ``headers`` are those of the route, such as Location."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: who sent it under which key, and what it asks."""

    caller: str
    key: str
    route: str
    body: bytes

    @property
    def digest(self) -> str:
        """Of what is asked, a password perhaps: not to be kept as it is, since guesses could be held against it."""
        return hashlib.sha256(self.route.encode() + b"\0" + self.body).hexdigest()


class Answers:
    """The stored answers."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys
        self._cipher = Fernet(base64.urlsafe_b64encode(bytes.fromhex(keys.digest("idempotency"))))

    def begin(self, asked: Asked) -> Answer | None:
        """The answer that was given before, or None: the caller carries the request out, then calls ``keep``.

        A request that was begun is not begun again under its key, also where whoever carried it out was killed before
        its answer was kept: nobody knows then whether it was carried out.

        Raises
        ------
        ConflictError : the same request is being carried out, or its answer was lost.
        InvalidError : the key was used for something else.
        """
        digest = self._keys.digest(asked.digest)
        try:
            with self._database.write(None) as work:
                mine = (table.c.caller == asked.caller, table.c.key == asked.key)
                work.run(table.delete().where(*mine, table.c.created_at <= work.now - KEPT))
                row = work.one(select(table).where(*mine))
                if row is None:
                    work.run(
                        table.insert().values(
                            caller=asked.caller,
                            key=asked.key,
                            route=asked.route[:LONGEST_ROUTE],
                            body_digest=digest,
                            created_at=work.now,
                        )
                    )
                    return None
        except IntegrityError:
            raise _in_flight() from None
        if row.body_digest != digest:
            raise InvalidError(("header.Idempotency-Key", "was used for another request"), reason="idempotency-key")
        if row.status is None:
            raise _lost() if row.created_at <= work.now - IN_FLIGHT else _in_flight()
        return Answer(row.status, row.headers, self._cipher.decrypt(row.body.encode()))

    def keep(self, asked: Asked, answer: Answer) -> None:
        """Store what was answered."""
        values = {
            "status": answer.status,
            "headers": answer.headers,
            "body": self._cipher.encrypt(answer.body).decode(),
        }
        with self._database.write(None) as work:
            work.run(table.update().where(table.c.caller == asked.caller, table.c.key == asked.key).values(values))

    def forget(self, asked: Asked) -> None:
        """The request came to nothing: it may be sent again."""
        with self._database.write(None) as work:
            work.run(table.delete().where(table.c.caller == asked.caller, table.c.key == asked.key))

    def sweep(self) -> int:
        """Remove answers that are older than ``KEPT``; how many there were."""
        with self._database.write(None) as work:
            return work.run(table.delete().where(table.c.created_at <= work.now - KEPT))


def _in_flight() -> ConflictError:
    return ConflictError("request-in-flight", "the same request is being carried out; ask again for its answer")


def _lost() -> ConflictError:
    told = "this request was begun before and its answer was lost: look whether what it asks for is there, and send it "
    return ConflictError("outcome-unknown", told + "under another key if it is not")
