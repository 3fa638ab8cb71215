"""When a job is due, when a lease has run out, and how long a failed job waits. Clocks are not trusted to go forward.

A moment that lies further ahead than anybody would have set it was set before the clock was put back: it has passed.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_

from synthos.server.db.tables import jobs
from synthos.server.db.types import Instant

#: Seconds that a job waits after its first failure, how much longer after each further one, and at most.
FIRST_WAIT, FACTOR, LONGEST_WAIT = 5.0, 4.0, 300.0
#: Seconds that a job waits for what it needs and is away; until then no attempt counts.
OUTAGE = 3_600.0
#: A time set on another machine may be ahead by as much as it reaches into the future, and is believed.
SLACK = 2.0

_NOW, _FAR = bindparam("now", type_=Instant), bindparam("far", type_=Instant)
#: Whether a queued job may begin, given ``due_values``.
DUE = or_(jobs.c.due_at <= _NOW, jobs.c.due_at > _FAR)
#: Whether nobody holds a running job any more, given ``lease_values``.
RAN_OUT = or_(jobs.c.lease_until <= _NOW, jobs.c.lease_until > _FAR)


def due_values(now: datetime) -> dict[str, datetime]:
    """What ``DUE`` asks about."""
    return {"now": now, "far": now + timedelta(seconds=SLACK * LONGEST_WAIT)}


def lease_values(now: datetime, lease_seconds: float) -> dict[str, datetime]:
    """What ``RAN_OUT`` asks about."""
    return {"now": now, "far": now + timedelta(seconds=SLACK * lease_seconds)}


def back_off(attempts: int) -> timedelta:
    """How long a job waits that has failed ``attempts`` times: exponential, less up to half by chance."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * FACTOR ** (attempts - 1))
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))


def outage_wait(waited: timedelta) -> timedelta | None:
    """How long a job waits on that has ``waited`` for what is away: longer and longer; None where that is enough."""
    seconds = waited.total_seconds()
    if not 0.0 <= seconds < OUTAGE:
        return None
    return timedelta(seconds=min(LONGEST_WAIT, max(FIRST_WAIT, seconds / 2.0)) * random.uniform(0.5, 1.0))
