"""What holds of every route, also of those that nobody has thought of yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from synthos.server.app import create_app
from synthos.server.problems import MEDIA_TYPE
from synthos.server.settings import Settings
from synthos.server.state import Services, build
from tests.server.conftest import Person
from tests.server.rows import dataset, validation

OPEN = {"/livez", "/readyz", "/health", "/metrics"} | {
    f"/api/v1/auth/{name}" for name in ("register", "login", "refresh", "logout")
}
#: Bodies that pass the schema of the routes that take one, so that what answers is the route and not its schema.
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/api-keys": {"name": "ci"},
    "/api/v1/validations/create": {"dataset_id": "{dataset_id}"},
    "/api/v1/datasets/upload": {"filename": "a.csv", "file_size": 3, "file_type": "csv"},
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    services = build(Settings(data_folder=tmp_path_factory.mktemp("routes")))
    found = create_app(services=services).openapi()
    services.close()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def ask(client: TestClient, method: str, path: str, ids: dict[str, str]) -> Any:
    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "1"), text)

    body = {name: filled(value) if isinstance(value, str) else value for name, value in BODIES.get(path, {}).items()}
    return client.request(method, filled(path), json=body or None)


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_tag(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for method, path, operation in operations(document):
        assert operation["description"] and operation["tags"], (method, path)


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        answers = operation["responses"]
        for status, answer in answers.items():
            if int(status) >= 400 and path != "/readyz":
                assert MEDIA_TYPE in answer["content"], (method, path, status)
        expected = {"500", "503"} | (set() if path in OPEN else {"401", "403", "429"})
        assert expected <= set(answers), (method, path)


def test_nobody_gets_in_without_a_token(client: TestClient, document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if path in OPEN:
            assert "security" not in operation, path
            continue
        assert operation["security"], path
        for headers in ({}, {"Authorization": "Bearer x"}, {"X-API-Key": "syn_x"}, {"Authorization": "Basic eDp4"}):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert answer.json()["type"] == "urn:synthos:problem:unauthenticated"


def test_no_key_may_do_what_its_scopes_do_not_say(
    services: Services, ada: Person, document: dict[str, Any], client: TestClient
) -> None:
    made = ada.client.post("/api/v1/api-keys", json={"name": "x", "scopes": ["analytics:read"]}).json()["key"]
    client.headers["X-API-Key"] = made
    for method, path, _ in operations(document):
        if path not in OPEN and "/analytics/" not in path:
            assert ask(client, method, path, {}).status_code == 403, (method, path)


def test_what_is_anothers_is_not_there(services: Services, ada: Person, eve: Person, document: dict[str, Any]) -> None:
    table = dataset(services, ada)
    ids = {"dataset_id": table, "validation_id": validation(services, ada, table)}
    key = ada.client.post("/api/v1/api-keys", json={"name": "x"}).json()["key_id"]
    ids["key_id"] = key
    seen = 0
    for method, path, _ in operations(document):
        named = set(re.findall(r"\{(\w+)\}", path)) | set(re.findall(r"\{(\w+)\}", str(BODIES.get(path, ""))))
        if named & set(ids):
            seen += 1
            assert ask(eve.client, method, path, ids).status_code == 404, (method, path)
    assert seen >= 8
    assert ada.client.get(f"/api/v1/validations/{ids['validation_id']}").status_code == 200


@pytest.mark.parametrize("status", [404, 405, 422])
def test_errors_of_the_framework_are_problems_too(ada: Person, status: int) -> None:
    answers: dict[int, Callable[[], Any]] = {
        404: lambda: ada.client.get("/api/v1/nowhere"),
        405: lambda: ada.client.put("/api/v1/api-keys"),
        422: lambda: ada.client.post("/api/v1/api-keys", content=b"{", headers={"Content-Type": "application/json"}),
    }
    answer = answers[status]()
    assert answer.status_code == status and answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["status"] == status and answer.json()["request_id"]


def test_headers_that_keep_browsers_in_check_are_on_every_answer(client: TestClient) -> None:
    for path in ("/livez", "/api/v1/nowhere", "/api/v1/api-keys"):
        headers = client.get(path).headers
        assert (
            headers["X-Content-Type-Options"] == "nosniff"
            and "default-src 'none'" in headers["Content-Security-Policy"]
        )
        assert "Access-Control-Allow-Origin" not in headers


def test_only_named_origins_may_ask_from_a_browser(tmp_path: Any) -> None:
    services = build(Settings(data_folder=tmp_path, cors_origins=("https://app.example.com",)))
    with TestClient(create_app(services=services)) as client:
        for origin, allowed in (("https://app.example.com", True), ("https://evil.example.com", False)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = client.options("/api/v1/auth/login", headers=asked)
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) == allowed
    services.close()
