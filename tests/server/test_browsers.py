"""What browsers are told: headers that keep them in check on every answer, and which origins may ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from synthos.server.app import create_app
from synthos.server.jobs import streams
from synthos.server.problems import MEDIA_TYPE, TYPES
from synthos.server.security_headers import HEADERS
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from synthos.server.validations.documents import Document
from tests.server.conftest import Person
from tests.server.routes import operations, settle

OURS, ANOTHERS = "https://app.example.com", "https://evil.example.com"
LIKE_OURS = ["https://app.example.com.evil.com", "http://app.example.com", "https://app.example.com:8443", "null"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    tiers = settings.tiers | {"free": Tier(requests_per_minute=10**6)}
    return settings.model_copy(update={"cors_origins": (OURS,), "tiers": tiers})


@pytest.fixture
def browser(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.slow
def test_headers_that_keep_browsers_in_check_are_on_every_answer(
    services: Services, ada: Person, quick_document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_SECONDS", 0.0)
    ids = settle(services, ada, quick_document)
    statuses = set()
    for operation in operations(create_app(services=services).openapi()):
        for more in ({}, {"headers": {"Authorization": ""}}, {"content": b"{"}):
            answer = operation.ask(ada.client, ids, **more)
            statuses.add(answer.status_code)
            assert HEADERS.keys() <= {name.title() for name in answer.headers}, (operation, answer.headers)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and ("sandbox" in policy or "frame-ancestors 'none'" in policy)
            stored = answer.headers["Cache-Control"]
            assert "no-store" in stored or "private" in stored, (operation, stored)
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Server" not in answer.headers and "Set-Cookie" not in answer.headers
    assert {200, 401, 422} <= statuses


@pytest.mark.parametrize("path", ["/livez", "/api/v1/jobs", "/api/v1/nowhere", "/api/v1/validations/val_1"])
def test_only_named_origins_may_read_answers(browser: TestClient, path: str) -> None:
    for origin in (OURS, ANOTHERS, *LIKE_OURS):
        headers = browser.get(path, headers={"Origin": origin}).headers
        assert headers.get("Access-Control-Allow-Origin") == (OURS if origin == OURS else None)
        assert "Access-Control-Allow-Credentials" not in headers
        assert "Origin" in headers.get("Vary", "Origin")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_only_named_origins_may_ask(browser: TestClient, method: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,idempotency-key"}
    for origin in (OURS, ANOTHERS, *LIKE_OURS):
        answer = browser.options("/api/v1/datasets", headers=asked | {"Origin": origin})
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (
            (200, OURS) if origin == OURS else (400, None)
        )


def test_a_refused_preflight_says_why_as_any_error_does(browser: TestClient) -> None:
    asked = {"Origin": OURS, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "x-own"}
    answer = browser.options("/api/v1/datasets", headers=asked)
    document = answer.json()
    assert answer.headers["Content-Type"] == MEDIA_TYPE and "Origin" in answer.headers["Vary"]
    assert (document["status"], document["type"]) == (400, TYPES + "cross-origin")
    assert "method, headers" in document["detail"] and document["instance"] == "/api/v1/datasets"
    assert document["request_id"] == answer.headers["X-Request-ID"]


def test_what_clients_need_of_an_answer_is_shown_to_scripts(browser: TestClient) -> None:
    shown = browser.get("/livez", headers={"Origin": OURS}).headers["Access-Control-Expose-Headers"]
    needed: Any = {"ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID", "Idempotent-Replayed"}
    assert needed <= set(shown.split(", "))


def test_without_named_origins_none_may_ask(ada: Person, services: Services) -> None:
    alone = services.settings.model_copy(update={"cors_origins": ()})
    object.__setattr__(services, "settings", alone)
    with TestClient(create_app(services=services)) as client:
        asked = {"Origin": OURS, "Access-Control-Request-Method": "POST"}
        answer = client.options("/api/v1/datasets", headers=asked)
        assert answer.status_code == 405 and "Access-Control-Allow-Origin" not in answer.headers
