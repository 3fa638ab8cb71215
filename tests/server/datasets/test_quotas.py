"""How many bytes a company may send."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from synthos.server.datasets.sweep import expire_uploads
from synthos.server.settings import GIB, Settings, Tier
from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock
from tests.server.datasets.conftest import Left
from tests.server.datasets.uploading import CSV, PATH, announce, swap, uploaded

DAY = 86_400


@pytest.fixture
def settings(settings: Settings) -> Settings:
    tiers = settings.tiers | {"free": Tier(bytes=3 * len(CSV))}
    return settings.model_copy(update={"tiers": tiers})


def ask(person: Person, size: int = len(CSV)) -> tuple[int, str, int]:
    """Status, reason, and seconds after which to try again."""
    fields = {"filename": "table.csv", "file_type": "csv", "file_size": size}
    answer = person.client.post(f"{PATH}/upload", json=fields)
    reason = answer.json().get("type", "").removeprefix("urn:synthos:problem:")
    return answer.status_code, reason, int(answer.headers.get("retry-after", 0))


def test_a_file_that_is_larger_than_ever_allowed_is_refused(ada: Person) -> None:
    assert ask(ada, 3 * len(CSV) + 1) == (413, "too-large", 0)
    assert ask(ada, 3 * len(CSV))[0] == 201


def test_a_company_sends_so_many_bytes_in_thirty_days(ada: Person, eve: Person, clock: StandingClock) -> None:
    uploaded(ada)
    clock.move(days=10)
    ada.log_in()
    uploaded(ada)
    announce(ada, CSV)  # counts as long as it may still come
    assert ask(ada) == (429, "quota-exceeded", 20 * DAY)
    eve.log_in()
    assert ask(eve)[0] == 201
    clock.move(days=20)
    ada.log_in()
    assert ask(ada)[0] == 201


@pytest.mark.usefixtures("ground")
def test_who_asks_at_once_gets_no_more(ada: Person) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = sorted(status for status, _, _ in threads.map(lambda _: ask(ada), range(8)))
    assert answers == [201] * 3 + [429] * 5


def test_what_was_refused_leaves_nothing(ada: Person, left: Left) -> None:
    for _ in range(3):
        uploaded(ada)
    before = left()
    assert ask(ada)[0] == 429
    assert left() == before
    assert len(ada.client.get(PATH).json()["items"]) == 3


def test_uploads_that_came_to_nothing_do_not_count(ada: Person, services: Services, clock: StandingClock) -> None:
    plans = [announce(ada, CSV) for _ in range(3)]
    ada.client.delete(f"{PATH}/{plans[0]['dataset_id']}")
    announce(ada, CSV)
    assert ask(ada)[0] == 429
    clock.move(hours=24)
    ada.log_in()
    assert expire_uploads(services) == 3
    for _ in range(3):
        assert ask(ada)[0] == 201


def test_deleting_what_was_sent_gives_no_bytes_back(ada: Person) -> None:
    sent = [uploaded(ada) for _ in range(3)]
    ada.client.delete(f"{PATH}/{sent[0]}")
    assert ask(ada)[0] == 429


def test_what_the_disk_does_not_hold_is_refused_and_leaves_nothing(ada: Person, services: Services, left: Left) -> None:
    free = shutil.disk_usage(services.settings.data_folder).free
    generous = {"tiers": {"free": Tier(bytes=free + GIB)}, "max_upload_bytes": free + GIB}
    swap(services, settings=services.settings.model_copy(update=generous))
    assert ask(ada, free)[:2] == (507, "storage-full")
    assert left() == []
    (item,) = ada.client.get(PATH).json()["items"]
    assert item["status"] == "expired"
    assert ask(ada, 1)[0] == 201
