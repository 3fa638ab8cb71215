"""The conventions of the contract, asked of every route that the document names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from synthos.server.app import create_app
from synthos.server.db.migrate import downgrade
from synthos.server.idempotency.store import Asked
from synthos.server.ids import Prefix
from synthos.server.jobs import streams
from synthos.server.limits import MOST_HEADER_BYTES
from synthos.server.problems import MEDIA_TYPE, TYPES
from synthos.server.security_headers import HEADERS
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from synthos.server.validations.documents import Document
from tests.server.conftest import Person
from tests.server.routes import Operation, operations, resolved, settle

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
IDENTIFIER = re.compile(rf"({'|'.join(Prefix.__args__)})_[0-9a-z]{{24}}")  # type: ignore[attr-defined]
#: Identifiers within one document, which nothing can be asked by.
WITHIN = {"region_id", "recommendation_id"}
#: Answers about an object that are good for one moment: addresses that run out.
OF_THE_MOMENT = {"GET /api/v1/datasets/{dataset_id}/upload"}
ASKED = {"X-Request-ID": "asked-1"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody here asks too often."""
    return settings.model_copy(update={"tiers": settings.tiers | {"free": Tier(requests_per_minute=10**6)}})


@pytest.fixture(autouse=True)
def _short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_SECONDS", 0.0)


@pytest.fixture
def every(services: Services) -> list[Operation]:
    return operations(create_app(services=services).openapi())


@pytest.fixture
def guarded(every: list[Operation]) -> list[Operation]:
    return [operation for operation in every if not operation.is_open]


@pytest.fixture
def ids(services: Services, ada: Person, quick_document: Document) -> dict[str, str]:
    """What ada has."""
    return settle(services, ada, quick_document)


def check_problem(answer: Any, status: int, reason: str, about: object) -> None:
    """The answer is a problem of this kind, and carries what every answer does."""
    assert answer.status_code == status, (about, answer.text)
    assert answer.headers["content-type"] == MEDIA_TYPE, about
    said = answer.json()
    assert (said["type"], said["status"]) == (TYPES + reason, status), about
    assert said["title"] and said["detail"] and said["instance"] == answer.request.url.path, about
    assert said["request_id"] == answer.headers["X-Request-ID"] == ASKED["X-Request-ID"], about
    for name, value in HEADERS.items():
        assert answer.headers[name] == value, (about, name)


@pytest.mark.slow
def test_errors_of_every_route_are_problems(
    services: Services, ada: Person, client: TestClient, every: list[Operation], ids: dict[str, str]
) -> None:
    for operation in every:
        if not operation.is_open:
            check_problem(operation.ask(client, ids, headers=ASKED), 401, "unauthenticated", operation)
        if any(name.endswith("_id") for name in operation.places):
            missing = {name: f"{value[:-1]}!" for name, value in ids.items() if name.endswith("_id")}
            answer = operation.ask(ada.client, ids | missing, headers=ASKED)
            check_problem(answer, 422, "invalid-request", operation)
        if operation.body is not None:
            for wrong in (b"{", b"[]", b'{"unknown": "\\ud800"}', b'{"\\ud800": 1}', b"\xff", b"null", b""):
                headers = ASKED | {"Content-Type": "application/json"}
                answer = operation.ask(ada.client, ids, headers=headers, content=wrong)
                check_problem(answer, 422, "invalid-request", (operation, wrong))
        if operation.method != "GET" and "number" not in operation.places:
            large = operation.ask(ada.client, ids, headers=ASKED, content=b" " * (services.settings.max_body_bytes + 1))
            check_problem(large, 413, "too-large", operation)
        heavy = operation.ask(ada.client, ids, headers=ASKED | {"X-More": "x" * MOST_HEADER_BYTES})
        check_problem(heavy, 431, "headers-too-large", operation)


def test_a_database_that_is_away_is_a_problem_of_every_route(
    services: Services, ada: Person, guarded: list[Operation], ids: dict[str, str]
) -> None:
    downgrade(services.database, "base")
    for operation in guarded:
        answer = operation.ask(ada.client, ids, headers=ASKED)
        check_problem(answer, 503, "database-unavailable", operation)
        assert int(answer.headers["Retry-After"]) >= 1, operation


def test_what_nobody_has_thought_of_is_a_problem_with_all_headers(services: Services) -> None:
    origin = "https://app.example.com"
    settings = services.settings.model_copy(update={"cors_origins": (origin,)})
    object.__setattr__(services, "settings", settings)
    app = create_app(services=services)

    def broken() -> None:
        raise ZeroDivisionError("the secret of the house")

    app.add_api_route("/broken", broken)
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken", headers=ASKED | {"Origin": origin})
        check_problem(answer, 500, "internal", "/broken")
        assert answer.headers["Access-Control-Allow-Origin"] == origin and "secret" not in answer.text
        assert 'status="500"' in client.get("/metrics").text


def creating(every: list[Operation]) -> Iterator[Operation]:
    for operation in every:
        if operation.method == "POST" and {"201", "202"} & set(operation.about["responses"]):
            yield operation


def body_of(operation: Operation, ids: dict[str, str]) -> bytes:
    text = json.dumps(operation.body)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return text.encode()


@pytest.mark.slow
def test_whatever_creates_takes_a_key_and_does_it_once(
    services: Services, ada: Person, every: list[Operation], ids: dict[str, str]
) -> None:
    seen = set()
    for operation in creating(every):
        seen.add(operation.path.removeprefix("/api/v1"))
        assert "Idempotency-Key" in [item["name"] for item in operation.about["parameters"]], operation
        assert {"409", "422"} <= set(operation.about["responses"]), operation
        body = body_of(operation, ids | {"email": "new@example.com"})
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"one-{len(seen)}"}
        first = operation.ask(ada.client, ids, headers=headers, content=body)
        assert first.status_code in (201, 202), (operation, first.text)
        again = operation.ask(ada.client, ids, headers=headers, content=body)
        assert (again.status_code, again.content) == (first.status_code, first.content), operation
        assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
        other = operation.ask(ada.client, ids, headers=headers | ASKED, content=body + b" ")
        check_problem(other, 422, "idempotency-key", operation)
        if operation.is_open:
            continue
        services.answers.begin(Asked(ada.user_id, f"two-{len(seen)}", f"POST {operation.path}", body))
        waiting = operation.ask(
            ada.client, ids, headers=headers | ASKED | {"Idempotency-Key": f"two-{len(seen)}"}, content=body
        )
        check_problem(waiting, 409, "request-in-flight", operation)
    assert {"/api-keys", "/auth/register", "/datasets/upload", "/validations/create", "/jobs"} <= seen


def test_an_answer_is_given_again_only_to_the_key_that_got_it(ada: Person) -> None:
    """It may hold a secret, and another key of the same user may be allowed less."""
    asked = {"name": "x", "scopes": ["api-keys:write"]}
    key = ada.client.post("/api/v1/api-keys", json=asked).json()["key"]
    del ada.client.headers["Authorization"]
    once = {"Idempotency-Key": "one", "X-API-Key": key}
    made = ada.client.post("/api/v1/api-keys", json=asked, headers=once)
    assert made.status_code == 201
    least = ada.client.post("/api/v1/api-keys", json=asked, headers={"X-API-Key": made.json()["key"]}).json()["key"]
    other = ada.client.post("/api/v1/api-keys", json=asked, headers=once | {"X-API-Key": least})
    assert "Idempotent-Replayed" not in other.headers and other.json()["key"] != made.json()["key"]


def lists(every: list[Operation]) -> Iterator[Operation]:
    for operation in every:
        properties = operation.answer_schema().get("properties", {})
        if operation.method == "GET" and "items" in properties:
            assert "next_cursor" in properties, operation
            yield operation


@pytest.mark.slow
def test_every_list_is_cut_into_pages(
    services: Services, ada: Person, every: list[Operation], ids: dict[str, str], quick_document: Document
) -> None:
    for _ in range(2):
        settle(services, ada, quick_document)
    seen = set()
    for operation in lists(every):
        seen.add(operation.path.removeprefix("/api/v1"))
        assert {"cursor", "limit"} <= {item["name"] for item in operation.about["parameters"]}, operation
        whole = ada.client.get(operation.path).json()
        assert len(whole["items"]) >= 3 and whole["next_cursor"] is None, operation
        found, cursor = [], None
        while True:
            page = ada.client.get(operation.path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            assert len(page["items"]) <= 2, operation
            found, cursor = found + page["items"], page["next_cursor"]
            if cursor is None:
                break
        assert found == whole["items"], operation
        for wrong in ({"cursor": "x"}, {"cursor": "é"}, {"limit": 0}, {"limit": 10**6}):
            assert ada.client.get(operation.path, params=wrong).status_code == 422, (operation, wrong)
    assert {"/api-keys", "/datasets", "/jobs", "/validations", "/analytics/validation-history"} <= seen


def test_every_object_has_a_tag_by_which_it_is_not_sent_again(
    ada: Person, every: list[Operation], ids: dict[str, str]
) -> None:
    seen = 0
    for operation in every:
        streams_events = "text/event-stream" in operation.about["responses"].get("200", {}).get("content", {})
        if operation.method != "GET" or not operation.places or streams_events or str(operation) in OF_THE_MOMENT:
            continue
        seen += 1
        first = operation.ask(ada.client, ids)
        assert first.status_code == 200 and "304" in operation.about["responses"], (operation, first.text)
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            same = operation.ask(ada.client, ids, headers={"If-None-Match": known})
            assert same.status_code == 304 and same.content == b"" and same.headers["ETag"] == tag, operation
        assert operation.ask(ada.client, ids, headers={"If-None-Match": '"other"'}).content == first.content
    assert seen >= 9


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """What stands in an answer, each with the name of its field."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value


def test_times_and_identifiers_look_alike_in_every_answer(
    ada: Person, every: list[Operation], ids: dict[str, str]
) -> None:
    times = names = 0
    for operation in every:
        answer = operation.ask(ada.client, ids)
        if answer.headers.get("content-type") != "application/json":
            continue
        for name, value in leaves(answer.json()):
            if name.endswith("_at") or re.match(r"\d{4}-\d\d-\d\dT", str(value)):
                times += value is not None
                assert value is None or TIME.fullmatch(value), (operation, name, value)
            if name.endswith("_id") and name not in WITHIN:
                names += value is not None
                assert value is None or IDENTIFIER.fullmatch(value), (operation, name, value)
    assert times > 20 and names > 20


def test_every_time_in_the_document_is_said_to_be_one(every: list[Operation]) -> None:
    schemas = every[0].schemas
    for name, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            if field.endswith("_at"):
                kinds = [resolved(kind, schemas) for kind in part.get("anyOf", [part])]
                assert any(kind.get("format") == "date-time" for kind in kinds), (name, field)


@pytest.mark.parametrize("tier", ["free", "team", "enterprise"])
def test_every_answer_tells_how_often_one_may_ask(
    services: Services, ada: Person, guarded: list[Operation], ids: dict[str, str], tier: Any
) -> None:
    quota = services.settings.tiers[tier].requests_per_minute
    ada.principal = type(ada.principal)(ada.user_id, ada.company_id, tier)
    ada.log_in()
    left = quota
    for operation in guarded:
        answer = operation.ask(ada.client, ids)
        assert answer.headers["RateLimit-Policy"] == f'"default";q={quota};w=60', operation
        found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
        assert found and 1 <= int(found[2]) <= 60, operation
        # One less each time; before the first, what ada has was made, which counts as well.
        assert int(found[1]) == left - 1 if left < quota else int(found[1]) < quota, operation
        left = int(found[1])


def test_who_asks_too_often_is_told_when_to_ask_again(services: Services, ada: Person, eve: Person) -> None:
    few = services.settings.tiers | {"free": Tier(requests_per_minute=2)}
    object.__setattr__(services, "settings", services.settings.model_copy(update={"tiers": few}))
    answers = [ada.client.get("/api/v1/jobs", headers=ASKED) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    check_problem(answers[2], 429, "rate-limited", "jobs")
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].headers["RateLimit"].startswith('"default";r=0;')
    assert eve.client.get("/api/v1/jobs").status_code == 200
