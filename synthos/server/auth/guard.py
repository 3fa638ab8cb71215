"""Before every route: who asks, whether it may, and how often it did."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from synthos.server.api_keys.lookup import find_principal
from synthos.server.auth.scopes import Scope
from synthos.server.auth.tokens import Principal
from synthos.server.errors import ForbiddenError, UnauthenticatedError
from synthos.server.state import Services, services_of

#: The ways to say who asks, for the OpenAPI document; ``identify`` reads both. The framework's own would each be a
#: dependency that every request looks up, and whose finding nobody uses.
SCHEMES: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def client_address(request: Request) -> str:
    """The address of who asks. Where that is a proxy that the settings trust, the last one in X-Forwarded-For that is
    none: what stands before it anybody could have written.
    """
    peer = request.client.host if request.client else "unknown"
    services: Services = request.app.state.services
    trusted = services.settings.trusted_proxies
    if peer not in trusted:
        return peer
    named = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    last = next((name for name in (item.strip() for item in reversed(named)) if name not in trusted), "")
    try:
        return str(ip_address(last))
    except ValueError:
        return peer


async def identify(request: HTTPConnection, services: Services) -> Principal:
    """Who asks, by an access token or an API key; remembered for the rest of the request.

    Raises
    ------
    UnauthenticatedError : neither is there, both are, or it is not valid.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = request.headers.get("x-api-key")
    if key is not None and token:
        raise UnauthenticatedError("send an access token or an API key, not both")
    if key is not None:
        principal = await find_principal(services.database, services.keys, key)
    elif scheme.lower() == "bearer" and token:
        principal = services.tokens.check(token)
    else:
        raise UnauthenticatedError
    request.state.principal, request.state.user_id = principal, principal.user_id
    return principal


async def count(request: HTTPConnection, services: Services, caller: str, quota: int) -> None:
    """Count a request of ``caller``, who has ``quota`` a minute; its answer tells how the caller stands.

    Raises
    ------
    TooManyError : it is one too many.
    """
    standing = await services.limits.request(caller, quota)
    if standing is not None:
        request.state.answer_headers = standing.headers
        standing.check()


async def admit(request: HTTPConnection, services: Services) -> Principal:
    """Who asks, once its request is counted; counted once, however often this is called.

    Raises
    ------
    UnauthenticatedError : nobody knows who asks.
    TooManyError : it asks too often.
    """
    principal = await identify(request, services)
    if not getattr(request.state, "counted", False):
        request.state.counted = True
        quota = services.settings.tiers[principal.tier].requests_per_minute
        await count(request, services, principal.user_id, quota)
    return principal


def requires(scope: Scope | None) -> Any:
    """The dependency that gives a route its ``Principal``: known, within its rate, and allowed to do ``scope``."""

    # No dependency of its own: the framework takes as long to look one up as all that is done here.
    async def check(request: Request) -> Principal:
        principal = await admit(request, services_of(request))
        if scope is not None and scope not in principal.scopes:
            raise ForbiddenError(f"this API key may not do that; it needs the scope {scope}")
        return principal

    return Depends(check)
