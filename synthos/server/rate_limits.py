"""How often one may ask: a moving window a caller, kept in this process or, for all replicas, in Redis."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from structlog import get_logger

from synthos.server.errors import TooManyError, UnavailableError
from synthos.server.settings import Settings

_log = get_logger("synthos.server")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one caller stands: requests a minute, how many are left, and seconds until the window is empty again; and
    whether the request that was counted is one too many.
    """

    quota: int
    left: int
    reset: int
    exceeded: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The fields of the IETF's draft "RateLimit header fields for HTTP"."""
        return {
            "RateLimit-Policy": f'"default";q={self.quota};w=60',
            "RateLimit": f'"default";r={self.left};t={self.reset}',
        }

    def check(self) -> None:
        """Refuse what is one too many.

        Raises
        ------
        TooManyError : there were more than ``quota`` in a minute.
        """
        if self.exceeded:
            raise TooManyError("rate-limited", f"more than {self.quota} requests a minute", self.reset)


class RateLimits:
    """Counts requests. With ``redis_url`` all replicas count together; each call is one round trip then."""

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url
        self._shared = url is not None
        wait = settings.call_seconds
        self._storage = (
            MemoryStorage()
            if url is None
            else RedisStorage(
                url.get_secret_value(), wrap_exceptions=True, socket_timeout=wait, socket_connect_timeout=wait
            )
        )
        self._window = MovingWindowRateLimiter(self._storage)
        self._logins = settings.logins_per_minute

    async def request(self, caller: str, quota: int) -> Standing | None:
        """Count one request of ``caller``; None where nobody can count: requests go on then."""
        try:
            return await self._hit(RateLimitItemPerMinute(quota), caller)
        except StorageError:
            _log.warning("rate limits are not counted: Redis does not answer")
            return None

    async def login(self, *who: str) -> None:
        """Count an attempt to log in, by address and by account. Where nobody can count, nobody logs in.

        Raises
        ------
        TooManyError : one of ``who`` has tried too often.
        UnavailableError : Redis does not answer.
        """
        try:
            for name in who:
                (await self._hit(RateLimitItemPerMinute(self._logins, namespace="login"), name)).check()
        except StorageError:
            raise UnavailableError("rate-limits") from None

    async def _hit(self, item: RateLimitItem, caller: str) -> Standing:
        if self._shared:
            return await run_in_threadpool(self._counted, item, caller)
        return self._counted(item, caller)

    def _counted(self, item: RateLimitItem, caller: str) -> Standing:
        allowed = self._window.hit(item, caller)
        stats = self._window.get_window_stats(item, caller)
        reset = max(1, math.ceil(stats.reset_time - time.time()))
        return Standing(item.amount, stats.remaining, reset, exceeded=not allowed)

    def answers(self) -> bool:
        """Whether requests can be counted."""
        try:
            return bool(self._storage.check())
        except StorageError:
            return False
