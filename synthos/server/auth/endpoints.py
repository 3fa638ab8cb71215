"""``/auth``: accounts are made, sessions opened, carried on and ended."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from synthos.server.accounts import repository as accounts
from synthos.server.accounts.service import register as register_account
from synthos.server.auth import sessions
from synthos.server.auth.guard import client_address, count
from synthos.server.auth.schemas import (
    LoginRequest,
    RefreshRequest,
    Registered,
    RegisterRequest,
    Tokens,
    UserSummary,
)
from synthos.server.errors import ForbiddenError, UnauthenticatedError
from synthos.server.idempotency.route import IdempotentRoute
from synthos.server.problems import documented
from synthos.server.state import Services, ServicesOf
from synthos.server.tasks import in_thread

router = APIRouter(prefix="/auth", tags=["auth"])
#: What uses something up, or makes an account, may be repeated; a session is opened anew each time.
repeatable = APIRouter(prefix="/auth", tags=["auth"], route_class=IdempotentRoute)


@repeatable.post("/register", status_code=201, responses=documented(403, 409, 422, 429))
async def register(request: Request, services: ServicesOf, asked: RegisterRequest) -> Registered:
    """Make an account, with a company of its own."""
    if not services.settings.open_registration:
        raise ForbiddenError("accounts are made by the operators here; ask one of them")
    await services.limits.login(f"address {client_address(request)}")
    hashed = await services.passwords.hashed(asked.password.get_secret_value())
    made = await in_thread(
        register_account,
        services.database,
        email=asked.email,
        password_hash=hashed,
        company_name=asked.company_name,
        full_name=asked.full_name,
    )
    return Registered(user_id=made.user_id, email=made.email, company_id=made.company_id, created_at=made.created_at)


@router.post("/login", responses=documented(401, 422, 429))
async def login(request: Request, services: ServicesOf, asked: LoginRequest) -> Tokens:
    """Open a session. Attempts are counted by address and by account."""
    await services.limits.login(f"address {client_address(request)}", f"account {asked.email}")
    found = await in_thread(_stored, services, asked.email)
    stored = found[1] if found else None
    if not await services.passwords.fits(asked.password.get_secret_value(), stored) or found is None:
        raise UnauthenticatedError("email or password is wrong")
    return _tokens(services, await in_thread(sessions.open_session, services, found[0]))


@repeatable.post("/refresh", responses=documented(401, 409, 422, 429))
async def refresh(request: Request, services: ServicesOf, asked: RefreshRequest) -> Tokens:
    """Carry a session on: new tokens for the newest refresh token. One that was used before ends the session.

    Send an ``Idempotency-Key``: where the answer was lost, the same request from the same address gets it again.
    """
    token = asked.refresh_token.get_secret_value()
    await count(request, services, f"address {client_address(request)}", services.settings.refreshes_per_minute)
    return _tokens(services, await in_thread(sessions.refresh, services, token))


@router.post("/logout", status_code=204, responses=documented(422, 429))
async def logout(request: Request, services: ServicesOf, asked: RefreshRequest) -> Response:
    """End a session. Its access token expires by itself, within a quarter of an hour."""
    await count(request, services, f"address {client_address(request)}", services.settings.refreshes_per_minute)
    await in_thread(sessions.close_session, services, asked.refresh_token.get_secret_value())
    return Response(status_code=204)


def _stored(services: Services, email: str) -> tuple[str, str] | None:
    """Identifier and password hash of the account, or None where there is none or it is disabled."""
    with services.database.read(None) as work:
        user = accounts.by_email(work, email)
    return None if user is None or user.disabled_at is not None else (user.id, user.password_hash)


def _tokens(services: Services, session: sessions.Session) -> Tokens:
    user = session.user
    return Tokens(
        access_token=services.tokens.issue(session.principal),
        refresh_token=session.refresh_token,
        expires_in=int(services.tokens.lifetime.total_seconds()),
        user=UserSummary(
            user_id=user.id, email=user.email, company_name=user.company_name, subscription_tier=user.tier
        ),
    )
