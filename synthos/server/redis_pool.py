"""Connections to Redis, where the service has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthos.server.settings import Settings

if TYPE_CHECKING:
    from redis import ConnectionPool

#: Seconds that one call may take at most: requests wait for it.
LONGEST_CALL = 2.0


def open_pool(settings: Settings) -> ConnectionPool | None:
    """Connections to ``redis_url``; None where there is none. Nothing is asked of it yet."""
    if settings.redis_url is None:
        return None
    # A fifth of a second to import, which those without Redis need not wait for.
    from redis import ConnectionPool
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    wait = min(settings.call_seconds, LONGEST_CALL)
    # One more attempt, for a connection of the pool that has died; by itself the library waits for long.
    again = Retry(NoBackoff(), 1)
    address = settings.redis_url.get_secret_value()
    return ConnectionPool.from_url(address, socket_timeout=wait, socket_connect_timeout=wait, retry=again)
