"""How long pieces of work take on several processors."""

from __future__ import annotations

import heapq
from collections.abc import Iterable


def makespan(pieces: Iterable[float], workers: int) -> float:
    """Seconds until all pieces are done, each begun in its order as soon as a worker is free.

    >>> makespan([3.0, 2.0, 2.0, 1.0], 2)
    4.0
    """
    free = [0.0] * max(1, workers)
    for seconds in pieces:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def done_before(pieces: Iterable[float], seconds: float) -> int:
    """How many of the pieces one worker begins within so many seconds, one after the other.

    >>> done_before([1.0, 1.0, 1.0], 1.5)
    2
    """
    begun, spent = 0, 0.0
    for piece in pieces:
        if spent >= seconds:
            break
        begun, spent = begun + 1, spent + piece
    return begun


def slowdown(workers: int, *, load: float, processors: int) -> float:
    """How many times as long workers take that share processors with others, who keep ``load`` of them busy.

    >>> slowdown(2, load=2.0, processors=2)
    2.0
    """
    return max(1.0, (workers + load) / max(1, processors))
