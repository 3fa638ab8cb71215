"""What validations and profiles have found, which never changes, kept a while in Redis for all replicas.

An answer is put together from a document that lies in the storage, perhaps in another place; those who look at a
validation ask for four of them. Who may see it, and whether it is still there, is asked of the database each time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter
from structlog import get_logger

from synthos.server.breaker import Breaker
from synthos.server.errors import UnavailableError
from synthos.server.keys import Keys

if TYPE_CHECKING:
    from redis import ConnectionPool, Redis

#: Seconds for which a document is kept, and the bytes of the largest one.
KEPT_SECONDS, LARGEST = 600, 4 * 2**20
READS = Counter("cache_reads_total", "Documents asked of the cache that replicas share", ["outcome"])
_PREFIX = "synthos:document:"
_DIGEST_BYTES = hashlib.sha256().digest_size
_log = get_logger("synthos.server")


class Cache:
    """Documents by their keys in the storage. Without a ``pool`` nothing is kept, and each is read from there.

    What is kept is signed with the service's key: were somebody else to write to Redis, it would not be believed.
    """

    def __init__(self, pool: ConnectionPool | None, keys: Keys) -> None:
        self._key = keys.token.encode()
        self._breaker = Breaker("cache")
        self._redis: Redis | None = None
        if pool is not None:
            from redis import Redis

            self._redis = Redis(connection_pool=pool)

    def read(self, key: str, load: Callable[[str], bytes]) -> bytes:
        """The document, from here or else by ``load(key)``, whose errors are raised. Redis may be away."""
        if self._redis is None:
            return load(key)
        found = self._get(key)
        READS.labels("miss" if found is None else "hit").inc()
        if found is not None:
            return found
        content = load(key)
        if len(content) <= LARGEST:
            self._ask(lambda redis: redis.set(_PREFIX + key, self._seal(key, content) + content, ex=KEPT_SECONDS))
        return content

    def forget(self, *keys: str) -> None:
        """Keep these no longer. Where Redis is away, or somebody is just reading them, they go by themselves, within
        ``KEPT_SECONDS``."""
        self._ask(lambda redis: redis.delete(*(_PREFIX + key for key in keys)))

    def close(self) -> None:
        """Give the connections back, also those of others who share the pool."""
        if self._redis is not None:
            self._redis.connection_pool.disconnect()

    def _get(self, key: str) -> bytes | None:
        kept = self._ask(lambda redis: redis.get(_PREFIX + key))
        if kept is None:
            return None
        content = bytes(kept[_DIGEST_BYTES:])
        if not hmac.compare_digest(kept[:_DIGEST_BYTES], self._seal(key, content)):
            _log.warning("the cache held what this service did not write", key=key)
            return None
        return content

    def _seal(self, key: str, content: bytes) -> bytes:
        """A digest that only this service can make, of this document at this place."""
        return hmac.new(self._key, key.encode() + b"\0" + content, hashlib.sha256).digest()

    def _ask(self, ask: Callable[[Redis], Any]) -> Any:
        """What Redis answers; None where it does not."""
        if self._redis is None:
            return None
        from redis.exceptions import RedisError

        try:
            self._breaker.check()
            answer = ask(self._redis)
        except UnavailableError:
            return None
        except RedisError as error:
            self._breaker.failed()
            _log.warning("documents are read from the storage: Redis does not answer", error=type(error).__name__)
            return None
        self._breaker.worked()
        return answer
