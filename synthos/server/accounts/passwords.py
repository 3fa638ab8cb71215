"""Passwords: Argon2id, a few at a time, off the event loop."""

from __future__ import annotations

from functools import cached_property

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

#: Each hash takes 64 MiB and a core for a while: more at once would starve everything else.
AT_ONCE = 2


class Passwords:
    """Hashes and checks them. Callers wait their turn."""

    def __init__(self) -> None:
        self._hashes = PasswordHash((Argon2Hasher(),))

    async def hashed(self, password: str) -> str:
        """What is stored of a password."""
        return await to_thread.run_sync(self._hashes.hash, password, limiter=self._turns)

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` is the one behind ``stored``. Where nothing is stored it takes as long, and is False."""
        matches = await to_thread.run_sync(self._check, password, stored, limiter=self._turns)
        return stored is not None and matches

    def hash_now(self, password: str) -> str:
        """``hashed`` for commands that wait anyway."""
        return self._hashes.hash(password)

    def _check(self, password: str, stored: str | None) -> bool:
        try:
            return self._hashes.verify(password, stored or self._nobodys)
        except UnknownHashError:
            return False

    @cached_property
    def _turns(self) -> CapacityLimiter:
        return CapacityLimiter(AT_ONCE)

    @cached_property
    def _nobodys(self) -> str:
        return self._hashes.hash("")
