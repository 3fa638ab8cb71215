"""Units of work that are worth waiting for: long work is not lost to a database that is away for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from synthos.server.db.database import AWAY

#: Seconds after which a database is not waited for any longer, and between two attempts at first and at most.
PATIENCE, FIRST_WAIT, LONGEST_WAIT = 300.0, 0.2, 5.0
_Result = TypeVar("_Result")


def insist(step: Callable[[], _Result], seconds: float = PATIENCE) -> _Result:
    """``step()``, once more while the database does not answer; what it raises in the end is raised.

    An attempt whose answer was lost may have been carried out: done again, ``step`` has to notice that, as all do that
    hold a lease.
    """
    attempts = Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_random_exponential(FIRST_WAIT, LONGEST_WAIT),
        retry=retry_if_exception_type(AWAY),
        reraise=True,
    )
    return attempts(step)
