"""A circuit breaker: what has failed again and again is left alone for a while, and callers are told at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from synthos.server.errors import UnavailableError

FAILURES, REST_SECONDS = 5, 10.0


class Breaker:
    """Counts what comes of calls to one outer part; threads may share it.

    Parameters
    ----------
    what : the part's name, for ``UnavailableError``.
    failures : after so many in a row no call is made for ``rest`` seconds; then one is, and decides.
    clock : seconds that only grow.
    """

    def __init__(
        self,
        what: str,
        *,
        failures: int = FAILURES,
        rest: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._most, self._rest, self._clock = what, failures, rest, clock
        self._lock = threading.Lock()
        self._failed = 0
        self._closed_until = 0.0

    def check(self) -> None:
        """To be called before every call.

        Raises
        ------
        UnavailableError : the part rests, or another call is just trying it.
        """
        with self._lock:
            if self._failed < self._most:
                return
            wait = self._closed_until - self._clock()
            if wait > 0:
                raise UnavailableError(self._what, wait)
            self._closed_until = self._clock() + self._rest  # this call tries; the others wait for what comes of it

    def worked(self) -> None:
        """A call was answered, be it with a refusal."""
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        """A call was not answered, or by "try again"."""
        with self._lock:
            self._failed += 1
            if self._failed >= self._most:
                self._closed_until = self._clock() + self._rest
