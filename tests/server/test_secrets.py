"""No password, token, key or secret gets out by a log, by what is shown of an object, or by the audit log."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select

from synthos.server.app import create_app
from synthos.server.datasets.ingest import ingest
from synthos.server.db.database import Database
from synthos.server.db.tables import audit_log
from synthos.server.errors import InvalidError
from synthos.server.settings import S3, Settings
from synthos.server.state import Services, build
from synthos.server.telemetry import configure_logs
from tests.s3_server import free_port
from tests.server.conftest import Person, StandingClock
from tests.server.datasets.uploading import CSV, announce, uploaded

PASSWORD, WRONG = "correct-horse-battery", "a-wrong-password-42"
NEW = {"email": "new@example.com", "password": PASSWORD, "company_name": "Engines", "full_name": "Ada L."}


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Gives all that was logged by then, by us and by every library, down to the finest level."""
    before, stream = structlog.get_config(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    caplog.set_level(logging.DEBUG)
    configure_logs("debug")

    def read() -> str:
        records = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
        return "\n".join([stream.getvalue(), *records])

    yield read
    structlog.configure(**before)


def wander(client: TestClient) -> set[str]:
    """Do with tokens and keys what can be done, right and wrong; all that is secret of it."""
    base = "/api/v1"
    client.post(f"{base}/auth/register", json=NEW)
    client.post(f"{base}/auth/register", json=NEW)
    client.post(f"{base}/auth/register", json={**NEW, "password": [PASSWORD]})
    client.post(f"{base}/auth/register", json={**NEW, "password": PASSWORD + "x" * 300})
    client.post(f"{base}/auth/login", json={"email": NEW["email"], "password": WRONG})
    session = client.post(f"{base}/auth/login", json={"email": NEW["email"], "password": PASSWORD}).json()
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    once = {"Idempotency-Key": "an-idempotency-key"}
    made = [client.post(f"{base}/api-keys", json={"name": "ci"}, headers=bearer | once).json() for _ in range(2)]
    key = {"X-API-Key": made[0]["key"]}
    for headers in (bearer, key, bearer | key, {"Authorization": f"Bearer {session['access_token'][:-3]}"}):
        client.get(f"{base}/datasets", headers=headers)
    again = client.post(f"{base}/auth/refresh", json={"refresh_token": session["refresh_token"]}).json()
    client.post(f"{base}/auth/refresh", json={"refresh_token": session["refresh_token"]})
    client.post(f"{base}/auth/logout", json={"refresh_token": again["refresh_token"]})
    client.delete(f"{base}/api-keys/{made[0]['key_id']}", headers=bearer)
    client.get(f"{base}/datasets", headers=key)
    tokens = {item[name] for item in (session, again) for name in ("access_token", "refresh_token")}
    return {PASSWORD, WRONG, made[0]["key"], *tokens}


@pytest.mark.slow
def test_what_is_secret_stands_in_no_log(
    client: TestClient, services: Services, ada: Person, logs: Callable[[], str]
) -> None:
    def broken(request: dict[str, str]) -> None:
        raise InvalidError(("body", "x")) from ZeroDivisionError(str(services))

    app: Any = client.app
    app.add_api_route("/broken", broken, methods=["POST"])
    secrets = wander(client) | {services.keys.jwt, services.keys.token}
    client.post("/broken", json={"password": PASSWORD})
    dataset = uploaded(ada, b"a,b\n1\n" + CSV)
    with pytest.raises(Exception, match="line"):
        ingest(services, dataset)
    announce(ada, CSV)
    written = logs()
    assert written.count('"event": "request"') >= 15  # it was listened to
    assert not [secret for secret in secrets if secret in written]
    assert "$argon2" not in written
    with services.database.read(None) as work:
        kept = str(work.all(select(audit_log)))
    assert not [secret for secret in secrets if secret in kept]


@pytest.mark.slow
def test_what_is_configured_stands_in_no_log_and_is_not_shown(tmp_path: Any, logs: Callable[[], str]) -> None:
    """Also where neither database nor Redis nor storage answers, which is told."""
    secrets = [f"secret-number-{number}-{'x' * 32}" for number in range(5)]
    port = free_port()
    settings = Settings(
        data_folder=tmp_path,
        database_url=SecretStr(f"postgresql+psycopg://user:{secrets[0]}@127.0.0.1:{port}/name"),
        redis_url=SecretStr(f"redis://:{secrets[1]}@127.0.0.1:{port}/0"),
        s3=S3(
            bucket="b",
            endpoint=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
            access_key=SecretStr("a-name-that-addresses-carry"),
            secret_key=SecretStr(secrets[2]),
        ),
        jwt_secret=SecretStr(secrets[3]),
        token_secret=SecretStr(secrets[4]),
        call_seconds=0.5,
    )
    services = build(settings, Database(settings.database, clock=StandingClock()))
    shown = [repr(settings), str(settings), repr(services), settings.model_dump_json(), repr(services.keys)]
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        answers = [client.get("/readyz"), client.get("/health"), client.get("/metrics"), client.post("/none")]
        answers += [client.get("/api/v1/jobs", headers={"X-API-Key": "syn_x"})]
        answers += [client.post("/api/v1/auth/login", json={"email": "a@example.com", "password": PASSWORD})]
    services.close()
    assert [answer.status_code for answer in answers] == [503, 200, 200, 404, 503, 503]
    found = "\n".join([*shown, *(answer.text for answer in answers), logs()])
    assert not [secret for secret in secrets if secret in found]
