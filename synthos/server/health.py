"""Whether the service lives, is ready, and how it is."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.exc import DBAPIError
from structlog import get_logger

from synthos.server.db.database import Database
from synthos.server.db.migrate import is_current
from synthos.server.db.tables import jobs
from synthos.server.errors import ServiceError
from synthos.server.problems import documented
from synthos.server.scrape import everything
from synthos.server.state import Services, ServicesOf

router = APIRouter(tags=["health"])
#: Parts without which requests are served: were a balancer to take every replica out, a small outage would be a large
#: one.
DISPENSABLE = frozenset({"rate_limits"})
_log = get_logger("synthos.server")


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Health(BaseModel):
    """``checks`` says of each part whether it answers. Where ``rate_limits`` does not, requests are served all the
    same, and logins refused; the service is ready when all others do."""

    status: Literal["ready", "unready"]
    version: str
    checks: dict[str, bool]


@router.get("/livez", responses=documented())
async def livez() -> Alive:
    """Whether this process answers at all; it touches nothing else."""
    return Alive()


@router.get("/readyz", responses=documented(503) | {503: {"model": Health}})
def readyz(services: ServicesOf, response: Response) -> Health:
    """Whether requests can be served: 503 where a part does not answer, or the database is of another version."""
    found = check(services)
    response.status_code = 200 if found.status == "ready" else 503
    return found


@router.get("/health", responses=documented())
def health(services: ServicesOf) -> Health:
    """The same as ``/readyz`` for people: always 200."""
    return check(services)


@router.get("/metrics", response_class=Response, responses=documented())
def metrics(request: Request) -> Response:
    """Prometheus' text format: what this machine's processes have counted, and what the database says."""
    return Response(everything(request.app.state.figures), media_type=CONTENT_TYPE_LATEST)


def check(services: Services) -> Health:
    """Ask every part."""
    parts: dict[str, Callable[[], bool]] = {
        "database": lambda: _can_read(services.database, select(1)),
        "migrations": lambda: is_current(services.database),
        "queue": lambda: _can_read(services.database, select(jobs.c.id).limit(1)),
        "rate_limits": services.limits.answers,
        "storage": services.storage.answers,
    }
    checks = {name: _answers(name, ask) for name, ask in parts.items()}
    ready = all(answers for name, answers in checks.items() if name not in DISPENSABLE)
    return Health(status="ready" if ready else "unready", version=version("synthos"), checks=checks)


def _can_read(database: Database, statement: Select[Any]) -> bool:
    with database.read(None) as work:
        work.one(statement)
    return True


def _answers(name: str, ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except (DBAPIError, OSError, ServiceError) as error:
        _log.warning("unready", part=name, error=type(error).__name__)
        return False
