"""What every request needs, made once a process: the application's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from synthos.server.accounts.passwords import Passwords
from synthos.server.auth.tokens import AccessTokens
from synthos.server.cache import Cache
from synthos.server.db.database import Database
from synthos.server.idempotency.store import Answers
from synthos.server.keys import Keys, load_keys
from synthos.server.rate_limits import RateLimits
from synthos.server.redis_pool import open_pool
from synthos.server.settings import Settings
from synthos.server.storage.base import Storage
from synthos.server.storage.opening import open_storage


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service. Tests build one with a clock of their own."""

    settings: Settings
    keys: Keys
    database: Database
    tokens: AccessTokens
    limits: RateLimits
    passwords: Passwords
    answers: Answers
    storage: Storage
    cache: Cache

    def close(self) -> None:
        """Give back what is open."""
        self.database.close()
        self.cache.close()


def build(settings: Settings, database: Database | None = None) -> Services:
    """The services that ``settings`` describe; nothing is asked of the database yet."""
    keys = load_keys(settings)
    database = database or Database(settings.database)
    pool = open_pool(settings)
    tokens = AccessTokens(keys.jwt, settings.access_token_minutes, database.clock)
    return Services(
        settings=settings,
        keys=keys,
        database=database,
        tokens=tokens,
        limits=RateLimits(settings.logins_per_minute, pool),
        passwords=Passwords(),
        answers=Answers(database, keys),
        storage=open_storage(settings),
        cache=Cache(pool, keys),
    )


def services_of(request: HTTPConnection) -> Services:
    """Those of the application that answers ``request``."""
    found: Services = request.app.state.services
    return found


async def _services(request: HTTPConnection) -> Services:
    """The dependency by which endpoints reach them; a coroutine, since the framework calls others in threads."""
    return services_of(request)


ServicesOf = Annotated[Services, Depends(_services)]
