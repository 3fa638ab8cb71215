"""``/analytics``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from synthos.server.analytics import service
from synthos.server.analytics.schemas import History, Level, Usage
from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.pagination import USUAL, Cursor, Limit
from synthos.server.problems import documented
from synthos.server.state import ServicesOf

router = APIRouter(prefix="/analytics", tags=["analytics"], route_class=GuardedRoute)
Reader = Annotated[Principal, requires("analytics:read")]


@router.get("/usage", responses=documented(401, 403, 429))
def usage(services: ServicesOf, principal: Reader) -> Usage:
    """What the company used in the last 30 days, and what is left of its quotas."""
    return service.usage(services, principal)


@router.get("/validation-history", responses=documented(401, 403, 422, 429))
def history(
    services: ServicesOf,
    principal: Reader,
    since: Annotated[AwareDatetime | None, Query(description="completed at this time or later, RFC 3339")] = None,
    until: Annotated[AwareDatetime | None, Query(description="completed before this time, RFC 3339")] = None,
    risk_level: Annotated[Level | None, Query(description="only those of this level")] = None,
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> History:
    """Completed validations, newest first, and the risk from day to day."""
    return service.history(services, principal, since=since, until=until, level=risk_level, cursor=cursor, limit=limit)
