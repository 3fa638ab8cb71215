"""How often one may ask: a moving window a caller, kept in this process or, for all replicas, in Redis."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from structlog import get_logger

from synthos.server.breaker import Breaker
from synthos.server.errors import TooManyError, UnavailableError
from synthos.server.tasks import in_thread

if TYPE_CHECKING:
    from redis import ConnectionPool

#: Seconds of the window.
MINUTE = 60.0
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


class Windows:
    """Moving windows in this process; threads may share it.

    The library's own storage in memory starts a thread a hundred times a second, for which every request waits.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._times: dict[str, deque[float]] = {}
        self._swept = clock()

    def hit(self, caller: str, quota: int) -> Standing:
        """Count a request of ``caller``, unless it is one too many; how it stands then."""
        with self._lock:
            now = self._clock()
            self._sweep(now)
            times = self._times.setdefault(caller, deque())
            while times and times[0] <= now - MINUTE:
                times.popleft()
            allowed = len(times) < quota
            if allowed:
                times.append(now)
            reset = max(1, math.ceil(times[0] + MINUTE - now))
            return Standing(quota, quota - len(times), reset, exceeded=not allowed)

    def _sweep(self, now: float) -> None:
        """Once a minute, forget who has not asked in the last one."""
        if now - self._swept >= MINUTE:
            self._swept = now
            self._times = {caller: times for caller, times in self._times.items() if times[-1] > now - MINUTE}


class RateLimits:
    """Counts requests. With a ``pool`` of Redis all replicas count together, in two round trips a request."""

    def __init__(self, logins_per_minute: int, pool: ConnectionPool | None) -> None:
        self._here, self._logins = Windows(), logins_per_minute
        self._redis: RedisStorage | None = None
        self._window: MovingWindowRateLimiter | None = None
        if pool is not None:
            self._redis = RedisStorage("redis://", wrap_exceptions=True, connection_pool=pool)
            self._window = MovingWindowRateLimiter(self._redis)
        self._breaker = Breaker("rate-limits")

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
        if self._window is None:
            return self._here.hit(item.key_for(caller), item.amount)
        return await in_thread(self._shared_hit, self._window, item, caller)

    def _shared_hit(self, window: MovingWindowRateLimiter, item: RateLimitItem, caller: str) -> Standing:
        try:
            self._breaker.check()
        except UnavailableError as error:
            raise StorageError(error) from error
        try:
            allowed = window.hit(item, caller)
            stats = window.get_window_stats(item, caller)
        except StorageError:
            self._breaker.failed()
            raise
        self._breaker.worked()
        reset = max(1, math.ceil(stats.reset_time - time.time()))
        return Standing(item.amount, stats.remaining, reset, exceeded=not allowed)

    def answers(self) -> bool:
        """Whether requests can be counted."""
        try:
            return self._redis is None or bool(self._redis.check())
        except StorageError:
            return False
