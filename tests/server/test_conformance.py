"""A fuzzer holds the service to its OpenAPI document: no 500, no status or answer that the document does not know.

The same examples in every run. Half of them name things that are there, so that the routes get to their work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from synthos.server.api_keys import service as api_keys
from synthos.server.app import create_app
from synthos.server.db.database import Database
from synthos.server.db.migrate import migrate
from synthos.server.jobs import streams
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services, build
from synthos.server.validations.documents import Document
from tests.server.conftest import Person, StandingClock
from tests.server.postgres import fresh_database
from tests.server.routes import OPEN, settle

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Examples of each operation that its schema takes, and that it does not.
GOOD, BAD = 10, 6
#: Each of their examples hashes a password.
SLOW = {"/api/v1/auth/register", "/api/v1/auth/login"}

pytestmark = pytest.mark.slow


class World(NamedTuple):
    """A service with somebody who has one of everything, and ways to ask it."""

    services: Services
    schema: Any
    ids: dict[str, str]
    headers: dict[str, dict[str, str]]
    client: TestClient


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, quick_document: Document
) -> Iterator[World]:
    much = 10**6
    url = None if request.param == "sqlite" else fresh_database(request.getfixturevalue("postgres"))
    settings = Settings(
        data_folder=tmp_path_factory.mktemp("fuzzed"),
        database_url=url,
        tiers={"free": Tier(requests_per_minute=much, validations=much)},
        logins_per_minute=much,
        refreshes_per_minute=much,
    )
    database = Database(settings.database, clock=StandingClock())
    migrate(database)
    services = build(settings, database)
    owner = Person(services, "owner")
    ids = settle(services, owner, quick_document)
    _, key = api_keys.create(services, owner.principal, "all", sorted(owner.principal.scopes), None)
    token = {"Authorization": str(owner.client.headers["Authorization"])}
    headers: dict[str, dict[str, str]] = {"token": token, "key": {"X-API-Key": key}, "nobody": {}}
    app = create_app(services=services)
    with TestClient(app, raise_server_exceptions=False) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "MOST_SECONDS", 0.0)
        yield World(services, schemathesis.openapi.from_dict(app.openapi()), ids, headers, client)
    services.close()


def named(value: Any, ids: dict[str, str]) -> Any:
    """``value`` with what is there in its fields for identifiers."""
    if not isinstance(value, dict):
        return value
    known = {
        name: found for name in value for place, found in ids.items() if name == place or name.endswith(f"_{place}")
    }
    return value | known


def fuzzed(world: World, operation: Any, mode: GenerationMode, headers: dict[str, str], most: int) -> set[int]:
    """Send examples of one operation, and judge every answer; the statuses that there were."""
    seen: set[int] = set()

    @examples(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
    def run(case: Any, there: bool) -> None:
        if there:
            if case.path_parameters:
                case.path_parameters = named(case.path_parameters, world.ids)
            case.body = named(case.body, world.ids)
        kwargs = case.as_transport_kwargs(base_url="http://testserver")
        asked = {name: value for name, value in kwargs["headers"].items() if name.lower() not in _WHO}
        kwargs["headers"] = asked | headers
        made = requests.Request(**{name: kwargs[name] for name in kwargs if name in _OF_REQUEST}).prepare()
        address = urlsplit(str(made.url))
        path = address.path + (f"?{address.query}" if address.query else "")
        raw = [(name.encode(), _bytes_of(value)) for name, value in made.headers.items()]
        answer = world.client.request(str(made.method), path, content=made.body or b"", headers=raw)
        seen.add(answer.status_code)
        untouched = not there and len(asked) == len(case.headers or {})
        case.validate_response(answer, checks=[*CHECKS, negative_data_rejection] if untouched else CHECKS)
        assert answer.headers["X-Request-ID"] and answer.headers["X-Content-Type-Options"] == "nosniff"

    run()
    return seen


def _bytes_of(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8")


#: Headers that say who asks, which are the test's.
_WHO = {"authorization", "x-api-key"}
_OF_REQUEST = {"method", "url", "headers", "files", "data", "params", "cookies", "json"}


def every_operation(world: World) -> list[Any]:
    """Those that end or remove something come last."""
    found = [result.ok() for result in world.schema.get_all_operations()]
    return sorted(found, key=lambda operation: (operation.method == "delete", "cancel" in operation.path))


def judged(world: World, run: Callable[[Any], None]) -> None:
    failures = []
    for operation in every_operation(world):
        try:
            run(operation)
        except (AssertionError, ExceptionGroup) as error:
            failures.append(f"{operation.label}: {error}\n{getattr(error, '__notes__', '')}")
    assert not failures, "\n\n".join(failures)


def test_answers_are_what_the_document_says(world: World) -> None:
    """One database is asked with an access token, the other with an API key."""
    headers = world.headers["token" if world.services.database.is_sqlite else "key"]

    answered: set[str] = set()

    def run(operation: Any) -> None:
        good, bad = (2, 2) if operation.path in SLOW else (GOOD, BAD)
        if min(fuzzed(world, operation, GenerationMode.POSITIVE, headers, good)) < 300:
            answered.add(operation.label)
        with suppress(Unsatisfiable):  # there is nothing about it that could be wrong
            fuzzed(world, operation, GenerationMode.NEGATIVE, headers, bad)

    judged(world, run)
    assert len(answered) >= 20, answered  # it has got behind the doors


def test_strangers_are_told_as_the_document_says(world: World) -> None:
    def run(operation: Any) -> None:
        if operation.path not in OPEN:
            fuzzed(world, operation, GenerationMode.POSITIVE, world.headers["nobody"], 2)

    judged(world, run)
