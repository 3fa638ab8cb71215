from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from synthos.server.db.tables import api_keys
from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock

PATH = "/api/v1/api-keys"


def make(person: Person, **fields: object) -> dict[str, str]:
    answer = person.client.post(PATH, json={"name": "ci", **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def status(client: TestClient, key: str, method: str = "GET") -> int:
    return client.request(method, PATH, headers={"X-API-Key": key}, json={"name": "x"}).status_code


def test_a_key_asks_for_its_user_until_it_is_revoked(client: TestClient, ada: Person) -> None:
    made = make(ada)
    assert made["key"].startswith(made["prefix"]) and made["key"].startswith("syn_")
    assert status(client, made["key"]) == 200
    assert ada.client.delete(f"{PATH}/{made['key_id']}").status_code == 204
    assert status(client, made["key"]) == 401
    assert ada.client.delete(f"{PATH}/{made['key_id']}").status_code == 404


def test_the_secret_is_shown_once_and_not_kept(services: Services, ada: Person) -> None:
    made = make(ada)
    listed = ada.client.get(PATH).json()["items"]
    assert [item["key_id"] for item in listed] == [made["key_id"]] and "key" not in listed[0]
    with services.database.read(None) as work:
        assert made["key"] not in str(work.all(select(api_keys)))


def test_a_key_does_what_its_scopes_allow(client: TestClient, ada: Person) -> None:
    key = make(ada, scopes=["api-keys:read"])["key"]
    assert status(client, key) == 200
    refused = client.post(PATH, headers={"X-API-Key": key}, json={"name": "x"})
    assert refused.status_code == 403 and "api-keys:write" in refused.json()["detail"]


def test_a_key_cannot_make_one_that_may_do_more(client: TestClient, ada: Person) -> None:
    key = make(ada, scopes=["api-keys:write"])["key"]
    more = client.post(PATH, headers={"X-API-Key": key}, json={"name": "x", "scopes": ["datasets:read"]})
    assert more.status_code == 403 and "datasets:read" in more.json()["detail"]
    same = client.post(PATH, headers={"X-API-Key": key}, json={"name": "x", "scopes": ["api-keys:write"]})
    assert same.status_code == 201


def test_a_key_expires(client: TestClient, ada: Person, clock: StandingClock) -> None:
    key = make(ada, expires_in_days=1)["key"]
    clock.move(hours=23)
    assert status(client, key) == 200
    clock.move(hours=1)
    assert status(client, key) == 401


def test_when_a_key_was_last_used_is_known_to_the_minute(client: TestClient, ada: Person, clock: StandingClock) -> None:
    key = make(ada)["key"]
    seen = []
    for seconds in (10.0, 10.0, 60.0):
        clock.move(seconds=seconds)
        status(client, key)
        seen.append(ada.client.get(PATH).json()["items"][0]["last_used_at"])
    assert seen == ["2030-01-01T12:00:10.000Z", "2030-01-01T12:00:10.000Z", "2030-01-01T12:01:20.000Z"]


def test_another_users_key_is_not_there(ada: Person, eve: Person) -> None:
    made = make(ada)
    assert eve.client.get(PATH).json()["items"] == []
    assert eve.client.delete(f"{PATH}/{made['key_id']}").status_code == 404


@pytest.mark.parametrize("key", ["", "syn_", "syn_" + "x" * 43, "other", "syn_" + "x" * 500])
def test_what_is_no_key_is_refused(client: TestClient, key: str) -> None:
    assert status(client, key) == 401


def test_a_token_and_a_key_at_once_are_refused(ada: Person) -> None:
    answer = ada.client.get(PATH, headers={"X-API-Key": make(ada)["key"]})
    assert answer.status_code == 401 and "not both" in answer.json()["detail"]


def test_pages_go_on_where_the_last_ended(ada: Person, clock: StandingClock) -> None:
    for number in range(5):
        make(ada, name=f"key {number}")
        clock.move(seconds=float(number % 2))  # some are made at the same time
    names, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = ada.client.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        names += [item["name"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert sorted(names) == [f"key {number}" for number in range(5)] and pages == 3


@pytest.mark.parametrize("cursor", ["x", "bm9uZQ", "WzEsMl0", "W3RydWUsImEiXQ", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LCJhIl0"])
def test_a_cursor_that_is_none_is_refused(ada: Person, cursor: str) -> None:
    answer = ada.client.get(PATH, params={"cursor": cursor})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "query.cursor"


def test_rates_are_told_and_kept(ada: Person, services: Services) -> None:
    quota = services.settings.tiers["free"].requests_per_minute
    first = ada.client.get(PATH)
    assert first.headers["RateLimit-Policy"] == f'"default";q={quota};w=60'
    assert first.headers["RateLimit"].startswith(f'"default";r={quota - 1};t=')
    answers = [ada.client.get(PATH).status_code for _ in range(quota)]
    assert answers[: quota - 1] == [200] * (quota - 1) and answers[-1] == 429
