"""Documents that all replicas read once: never to those who may not see them, never after they are gone."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from synthos.server.app import create_app
from synthos.server.breaker import FAILURES
from synthos.server.cache import KEPT_SECONDS, LARGEST, Cache
from synthos.server.datasets.sweep import expire_uploads
from synthos.server.errors import NotFoundError
from synthos.server.keys import Keys
from synthos.server.redis_pool import open_pool
from synthos.server.settings import Settings
from synthos.server.state import Services
from synthos.server.validations import places
from tests.server.conftest import Person
from tests.server.datasets.test_datasets import validation
from tests.server.datasets.uploading import ready, swap

KEYS = Keys("j" * 40, "t" * 40)
PLACE = "validations/val_1/validation.json"


def cache_of(settings: Settings, port: int, keys: Keys = KEYS) -> Cache:
    url = SecretStr(f"redis://127.0.0.1:{port}/0")
    return Cache(open_pool(settings.model_copy(update={"redis_url": url, "call_seconds": 0.2})), keys)


class Shelf:
    """A storage that counts how often it is read."""

    def __init__(self, content: bytes = b"found") -> None:
        self.content, self.read = content, 0

    def __call__(self, key: str) -> bytes:
        self.read += 1
        return self.content


@pytest.mark.slow
def test_what_one_replica_has_read_no_other_reads_again(settings: Settings, redis: Any) -> None:
    shelf, replicas = Shelf(), [cache_of(settings, redis.port) for _ in range(2)]
    assert [replica.read(PLACE, shelf) for replica in replicas * 2] == [b"found"] * 4
    assert shelf.read == 1
    (name,) = redis.keys("*")
    assert 0 < redis.ttl(name) <= KEPT_SECONDS
    replicas[0].forget(PLACE, "validations/val_1/report.html")
    assert replicas[1].read(PLACE, shelf) == b"found" and shelf.read == 2


@pytest.mark.slow
def test_what_somebody_else_wrote_is_not_believed(settings: Settings, redis: Any) -> None:
    shelf, cache = Shelf(), cache_of(settings, redis.port)
    cache.read(PLACE, shelf)
    (name,) = redis.keys("*")
    whole = redis.get(name)
    for planted in (b"", b"short", whole[:-1] + b"?", whole[:32] + b"planted"):
        redis.set(name, planted)
        assert cache.read(PLACE, shelf) == b"found"
    other = name.replace(b"val_1", b"val_2")
    redis.set(other, whole)
    assert cache.read(other.decode().removeprefix("synthos:document:"), Shelf(b"its own")) == b"its own"
    stranger = cache_of(settings, redis.port, Keys("j" * 40, "another" * 8))
    stranger.read(PLACE, Shelf(b"theirs"))
    assert cache.read(PLACE, shelf) == b"found"


@pytest.mark.slow
def test_large_documents_and_errors_are_not_kept(settings: Settings, redis: Any) -> None:
    cache, large = cache_of(settings, redis.port), Shelf(b"x" * (LARGEST + 1))

    def missing(key: str) -> bytes:
        raise NotFoundError(key)

    for _ in range(2):
        assert cache.read("large", large) == large.content
        with pytest.raises(NotFoundError):
            cache.read("missing", missing)
    assert large.read == 2 and redis.keys("*") == []


def test_where_redis_says_nothing_documents_come_from_the_storage(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache, shelf = cache_of(settings, silent.getsockname()[1]), Shelf()
        for _ in range(FAILURES):
            assert cache.read(PLACE, shelf) == b"found"
        cache.forget(PLACE)
        assert shelf.read == FAILURES


def test_without_redis_nothing_is_kept() -> None:
    cache, shelf = Cache(None, KEYS), Shelf()
    assert [cache.read(PLACE, shelf) for _ in range(2)] == [b"found"] * 2
    cache.forget(PLACE)
    assert shelf.read == 2


@pytest.mark.slow
def test_a_kept_profile_is_shown_to_its_company_alone_and_goes_with_its_table(
    services: Services, settings: Settings, redis: Any, ada: Person, eve: Person
) -> None:
    swap(services, cache=cache_of(settings, redis.port, services.keys))
    client = TestClient(create_app(services=services))
    dataset = ready(services, ada)
    path = f"/api/v1/datasets/{dataset}/profile"

    def ask(person: Person) -> int:
        headers = {"Authorization": str(person.client.headers["Authorization"])}
        return int(client.get(path, headers=headers).status_code)

    assert (ask(ada), ask(ada)) == (200, 200) and len(redis.keys("synthos:document:*")) == 1
    assert ask(eve) == 404
    assert ada.client.delete(f"/api/v1/datasets/{dataset}").status_code == 200
    assert ask(ada) == 404 and redis.keys("synthos:document:*") == []


@pytest.mark.slow
def test_kept_reports_go_when_the_sweep_removes_them(
    services: Services, settings: Settings, redis: Any, ada: Person
) -> None:
    swap(services, cache=cache_of(settings, redis.port, services.keys))
    dataset = ready(services, ada)
    made = validation(services, ada, "reference_id", dataset, "completed")
    for place in (places.document(made), places.page(made)):
        services.storage.put(place, b"{}")
    for asked in ("json", "html"):
        assert ada.client.get(f"/api/v1/validations/{made}/report", params={"format": asked}).status_code == 200
    assert len(redis.keys("synthos:document:*")) == 2
    assert ada.client.delete(f"/api/v1/datasets/{dataset}").status_code == 200
    expire_uploads(services)
    assert redis.keys("synthos:document:*") == []
