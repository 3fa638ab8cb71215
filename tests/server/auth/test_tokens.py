"""Access tokens that are none: forged, of another kind, or signed with what an attacker could know."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from synthos.server.auth import sessions
from synthos.server.auth.tokens import TYPE
from synthos.server.state import Services
from tests.server.conftest import Person

WHO = "/api/v1/api-keys"


def claims_of(services: Services, ada: Person) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(
        services.tokens.issue(ada.principal), options={"verify_signature": False, "verify_exp": False}
    )
    return found


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    """By HMAC, whatever the header says: libraries refuse to."""
    body = f"{part(header)}.{part(claims)}"
    mac = hmac.new(key, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def own_pair(services: Services, claims: dict[str, Any]) -> str:
    """Signed with the attacker's own key, which the header brings along."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return jwt.encode(claims, key, "RS256", headers={"typ": TYPE, "jwk": jwk, "jku": "http://evil.example/keys"})


def own_curve(services: Services, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"typ": TYPE})


def public_key_as_secret(services: Services, claims: dict[str, Any]) -> str:
    public = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return signed({"alg": "HS256", "typ": TYPE}, claims, pem)


def empty_key(services: Services, claims: dict[str, Any]) -> str:
    return signed({"alg": "HS256", "typ": TYPE, "kid": "../../../dev/null"}, claims, b"")


def the_other_secret(services: Services, claims: dict[str, Any]) -> str:
    return signed({"alg": "HS256", "typ": TYPE}, claims, services.keys.token.encode())


def right_secret_wrong_name(services: Services, claims: dict[str, Any]) -> str:
    return signed({"alg": "RS256", "typ": TYPE}, claims, services.keys.jwt.encode())


def what_must_be_understood(services: Services, claims: dict[str, Any]) -> str:
    header = {"alg": "HS256", "typ": TYPE, "crit": ["exp2"], "exp2": 1}
    return signed(header, claims, services.keys.jwt.encode())


def of_another_kind(services: Services, claims: dict[str, Any]) -> str:
    return signed({"alg": "HS256", "typ": "id+jwt"}, claims, services.keys.jwt.encode())


def cut_off(services: Services, claims: dict[str, Any]) -> str:
    return signed({"alg": "HS256", "typ": TYPE}, claims, services.keys.jwt.encode())[:-2]


FORGERIES = [
    own_pair,
    own_curve,
    public_key_as_secret,
    empty_key,
    the_other_secret,
    right_secret_wrong_name,
    what_must_be_understood,
    of_another_kind,
    cut_off,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_confused_keys_and_kinds_are_refused(
    services: Services, ada: Person, forge: Callable[[Services, dict[str, Any]], str]
) -> None:
    claims = claims_of(services, ada)
    good = signed({"alg": "HS256", "typ": TYPE}, claims, services.keys.jwt.encode())
    assert ada.client.get(WHO, headers={"Authorization": f"Bearer {good}"}).status_code == 200
    answer = ada.client.get(WHO, headers={"Authorization": f"Bearer {forge(services, claims)}"})
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_one_kind_is_good_for_nothing_else(services: Services, ada: Person) -> None:
    access = services.tokens.issue(ada.principal)
    refresh = sessions.open_session(services, ada.user_id).refresh_token
    key = ada.client.post(WHO, json={"name": "x"}).json()["key"]
    del ada.client.headers["Authorization"]
    for headers in (
        {"Authorization": f"Bearer {refresh}"},
        {"Authorization": f"Bearer {key}"},
        {"X-API-Key": access},
        {"X-API-Key": refresh},
        {"Authorization": f"Bearer {access}", "X-API-Key": key},
        {"Authorization": f"Token {access}"},
        {"Authorization": access},
        {"Cookie": f"access_token={access}"},
    ):
        assert ada.client.get(WHO, headers=headers).status_code == 401, headers
    for token in (access, key):
        answer = ada.client.post("/api/v1/auth/refresh", json={"refresh_token": token[:200]})
        assert answer.status_code == 401
    assert ada.client.get(f"{WHO}?access_token={access}").status_code == 401
