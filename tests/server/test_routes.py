"""What holds of every route, also of those that nobody has thought of yet: who may do what, and what is told of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from synthos.server.api_keys import service as api_keys
from synthos.server.app import create_app
from synthos.server.auth.scopes import ALL
from synthos.server.ids import new_id
from synthos.server.jobs import streams
from synthos.server.problems import MEDIA_TYPE
from synthos.server.settings import Settings
from synthos.server.state import Services, build
from synthos.server.validations.documents import Document
from tests.server import routes
from tests.server.conftest import Person
from tests.server.routes import Operation, operations, settle, sockets

#: A place in a path, and how identifiers that fill it begin; a new place belongs here, and into ``routes.settle``.
PREFIXES = {"dataset_id": "ds", "validation_id": "val", "job_id": "job", "key_id": "key", "pipeline_id": "pip"}
#: Reading what only writers need.
WRITERS_READ = {"GET /api/v1/datasets/{dataset_id}/upload"}


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    services = build(Settings(data_folder=tmp_path_factory.mktemp("routes")))
    found = create_app(services=services).openapi()
    services.close()
    return found


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody here asks too often."""
    generous = {"free": settings.tiers["free"].model_copy(update={"requests_per_minute": 10**6})}
    return settings.model_copy(update={"tiers": settings.tiers | generous})


@pytest.fixture(autouse=True)
def _short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_SECONDS", 0.05)


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_tag(openapi: dict[str, Any]) -> None:
    names = [operation.about["operationId"] for operation in operations(openapi)]
    assert len(set(names)) == len(names)
    for operation in operations(openapi):
        assert operation.about["description"] and operation.about["tags"], operation


def test_every_error_is_documented_as_a_problem(openapi: dict[str, Any]) -> None:
    for operation in operations(openapi):
        answers = operation.about["responses"]
        for status, answer in answers.items():
            if int(status) >= 400 and operation.path != "/readyz":
                assert MEDIA_TYPE in answer["content"], (operation, status)
        expected = {"500", "503"} | (set() if operation.is_open else {"401", "403", "429"})
        assert expected <= set(answers), operation


def test_nobody_gets_in_without_a_token(client: TestClient, openapi: dict[str, Any]) -> None:
    for operation in operations(openapi):
        if operation.is_open:
            assert "security" not in operation.about, operation
            continue
        assert operation.about["security"] == [{"bearer": []}, {"apiKey": []}], operation
        for headers in ({}, {"Authorization": "Bearer x"}, {"X-API-Key": "syn_x"}, {"Authorization": "Basic eDp4"}):
            answer = operation.ask(client, {}, headers=headers)
            assert answer.status_code == 401, operation
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert answer.json()["type"] == "urn:synthos:problem:unauthenticated"


@pytest.mark.slow
def test_every_route_needs_one_scope_and_writing_needs_one_to_write(
    services: Services, ada: Person, openapi: dict[str, Any], client: TestClient
) -> None:
    keys = {scope: api_keys.create(services, ada.principal, scope, [scope], None)[1] for scope in ALL}
    guarded = [operation for operation in operations(openapi) if not operation.is_open]
    used: Counter[str] = Counter()
    for operation in guarded:
        answers = {
            scope: operation.ask(client, {}, headers={"X-API-Key": key}).status_code for scope, key in keys.items()
        }
        allowed = [scope for scope, status in answers.items() if status != 403]
        assert len(allowed) == 1, (operation, allowed)
        reads = operation.method == "GET" and str(operation) not in WRITERS_READ
        assert allowed[0].endswith(":read" if reads else ":write"), (operation, allowed)
        used.update(allowed)
    assert set(used) == set(ALL), "a scope that no route needs"


def closed_with(client: Any, path: str, headers: dict[str, str] | None = None) -> int:
    """The code that the service closes a WebSocket with, after whatever it tells."""
    with client.websocket_connect(path, headers=headers or {}) as socket, pytest.raises(WebSocketDisconnect) as caught:
        while True:
            socket.receive_json()
    return int(caught.value.code)


def test_every_socket_needs_one_scope(services: Services, ada: Person, client: TestClient) -> None:
    keys = {scope: api_keys.create(services, ada.principal, scope, [scope], None)[1] for scope in ALL}
    for path in sockets(client.app):  # type: ignore[arg-type]
        codes = {scope: closed_with(client, routes.filled(path, {}), {"X-API-Key": key}) for scope, key in keys.items()}
        assert sorted(codes.values()) == [4403] * (len(ALL) - 1) + [4404], (path, codes)
        (allowed,) = [scope for scope, code in codes.items() if code == 4404]
        assert allowed.endswith(":read"), path


def reaches(operation: Operation) -> set[str]:
    """The places in its path and body that identifiers fill."""
    named = set(operation.places) | set(re.findall(r"\{(\w+)\}", str(operation.body or "")))
    return {name for name in named if name.endswith("_id")}


@pytest.mark.slow
def test_what_is_anothers_is_not_there_for_any_route(
    services: Services, ada: Person, eve: Person, openapi: dict[str, Any], quick_document: Document
) -> None:
    theirs, mine = settle(services, ada, quick_document), settle(services, eve, quick_document)
    nobodys = {name: new_id(PREFIXES[name.removeprefix("failed_")]) for name in theirs if name != "number"}
    seen = 0
    for operation in operations(openapi):
        unknown = set(operation.places) - set(theirs)
        assert not unknown, f"{operation}: say in routes.settle how to make {unknown}"
        for name in reaches(operation):
            seen += 1
            answer = operation.ask(eve.client, mine | {name: theirs[name]})
            assert answer.status_code == 404, (operation, name, answer.text)
            missing = operation.ask(eve.client, mine | {name: nobodys[name]})
            told, of_none = (found.json()["detail"] for found in (answer, missing))
            assert told.replace(theirs[name], "") == of_none.replace(nobodys[name], ""), operation
    assert seen >= 20
    # All of it is there for whom it belongs to: the answers above were about who asks.
    for operation in operations(openapi):
        if reaches(operation):
            answer = operation.ask(ada.client, theirs)
            assert answer.status_code != 404 and answer.status_code < 500, (operation, answer.text)


def test_every_field_of_a_body_that_names_something_is_looked_at(
    services: Services, ada: Person, eve: Person, openapi: dict[str, Any], quick_document: Document
) -> None:
    """Also of those that may be left out: each in turn names what is another's, and all others what is the caller's."""
    theirs, mine = settle(services, ada, quick_document), settle(services, eve, quick_document)
    seen = set()
    for operation in operations(openapi):
        for field in routes.identifiers_of(operation.body):
            assert operation.body is not None
            place = operation.body[field].strip("{}")
            body = {name: routes.filled(str(value), mine) for name, value in operation.body.items()}
            answer = operation.ask(eve.client, mine, json=body | {field: theirs[place]})
            assert answer.status_code == 404, (operation, field, answer.text)
            seen.add(field)
    assert {"dataset_id", "reference_dataset_id", "holdout_dataset_id", "subject"} <= seen


def test_the_sockets_of_others_are_not_there(
    services: Services, ada: Person, eve: Person, quick_document: Document
) -> None:
    theirs = settle(services, ada, quick_document)
    paths = sockets(create_app(services=services))
    assert len(paths) >= 2
    for path in paths:
        assert closed_with(eve.client, routes.filled(path, theirs)) == 4404, path
        assert closed_with(ada.client, routes.filled(path, theirs)) == streams.RESUME, path


def test_lists_have_only_what_is_ones_own(
    services: Services, ada: Person, eve: Person, openapi: dict[str, Any], quick_document: Document
) -> None:
    theirs = settle(services, ada, quick_document)
    for operation in operations(openapi):
        if operation.method == "GET" and not operation.places and not operation.is_open:
            text = operation.ask(eve.client, {}).text
            assert not [name for name in theirs.values() if len(name) > 10 and name in text], operation


@pytest.mark.parametrize("status", [404, 422])
def test_errors_of_the_framework_are_problems_too(ada: Person, status: int) -> None:
    answers: dict[int, Callable[[], Any]] = {
        404: lambda: ada.client.get("/api/v1/nowhere"),
        422: lambda: ada.client.post("/api/v1/api-keys", content=b"{", headers={"Content-Type": "application/json"}),
    }
    answer = answers[status]()
    assert answer.status_code == status and answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["status"] == status and answer.json()["request_id"]


def test_a_method_that_a_path_lacks_is_told_which_it_has(client: TestClient, openapi: dict[str, Any]) -> None:
    for path in openapi["paths"]:
        address = routes.filled(path, {})
        alike = [other for other in openapi["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", other), address)]
        named = {method.upper() for other in alike for method in openapi["paths"][other]}
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - named:
            answer = client.request(method, address)
            assert answer.status_code == 405 and answer.json()["type"].endswith("method-not-allowed"), (method, path)
            assert set(answer.headers["Allow"].split(", ")) == named, (method, path)
