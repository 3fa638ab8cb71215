"""``/api-keys``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from sqlalchemy import Row

from synthos.server.api_keys import service
from synthos.server.api_keys.schemas import ApiKey, CreatedKey, CreateKey
from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.ids import PATTERN
from synthos.server.pagination import USUAL, Cursor, Limit, Page
from synthos.server.problems import documented
from synthos.server.state import ServicesOf

router = APIRouter(prefix="/api-keys", tags=["api keys"], route_class=GuardedRoute)
Reader = Annotated[Principal, requires("api-keys:read")]
Writer = Annotated[Principal, requires("api-keys:write")]


@router.post("", status_code=201, responses=documented(401, 403, 409, 422, 429))
def create(services: ServicesOf, principal: Writer, asked: CreateKey) -> CreatedKey:
    """Make a key. Its secret is shown this once."""
    row, secret = service.create(services, principal, asked.name, asked.scopes, asked.expires_in_days)
    return CreatedKey(**_shown(row), key=secret)


@router.get("", responses=documented(401, 403, 422, 429))
def index(services: ServicesOf, principal: Reader, cursor: Cursor = None, limit: Limit = USUAL) -> Page[ApiKey]:
    """The caller's keys, newest first."""
    rows, following = service.page(services, principal, cursor, limit)
    return Page(items=[ApiKey(**_shown(row)) for row in rows], next_cursor=following)


@router.delete("/{key_id}", status_code=204, responses=documented(401, 403, 404, 422, 429))
def revoke(services: ServicesOf, principal: Writer, key_id: Annotated[str, Path(pattern=PATTERN)]) -> Response:
    """Revoke a key: it is refused from now on."""
    service.revoke(services, principal, key_id)
    return Response(status_code=204)


def _shown(row: Row[Any]) -> dict[str, Any]:
    fields = row._mapping
    return {name: fields[name] for name in ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at")} | {
        "key_id": row.id
    }
