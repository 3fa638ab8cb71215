"""Reads of a row or two by their keys, which on SQLite take less time than the way to another thread.

Threads that take turns with the event loop for the interpreter cost a request more than all that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from synthos.server.db.database import Database, Tenant, Work
from synthos.server.tasks import in_thread

T = TypeVar("T")


async def glance(database: Database, tenant: Tenant | None, look: Callable[[Work], T]) -> T:
    """What ``look`` reads and makes of it; it asks for little, changes nothing, and is the same when it is done again.

    From SQLite at once, unless its files are locked just now, which readers hardly ever meet; otherwise in a thread,
    where it may wait as every unit of work.
    """
    if database.is_sqlite:
        try:
            with database.glance(tenant) as work:
                return look(work)
        except OperationalError:
            pass

    def wait() -> T:
        with database.read(tenant) as work:
            return look(work)

    return await in_thread(wait)
