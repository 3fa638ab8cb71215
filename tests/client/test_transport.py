from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from synthos.client import Client
from synthos.client.transport import ATTEMPTS, FIRST_WAIT
from synthos.client.uploads import file_type
from synthos.errors import ConfigError, RemoteError, SourceError
from synthos.server.datasets.formats import ENDINGS
from tests.client.conftest import LosesAnAnswer, Unreliable
from tests.server.conftest import Person, StandingClock


def away(retry_after: str | None = None) -> httpx2.Response:
    return httpx2.Response(503, headers={} if retry_after is None else {"Retry-After": retry_after})


def test_a_session_makes_a_key_that_works(url: str, log_in: Callable[[], Client]) -> None:
    with log_in() as client:
        key = client.create_api_key("ci", ["datasets:read"])
    with Client(url, api_key=key) as other, pytest.raises(RemoteError) as caught:
        other.create_api_key("more")
    assert caught.value.status == 403 and "api-keys:write" in str(caught.value)


def test_short_failures_are_borne_and_the_service_is_heeded(
    log_in: Callable[[], Client], network: Unreliable, waits: list[float]
) -> None:
    with log_in() as client:
        network.first = [away("7"), away("60"), httpx2.ConnectError("refused"), away()]
        assert client.create_api_key("ci").startswith("syn_")
    assert waits[:2] == [7.0, 60.0]
    assert 2 * FIRST_WAIT <= waits[2] <= 4 * FIRST_WAIT <= waits[3] <= 8 * FIRST_WAIT
    assert network.asked.count("POST /api/v1/api-keys") == 5


def test_what_is_still_at_work_is_waited_for_and_another_conflict_is_not(
    log_in: Callable[[], Client], network: Unreliable, waits: list[float]
) -> None:
    def conflict(reason: str) -> httpx2.Response:
        document = {"type": f"urn:synthos:problem:{reason}", "detail": "in the way"}
        return httpx2.Response(409, json=document, headers={"Content-Type": "application/problem+json"})

    with log_in() as client:
        network.first = [conflict("request-in-flight"), conflict("part-busy")]
        assert client.create_api_key("ci").startswith("syn_")
        assert len(waits) == 2
        for settled in ("email-taken", "outcome-unknown"):
            network.first = [conflict(settled)]
            with pytest.raises(RemoteError, match="in the way") as caught:
                client.create_api_key("ci")
            assert caught.value.reason == settled
    assert len(waits) == 2


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_the_client_sends_what_the_service_takes(ending: str) -> None:
    assert file_type(Path(f"table{ending}")) == ENDINGS[ending]


@pytest.mark.parametrize("name", ["table", "table.txt", "table.gz", "table.parquet.gz", "table.csv.bz2"])
def test_the_client_sends_nothing_that_the_service_does_not_take(name: str) -> None:
    with pytest.raises(SourceError, match="ending"):
        file_type(Path(name))


def test_a_service_that_asks_for_hours_is_not_waited_for(
    log_in: Callable[[], Client], network: Unreliable, waits: list[float]
) -> None:
    with log_in() as client:
        network.first = [away("3600")]
        with pytest.raises(RemoteError, match="503"):
            client.create_api_key("ci")
    assert waits == []


def test_what_was_sent_twice_is_carried_out_once(url: str, ada: Person) -> None:
    losing = LosesAnAnswer("POST /api/v1/api-keys")
    with Client.login(url, ada.email, ada.password, transport=losing, sleep=lambda seconds: None) as client:
        client.create_api_key("ci")
    assert losing.asked.count(losing.lost) == 2
    assert len(ada.client.get("/api/v1/api-keys").json()["items"]) == 1


def test_a_session_outlives_a_lost_answer(url: str, clock: StandingClock, ada: Person) -> None:
    losing = LosesAnAnswer("POST /api/v1/auth/refresh")
    with Client.login(url, ada.email, ada.password, transport=losing, sleep=lambda seconds: None) as client:
        for _ in range(2):  # the second time with what the first gave
            clock.move(minutes=16)
            assert client.create_api_key("ci").startswith("syn_")
    assert losing.asked.count(losing.lost) == 3


def test_what_goes_on_failing_is_told(log_in: Callable[[], Client], network: Unreliable) -> None:
    with log_in() as client:
        network.first = [httpx2.ConnectError("refused")] * ATTEMPTS
        with pytest.raises(RemoteError, match="no answer") as caught:
            client.create_api_key("ci")
        assert caught.value.status is None and caught.value.reason == "unreachable"
        network.first = [away()] * ATTEMPTS
        with pytest.raises(RemoteError, match="503"):
            client.create_api_key("ci")


def test_a_session_is_carried_on_when_its_token_expires(
    log_in: Callable[[], Client], clock: StandingClock, network: Unreliable
) -> None:
    with log_in() as client:
        clock.move(minutes=16)
        assert client.create_api_key("ci").startswith("syn_")
    assert network.asked[-3:] == ["POST /api/v1/api-keys", "POST /api/v1/auth/refresh", "POST /api/v1/api-keys"]


def test_errors_are_told_in_the_words_of_the_service(log_in: Callable[[], Client], waits: list[float]) -> None:
    with log_in() as client:
        with pytest.raises(RemoteError, match="there is no such validation") as caught:
            client.validation("val_unknown")
        assert (caught.value.status, caught.value.reason) == (404, "not-found")
        with pytest.raises(RemoteError, match=r"body\.expires_in_days"):
            client.create_api_key("ci", expires_in_days=-1)
    assert waits == []


def test_a_wrong_password_is_told(url: str, ada: Person) -> None:
    with pytest.raises(RemoteError, match="email or password is wrong"):
        Client.login(url, ada.email, "wrong")


@pytest.mark.parametrize("name", ["table.txt", "table", "table.gz", "table.parquet"])
def test_what_cannot_be_sent_is_told_before_anything_is_asked(
    tmp_path, log_in: Callable[[], Client], network: Unreliable, name: str
) -> None:
    if name != "table.parquet":
        (tmp_path / name).write_bytes(b"x")
    with log_in() as client:
        asked = len(network.asked)
        with pytest.raises(SourceError, match="file" if name == "table.parquet" else "ending"):
            client.upload(tmp_path / name)
    assert len(network.asked) == asked


def test_an_address_without_a_scheme_is_told() -> None:
    with pytest.raises(ConfigError, match="begin it with http://"):
        Client("127.0.0.1:8000")


def test_what_cannot_be_sent_is_told_by_what_it_is(log_in: Callable[[], Client], tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    with log_in() as client:
        for path, said in ((tmp_path, "is a folder"), (tmp_path / "empty.csv", "is empty"), (tmp_path / "x", "no")):
            with pytest.raises(SourceError, match=said):
                client.upload(path)
