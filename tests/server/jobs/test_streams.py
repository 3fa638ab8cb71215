"""Events as they happen, over both ways; who was cut off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from synthos.server.auth.scopes import Scope
from synthos.server.auth.tokens import Principal
from synthos.server.jobs import events, streams
from synthos.server.jobs.leases import finish, hold
from synthos.server.jobs.queue import Job
from synthos.server.state import Services
from tests.pipelines.waiting import wait_for
from tests.server.conftest import Person
from tests.server.jobs.queueing import put, take

JOBS = "/api/v1/jobs"


def steps(services: Services, job: Job, *done: int) -> None:
    for number in done:
        with services.database.write(None) as work:
            hold(work, job)
            events.append(work, job.id, job.company_id, "progress", {"stage": "scan", "done": number, "total": 9})


def ended(services: Services, job: Job) -> None:
    with services.database.write(None) as work:
        finish(work, job)


def parsed(text: str) -> list[dict[str, Any]]:
    """The messages of a stream of server-sent events."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            said = json.loads(fields["data"])
            assert (int(fields["id"]), fields["event"]) == (said["sequence"], said["event"])
            found.append(said)
    return found


def told(messages: list[dict[str, Any]]) -> list[Any]:
    return [said.get("status", said.get("done")) for said in messages]


@pytest.fixture
def job(services: Services, ada: Person) -> Job:
    put(services, ada)
    return take(services)


def test_a_stream_tells_everything_and_ends_with_the_job(services: Services, ada: Person, job: Job) -> None:
    steps(services, job, 1, 2)
    ended(services, job)
    answer = ada.client.get(f"{JOBS}/{job.id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    messages = parsed(answer.text)
    assert told(messages) == ["queued", "running", 1, 2, "succeeded"]
    assert [said["sequence"] for said in messages] == [1, 2, 3, 4, 5]
    assert messages[-1]["event"] == "end"


def test_who_was_cut_off_gets_what_it_has_not_seen(services: Services, ada: Person, job: Job) -> None:
    steps(services, job, 1, 2, 3)
    ended(services, job)
    rest = ada.client.get(f"{JOBS}/{job.id}/events", headers={"Last-Event-ID": "4"})
    assert told(parsed(rest.text)) == [3, "succeeded"]
    # A browser that has seen the end would ask again and again.
    assert ada.client.get(f"{JOBS}/{job.id}/events", headers={"Last-Event-ID": "6"}).status_code == 204
    assert ada.client.get(f"{JOBS}/{job.id}/events", headers={"Last-Event-ID": "none"}).status_code == 422


def test_a_long_story_is_told_to_its_end(services: Services, ada: Person, job: Job, monkeypatch: Any) -> None:
    monkeypatch.setattr(events, "MOST", 3)
    steps(services, job, *range(10))
    ended(services, job)
    assert told(parsed(ada.client.get(f"{JOBS}/{job.id}/events").text))[2:] == [*range(10), "succeeded"]


def test_events_arrive_while_the_job_runs(services: Services, ada: Person, job: Job) -> None:
    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(ada.client.get, f"{JOBS}/{job.id}/events")
        assert wait_for(lambda: streams._open[ada.user_id] == 1, 20)
        steps(services, job, 7)
        ended(services, job)
        assert told(parsed(listening.result(timeout=20).text)) == ["queued", "running", 7, "succeeded"]
    assert ada.user_id not in streams._open


def test_a_stream_ends_where_the_database_does_not_answer(
    services: Services, ada: Person, job: Job, outage: Callable[[], None]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(ada.client.get, f"{JOBS}/{job.id}/events")
        assert wait_for(lambda: streams._open[ada.user_id] == 1, 20)
        outage()
        assert told(parsed(listening.result(timeout=20).text)) in ([], ["queued", "running"])
    assert ada.user_id not in streams._open


def test_one_user_does_not_take_all_streams(services: Services, ada: Person, job: Job, monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 1)
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        socket.receive_json()
        assert ada.client.get(f"{JOBS}/{job.id}/events").status_code == 429


def test_all_users_together_do_not_take_the_whole_process(
    ada: Person, eve: Person, job: Job, stranger: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(streams, "MOST_OPEN", 2)
    monkeypatch.setattr(streams, "MOST_UNKNOWN", 1)
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        socket.receive_json()
        with stranger.websocket_connect(f"{JOBS}/{job.id}/ws"):  # has not said who it is
            with stranger.websocket_connect(f"{JOBS}/{job.id}/ws") as another:
                assert closed(another) == 4429
            assert ada.client.get(f"{JOBS}/{job.id}/events").status_code == 429
        assert ada.client.get(f"{JOBS}/{job.id}").status_code == 200


def test_a_stream_that_lasts_too_long_is_to_be_resumed(
    services: Services, ada: Person, job: Job, monkeypatch: Any
) -> None:
    monkeypatch.setattr(streams, "MOST_SECONDS", 0.1)
    assert told(parsed(ada.client.get(f"{JOBS}/{job.id}/events").text)) == ["queued", "running"]
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        assert closed(socket, 2) == streams.RESUME


def closed(socket: Any, messages: int = 0) -> int:
    """The code that the socket is closed with after so many messages."""
    for _ in range(messages):
        socket.receive_json()
    with pytest.raises(WebSocketDisconnect) as caught:
        socket.receive_json()
    return int(caught.value.code)


def test_a_socket_tells_the_same(services: Services, ada: Person, job: Job) -> None:
    steps(services, job, 1)
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws?last_event_id=1") as socket:
        first = [socket.receive_json() for _ in range(2)]
        ended(services, job)
        last = socket.receive_json()
        assert closed(socket) == streams.ENDED
    assert told([*first, last]) == ["running", 1, "succeeded"]
    assert [*first, last] == parsed(ada.client.get(f"{JOBS}/{job.id}/events").text)[1:]


def test_a_socket_gives_signs_of_life(services: Services, ada: Person, job: Job, monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        assert [socket.receive_json()["event"] for _ in range(3)] == ["status", "status", "heartbeat"]


@pytest.fixture
def stranger(ada: Person) -> Any:
    """A client that says nothing of who it is."""
    from fastapi.testclient import TestClient

    return TestClient(ada.client.app)


def test_who_asks_may_be_said_in_the_first_message(services: Services, ada: Person, job: Job, stranger: Any) -> None:
    ended(services, job)
    with stranger.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        socket.send_json({"access_token": services.tokens.issue(ada.principal)})
        assert closed(socket, 3) == streams.ENDED


@pytest.mark.parametrize("said", ['{"access_token": "no"}', '{"access_token": 3}', "[]", "{", '"' + "x" * 9_000 + '"'])
def test_who_does_not_say_who_it_is_hears_nothing(job: Job, stranger: Any, said: str) -> None:
    with stranger.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        socket.send_text(said)
        assert closed(socket) == 4401


def test_who_says_nothing_is_not_waited_for(job: Job, stranger: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "PATIENCE", 0.05)
    with stranger.websocket_connect(f"{JOBS}/{job.id}/ws") as socket:
        assert closed(socket) == 4401
    with stranger.websocket_connect(f"{JOBS}/{job.id}/ws", headers={"Authorization": "Bearer x"}) as socket:
        assert closed(socket) == 4401


def test_the_jobs_of_others_and_none_at_all_look_alike(ada: Person, eve: Person, job: Job) -> None:
    for client, name in ((eve.client, job.id), (ada.client, "job_none")):
        with client.websocket_connect(f"{JOBS}/{name}/ws") as socket:
            assert closed(socket) == 4404
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws?last_event_id=-1") as socket:
        assert closed(socket) == 4422


def test_a_key_without_the_scope_hears_nothing(services: Services, ada: Person, job: Job) -> None:
    from synthos.server.api_keys import service

    scopes: list[Scope] = ["datasets:read"]
    _, secret = service.create(services, Principal(ada.user_id, ada.company_id, "free"), "key", scopes, None)
    headers = {"X-API-Key": secret, "Authorization": ""}
    with ada.client.websocket_connect(f"{JOBS}/{job.id}/ws", headers=headers) as socket:
        assert closed(socket) == 4403
