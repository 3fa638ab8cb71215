from __future__ import annotations

from fastapi.testclient import TestClient

from synthos.server.db.migrate import downgrade
from synthos.server.state import Services


def test_a_fresh_service_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == dict.fromkeys(("database", "migrations", "queue", "rate_limits", "storage"), True)


def test_a_database_of_another_version_is_not_ready_but_told(client: TestClient, services: Services) -> None:
    downgrade(services.database, "base")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": True,
        "migrations": False,
        "queue": False,
        "rate_limits": True,
        "storage": True,
    }
    assert client.get("/health").status_code == 200
    assert client.get("/livez").status_code == 200


def test_metrics_count_requests_by_route(client: TestClient) -> None:
    client.get("/livez")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/livez",status="200"}' in text


def test_request_ids_come_out_as_they_went_in_or_are_made(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = client.get("/livez", headers={"X-Request-ID": "not\tgood"}).headers["X-Request-ID"]
    assert made.startswith("req_")


def test_an_unknown_path_is_a_problem(client: TestClient) -> None:
    answer = client.get("/api/v1/nothing", headers={"X-Request-ID": "r1"})
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == "r1" and answer.json()["type"] == "urn:synthos:problem:not-found"


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    answer = client.post("/livez", content=b"x" * (2**20 + 1))
    assert answer.status_code == 413 and answer.json()["type"] == "urn:synthos:problem:too-large"
