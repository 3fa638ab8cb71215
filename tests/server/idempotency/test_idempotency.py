from __future__ import annotations

import asyncio
import hashlib
import threading

import httpx2
import pytest
from fastapi import Response
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from sqlalchemy import select

from synthos.server.db.tables import idempotency_keys
from synthos.server.errors import ConflictError, UnavailableError
from synthos.server.idempotency.route import once
from synthos.server.idempotency.store import Answers, Asked
from synthos.server.state import Services
from synthos.server.tasks import in_thread, to_the_end
from tests.server.conftest import Person, StandingClock

PATH = "/api/v1/api-keys"
ONCE = {"Idempotency-Key": "one"}


def reason(answer: httpx2.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def test_the_same_request_is_carried_out_once(ada: Person) -> None:
    first, second = (ada.client.post(PATH, json={"name": "ci"}, headers=ONCE) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.content == second.content and first.json()["key"]
    assert "Idempotent-Replayed" not in first.headers and second.headers["Idempotent-Replayed"] == "true"
    assert len(ada.client.get(PATH).json()["items"]) == 1


def test_another_request_under_the_same_key_is_refused(ada: Person) -> None:
    ada.client.post(PATH, json={"name": "ci"}, headers=ONCE)
    answer = ada.client.post(PATH, json={"name": "other"}, headers=ONCE)
    assert answer.status_code == 422 and answer.json()["type"].endswith("idempotency-key")


def test_keys_of_different_users_do_not_meet(ada: Person, eve: Person) -> None:
    made = [person.client.post(PATH, json={"name": "ci"}, headers=ONCE).json()["key_id"] for person in (ada, eve)]
    assert made[0] != made[1]


def test_a_request_that_is_being_carried_out_is_told_so(ada: Person, services: Services) -> None:
    body = b'{"name":"ci"}'
    services.answers.begin(Asked(ada.user_id, "one", f"POST {PATH}", body))
    headers = ONCE | {"Content-Type": "application/json"}
    assert ada.client.post(PATH, content=body, headers=headers).status_code == 409


def test_one_that_never_came_to_an_end_is_carried_out_under_another_key_alone(
    ada: Person, services: Services, clock: StandingClock
) -> None:
    body = b'{"name":"ci"}'
    services.answers.begin(Asked(ada.user_id, "one", f"POST {PATH}", body))
    clock.move(minutes=5)
    headers = ONCE | {"Content-Type": "application/json"}
    lost = ada.client.post(PATH, content=body, headers=headers)
    assert (lost.status_code, reason(lost)) == (409, "outcome-unknown")
    assert ada.client.get(PATH).json()["items"] == []
    assert ada.client.post(PATH, content=body, headers=headers | {"Idempotency-Key": "two"}).status_code == 201


def test_what_failed_may_be_sent_again_under_its_key(ada: Person) -> None:
    assert ada.client.post(PATH, json={"name": ""}, headers=ONCE).status_code == 422
    assert ada.client.post(PATH, json={"name": "ci"}, headers=ONCE).status_code == 201


def test_what_was_done_is_not_done_again_where_its_answer_was_not_kept(
    ada: Person, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise UnavailableError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(Answers, "keep", away)
        assert ada.client.post(PATH, json={"name": "ci"}, headers=ONCE).status_code == 503
    for moved, told in ((0, "request-in-flight"), (5, "outcome-unknown"), (23 * 60, "outcome-unknown")):
        clock.move(minutes=moved)
        ada.log_in()
        again = ada.client.post(PATH, json={"name": "ci"}, headers=ONCE)
        assert (again.status_code, reason(again)) == (409, told)
    assert len(ada.client.get(PATH).json()["items"]) == 1


def test_a_request_whose_client_has_gone_is_carried_out_and_answered_when_asked_again(
    ada: Person, services: Services
) -> None:
    body = b'{"name":"ci"}'
    asked = Asked(ada.user_id, "one", f"POST {PATH}", body)
    begun, go = threading.Event(), threading.Event()

    async def carry_out() -> Response:
        await in_thread(lambda: (begun.set(), go.wait(30)))
        return JSONResponse({"name": "ci"}, 201)

    async def gone() -> None:
        task = asyncio.create_task(to_the_end(once(services, asked, carry_out)))
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConflictError):
            services.answers.begin(asked)
        go.set()
        async with asyncio.timeout(30):
            while True:
                try:
                    kept = services.answers.begin(asked)
                except ConflictError:
                    await asyncio.sleep(0)
                else:
                    break
        assert kept is not None and kept.status == 201

    asyncio.run(gone())


def test_after_a_day_a_key_is_free_again(ada: Person, clock: StandingClock, services: Services) -> None:
    first = ada.client.post(PATH, json={"name": "ci"}, headers=ONCE)
    clock.move(hours=24)
    token = services.tokens.issue(ada.principal)
    again = ada.client.post(PATH, json={"name": "ci"}, headers=ONCE | {"Authorization": f"Bearer {token}"})
    assert again.json()["key_id"] != first.json()["key_id"]
    clock.move(hours=24)
    assert services.answers.sweep() == 1


def test_stored_answers_cannot_be_read(ada: Person, services: Services) -> None:
    secret = ada.client.post(PATH, json={"name": "ci"}, headers=ONCE).json()["key"]
    with services.database.read(None) as work:
        stored = work.one(select(idempotency_keys))
    assert stored is not None and stored.body and secret not in str(stored)


def test_nothing_is_kept_against_which_a_password_could_be_guessed(client: TestClient, services: Services) -> None:
    body = b'{"email":"a@example.com","password":"long enough","company_name":"A","full_name":"A"}'
    path = "/api/v1/auth/register"
    headers = ONCE | {"Content-Type": "application/json"}
    assert client.post(path, content=body, headers=headers).status_code == 201
    with services.database.read(None) as work:
        (row,) = work.all(select(idempotency_keys))
    asked = f"POST {path}".encode()
    guesses = {hashlib.sha256(start + body).hexdigest() for start in (b"", asked, asked + b"\0")}
    assert row.body_digest not in guesses


def test_accounts_are_made_once_too(client: TestClient) -> None:
    new = {"email": "a@example.com", "password": "long enough", "company_name": "A", "full_name": "A"}
    made = [client.post("/api/v1/auth/register", json=new, headers=ONCE) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201] and made[0].json() == made[1].json()


def test_a_key_that_cannot_be_one_is_refused(ada: Person) -> None:
    answer = ada.client.post(PATH, json={"name": "ci"}, headers={"Idempotency-Key": "a b"})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "header.Idempotency-Key"
