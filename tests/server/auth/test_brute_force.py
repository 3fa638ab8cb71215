"""Guessing is counted by all replicas together, and where nobody can count, nobody logs in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from pydantic import SecretStr

from synthos.server.app import create_app
from synthos.server.auth.guard import client_address
from synthos.server.breaker import FAILURES
from synthos.server.errors import UnavailableError
from synthos.server.rate_limits import RateLimits
from synthos.server.redis_pool import open_pool
from synthos.server.settings import Settings
from synthos.server.state import Services
from tests.server.conftest import Person
from tests.server.datasets.uploading import swap

ATTEMPTS = 4


def count_with(services: Services, port: int) -> Settings:
    url = SecretStr(f"redis://127.0.0.1:{port}/0")
    update = {"redis_url": url, "call_seconds": 0.5}
    return services.settings.model_copy(update=update)


@pytest.fixture
def replicas(services: Services, redis: Any) -> Iterator[list[TestClient]]:
    """Two processes' worth of the service, which share the database and a Redis."""
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            settings = count_with(services, redis.port)
            own = type(services)(
                **{name: getattr(services, name) for name in services.__slots__}
                | {"settings": settings, "limits": RateLimits(ATTEMPTS, open_pool(settings))}
            )
            app = create_app(services=own)
            clients.append(stack.enter_context(TestClient(app, raise_server_exceptions=False)))
        yield clients


def attempt(client: TestClient, email: str, password: str = "guess") -> int:
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code not in (429, 503) or int(answer.headers["Retry-After"]) >= 1
    return answer.status_code


@pytest.mark.slow
def test_guesses_are_counted_by_all_replicas_together(replicas: list[TestClient], ada: Person) -> None:
    answers = [attempt(replicas[number % 2], ada.email) for number in range(ATTEMPTS + 2)]
    assert answers == [401] * ATTEMPTS + [429] * 2
    assert [attempt(client, ada.email, ada.password) for client in replicas] == [429, 429]


def test_requests_are_counted_by_all_replicas_together(replicas: list[TestClient], ada: Person) -> None:
    headers = {"Authorization": str(ada.client.headers["Authorization"])}
    left = [client.get("/api/v1/jobs", headers=headers).headers["RateLimit"].split(";")[1] for client in replicas * 2]
    assert left == ["r=99", "r=98", "r=97", "r=96"]


@pytest.mark.slow
def test_nobody_logs_in_while_nobody_counts(replicas: list[TestClient], ada: Person, redis: Any) -> None:
    client = replicas[0]
    assert attempt(client, ada.email, ada.password) == 200
    redis.shutdown(nosave=True)
    assert attempt(client, ada.email, ada.password) == 503
    new = {"email": "b@example.com", "password": "long enough", "company_name": "B", "full_name": "B"}
    assert client.post("/api/v1/auth/register", json=new).status_code == 503
    # Who is logged in already goes on, uncounted; and the service says that something is amiss.
    headers = {"Authorization": str(ada.client.headers["Authorization"])}
    answer = client.get("/api/v1/jobs", headers=headers)
    assert answer.status_code == 200 and "RateLimit" not in answer.headers
    ready = client.get("/readyz")
    assert ready.status_code == 200 and ready.json()["checks"]["rate_limits"] is False


def test_a_redis_that_says_nothing_is_left_alone_for_a_while(settings: Settings) -> None:
    """Requests go on, uncounted, and after some failures nobody waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = SecretStr(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        pool = open_pool(settings.model_copy(update={"redis_url": url, "call_seconds": 0.05}))
        limits = RateLimits(ATTEMPTS, pool)
        for _ in range(FAILURES):
            assert asyncio.run(limits.request("ada", 10)) is None
        assert _callers(silent) > 0
        for _ in range(3):
            assert asyncio.run(limits.request("ada", 10)) is None
        with pytest.raises(UnavailableError):
            asyncio.run(limits.login("ada"))
        assert _callers(silent) == 0


def _callers(server: socket.socket) -> int:
    server.setblocking(False)
    found = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            found += 1
    return found


def test_a_spelling_of_the_email_gives_no_more_guesses(services: Services, person: Callable[[], Person]) -> None:
    ada = person()
    swap(services, limits=RateLimits(ATTEMPTS, None))
    client = TestClient(create_app(services=services))
    spelled = [ada.email, ada.email.upper(), ada.email.title(), ada.email.swapcase(), ada.email.capitalize()]
    assert [attempt(client, email) for email in spelled] == [401] * ATTEMPTS + [429]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted"),
    [
        ((), ["9.9.9.9"], "testclient"),
        (("testclient",), [], "testclient"),
        (("testclient",), ["nonsense"], "testclient"),
        (("testclient",), ["9.9.9.9"], "9.9.9.9"),
        (("testclient",), ["1.1.1.1, 9.9.9.9"], "9.9.9.9"),
        (("testclient",), ["1.1.1.1", "9.9.9.9"], "9.9.9.9"),
        (("testclient", "10.0.0.1"), ["1.1.1.1, 9.9.9.9, 10.0.0.1"], "9.9.9.9"),
        (("testclient",), ["2001:db8:0::1"], "2001:db8::1"),
    ],
)
def test_an_address_is_what_a_trusted_proxy_saw(
    services: Services, trusted: tuple[str, ...], forwarded: list[str], counted: str
) -> None:
    swap(services, settings=services.settings.model_copy(update={"trusted_proxies": trusted}))
    app = create_app(services=services)

    def told(request: Request) -> str:
        return client_address(request)

    app.add_api_route("/address", told)
    headers = [("X-Forwarded-For", value) for value in forwarded]
    with TestClient(app) as client:
        assert client.get("/address", headers=headers).json() == counted
