from __future__ import annotations

import base64
import json

import jwt
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from synthos.server.audit.log import broken_at
from synthos.server.auth.tokens import ALGORITHM, AUDIENCE, ISSUER
from synthos.server.db.tables import audit_log, refresh_tokens, users
from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock

NEW = {"email": "Ada@Example.com", "password": "correct horse", "company_name": "Engines", "full_name": "Ada L."}
WHO = "/api/v1/api-keys"


def log_in(client: TestClient, email: str, password: str) -> dict[str, str]:
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def refresh(client: TestClient, token: str) -> dict[str, str] | None:
    answer = client.post("/api/v1/auth/refresh", json={"refresh_token": token})
    return answer.json() if answer.status_code == 200 else None


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_who_registers_can_log_in_and_ask(client: TestClient) -> None:
    made = client.post("/api/v1/auth/register", json=NEW)
    assert made.status_code == 201
    assert made.json()["email"] == "ada@example.com" and made.json()["user_id"].startswith("usr_")
    tokens = log_in(client, "ADA@example.com", "correct horse")
    assert tokens["expires_in"] == 900 and tokens["user"] == {
        "user_id": made.json()["user_id"],
        "email": "ada@example.com",
        "company_name": "Engines",
        "subscription_tier": "free",
    }
    assert client.get(WHO, headers=bearer(tokens["access_token"])).json() == {"items": [], "next_cursor": None}


def test_an_email_has_one_account(client: TestClient) -> None:
    client.post("/api/v1/auth/register", json=NEW)
    again = client.post("/api/v1/auth/register", json=NEW | {"company_name": "Other"})
    assert again.status_code == 409 and again.json()["type"].endswith("email-taken")


def test_naming_a_company_does_not_let_one_in(client: TestClient) -> None:
    first = client.post("/api/v1/auth/register", json=NEW).json()
    second = client.post("/api/v1/auth/register", json=NEW | {"email": "eve@example.com"}).json()
    assert first["company_id"] != second["company_id"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "body.email"),
        ({"password": "short"}, "body.password"),
        ({"full_name": ""}, "body.full_name"),
        ({"company_name": "a\nb"}, "body.company_name"),
        ({"role": "admin"}, "body.role"),
    ],
)
def test_what_is_wrong_with_a_registration_is_named(client: TestClient, change: dict[str, str], field: str) -> None:
    answer = client.post("/api/v1/auth/register", json=NEW | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "short" not in answer.text


def test_a_wrong_password_and_an_unknown_email_are_told_alike(client: TestClient, ada: Person) -> None:
    wrong, unknown = (
        client.post("/api/v1/auth/login", json={"email": email, "password": "wrong"})
        for email in (ada.email, "nobody@example.com")
    )
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]


def test_a_disabled_account_gets_neither_in_nor_on(client: TestClient, services: Services, ada: Person) -> None:
    tokens = log_in(client, ada.email, ada.password)
    with services.database.write(None) as work:
        work.run(users.update().where(users.c.id == ada.user_id).values(disabled_at=work.now))
    answer = client.post("/api/v1/auth/login", json={"email": ada.email, "password": ada.password})
    assert answer.status_code == 401 and refresh(client, tokens["refresh_token"]) is None


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(client: TestClient, ada: Person) -> None:
    first = log_in(client, ada.email, ada.password)["refresh_token"]
    second = refresh(client, first)
    assert second is not None
    assert refresh(client, first) is None
    assert refresh(client, second["refresh_token"]) is None


def test_other_sessions_survive_a_reuse(client: TestClient, ada: Person) -> None:
    stolen, other = (log_in(client, ada.email, ada.password)["refresh_token"] for _ in range(2))
    refresh(client, stolen)
    refresh(client, stolen)
    assert refresh(client, other) is not None


def test_a_session_that_was_closed_or_grew_old_is_over(client: TestClient, ada: Person, clock: StandingClock) -> None:
    closed, old = (log_in(client, ada.email, ada.password)["refresh_token"] for _ in range(2))
    assert client.post("/api/v1/auth/logout", json={"refresh_token": closed}).status_code == 204
    assert client.post("/api/v1/auth/logout", json={"refresh_token": closed}).status_code == 204
    assert refresh(client, closed) is None
    clock.move(days=31)
    assert refresh(client, old) is None


def test_the_database_keeps_no_token_that_could_be_used(client: TestClient, services: Services, ada: Person) -> None:
    token = log_in(client, ada.email, ada.password)["refresh_token"]
    with services.database.read(None) as work:
        kept = [str(value) for row in work.all(select(refresh_tokens)) for value in row]
        stored = work.one(select(users.c.password_hash).where(users.c.id == ada.user_id))
    assert not any(token in value for value in kept)
    assert stored is not None and stored[0].startswith("$argon2id$")


def forged(services: Services, ada: Person, **changes: object) -> str:
    claims = jwt.decode(services.tokens.issue(ada.principal), options={"verify_signature": False, "verify_exp": False})
    header = {"typ": changes.pop("typ", "at+jwt")}
    algorithm = str(changes.pop("algorithm", ALGORITHM))
    secret = str(changes.pop("secret", services.keys.jwt))
    kept = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(kept, secret, algorithm, headers=header)


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "x" * 48},
        {"typ": "JWT"},
        {"iss": "other"},
        {"aud": "other"},
        {"exp": 0},
        {"exp": None},
        {"sub": None},
        {"company": None},
        {"algorithm": "HS512"},
    ],
)
def test_forged_tokens_are_refused(
    client: TestClient, services: Services, ada: Person, changes: dict[str, object]
) -> None:
    good = forged(services, ada)
    assert client.get(WHO, headers=bearer(good)).status_code == 200
    answer = client.get(WHO, headers=bearer(forged(services, ada, **changes)))
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_without_a_signature_is_refused(client: TestClient, ada: Person) -> None:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": ada.user_id, "company": ada.company_id, "tier": "free"}
    times = {"iat": 0, "exp": 2**40, "jti": "a"}
    for name in ("none", "None", "NONE"):
        token = f"{part({'alg': name, 'typ': 'at+jwt'})}.{part(claims | times)}."
        assert client.get(WHO, headers=bearer(token)).status_code == 401


def test_an_access_token_ends_after_a_quarter_of_an_hour(ada: Person, clock: StandingClock) -> None:
    clock.move(minutes=14, seconds=59)
    assert ada.client.get(WHO).status_code == 200
    clock.move(seconds=1)
    assert ada.client.get(WHO).status_code == 401


def test_password_guessing_is_slowed_by_account_and_by_address(client: TestClient, ada: Person) -> None:
    def attempt() -> int:
        return client.post("/api/v1/auth/login", json={"email": ada.email, "password": "guess"}).status_code

    answers = [attempt() for _ in range(12)]
    assert answers[:10] == [401] * 10 and answers[10:] == [429] * 2
    right = client.post("/api/v1/auth/login", json={"email": ada.email, "password": ada.password})
    assert right.status_code == 429 and int(right.headers["Retry-After"]) >= 1


def test_every_step_of_a_session_stands_in_the_audit_log(client: TestClient, services: Services, ada: Person) -> None:
    token = log_in(client, ada.email, ada.password)["refresh_token"]
    refresh(client, token)
    refresh(client, token)
    with services.database.read(None) as work:
        rows = work.all(select(audit_log.c.action, audit_log.c.details).where(audit_log.c.user_id == ada.user_id))
        assert broken_at(work, ada.company_id) is None
    assert [row.action for row in rows] == ["session.opened", "session.refreshed", "session.reused"]
    assert token not in str(rows)
