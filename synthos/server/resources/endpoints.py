"""``/resources``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.problems import documented
from synthos.server.resources import service
from synthos.server.resources.schemas import ResourcesStatus
from synthos.server.state import ServicesOf

router = APIRouter(prefix="/resources", tags=["resources"], route_class=GuardedRoute)


@router.get("/status", responses=documented(401, 403, 429))
def status(services: ServicesOf, principal: Annotated[Principal, requires("jobs:read")]) -> ResourcesStatus:
    """Processors, memory, GPUs and workers: what there is, what is in use, and what jobs leave free."""
    return service.status(services)
