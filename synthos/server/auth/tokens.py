"""Access tokens: short-lived JWTs by RFC 8725 and RFC 9068. Who holds one is known without asking the database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import jwt

from synthos.server.auth.scopes import ALL, Scope
from synthos.server.db.database import Tenant
from synthos.server.errors import UnauthenticatedError
from synthos.server.ids import Clock
from synthos.server.settings import TierName

ALGORITHM, TYPE, ISSUER, AUDIENCE = "HS256", "at+jwt", "synthos", "synthos-api"
#: Tokens whose signature was found right, of which the newest are remembered: most requests bring one of them.
REMEMBERED = 4_096
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "company", "tier"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what it may do. ``key_id`` names the API key, where it is one."""

    user_id: str
    company_id: str
    tier: TierName
    is_admin: bool = False
    scopes: frozenset[Scope] = frozenset(ALL)
    key_id: str | None = None

    @property
    def tenant(self) -> Tenant:
        """Whose rows the principal may see."""
        return Tenant(self.company_id, self.user_id)


class AccessTokens:
    """Signs and checks them. One algorithm, one type, one issuer, one audience: anything else is refused."""

    def __init__(self, secret: str, minutes: int, clock: Clock) -> None:
        self._secret, self.lifetime, self._clock = secret, timedelta(minutes=minutes), clock
        self._verified = lru_cache(REMEMBERED)(self._verify)

    def issue(self, principal: Principal) -> str:
        """A token that is valid from now on for ``lifetime``."""
        now = self._clock()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": principal.user_id,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(12),
            "company": principal.company_id,
            "tier": principal.tier,
            "admin": principal.is_admin,
        }
        return jwt.encode(claims, self._secret, ALGORITHM, headers={"typ": TYPE})

    def check(self, token: str) -> Principal:
        """Who holds the token.

        Raises
        ------
        UnauthenticatedError : it is expired, forged, or of another kind.
        """
        principal, expires = self._verified(token)
        if expires <= self._clock().timestamp():
            raise UnauthenticatedError("the access token has expired; refresh it")
        return principal

    def _verify(self, token: str) -> tuple[Principal, float]:
        """What a token says that was signed here, expired or not: who holds it, and until when (Unix time)."""
        try:
            whole = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise UnauthenticatedError("the access token is not valid") from None
        claims = whole["payload"]
        if whole["header"].get("typ") != TYPE:
            raise UnauthenticatedError("the access token is not valid")
        holder = Principal(claims["sub"], claims["company"], claims["tier"], bool(claims.get("admin")))
        return holder, float(claims["exp"])
