from __future__ import annotations

from datetime import timedelta

import pytest

from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock
from tests.server.rows import dataset, validation

USAGE, HISTORY = "/api/v1/analytics/usage", "/api/v1/analytics/validation-history"


def test_nothing_was_used_at_first(ada: Person) -> None:
    answer = ada.client.get(USAGE).json()
    assert answer["validations"] == {"used": 0, "limit": 100, "left": 100}
    assert answer["datasets"] == 0 and answer["average_risk_score"] is None
    assert ada.client.get(HISTORY).json() == {"items": [], "next_cursor": None, "trend": []}


def test_what_was_used_in_thirty_days_is_counted(
    services: Services, ada: Person, eve: Person, clock: StandingClock
) -> None:
    table = dataset(services, ada)
    dataset(services, ada, status="deleted")
    validation(services, ada, table, risk_score=10.0)
    validation(services, ada, table, risk_score=40.0)
    validation(services, ada, table, status="failed", risk_score=None)
    validation(services, ada, table, at=clock.now - timedelta(days=31), risk_score=99.0)
    validation(services, eve, dataset(services, eve))
    answer = ada.client.get(USAGE).json()
    assert answer["validations"]["used"] == 3 and answer["validations"]["left"] == 97
    # What was sent counts, as it does where a new upload is announced, also when it was deleted since.
    assert answer["rows"]["used"] == 6_000 and answer["bytes"]["used"] == 8_000 and answer["datasets"] == 1
    assert answer["validations_by_status"] == {"completed": 2, "failed": 1}
    assert answer["average_risk_score"] == 25.0
    assert (answer["period_start"], answer["period_end"]) == ("2029-12-02T12:00:00.000Z", "2030-01-01T12:00:00.000Z")


def test_history_has_what_was_completed_newest_first_and_its_trend(
    services: Services, ada: Person, eve: Person, clock: StandingClock
) -> None:
    table = dataset(services, ada)
    ids = [
        validation(services, ada, table, at=clock.now - timedelta(days=days), risk_score=risk)
        for days, risk in ((2, 10.0), (1, 20.0), (1, 40.0))
    ]
    validation(services, ada, table, status="failed", risk_score=None)
    validation(services, eve, dataset(services, eve))
    answer = ada.client.get(HISTORY).json()
    assert {item["validation_id"] for item in answer["items"]} == set(ids)
    assert [item["risk_score"] for item in answer["items"]][-1] == 10.0
    assert answer["trend"] == [
        {"date": "2029-12-30", "validations": 1, "average_risk_score": 10.0},
        {"date": "2029-12-31", "validations": 2, "average_risk_score": 30.0},
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"risk_level": "high"}, [80.0]),
        ({"since": "2029-12-31T00:00:00Z"}, [80.0]),
        ({"until": "2029-12-31T00:00:00Z"}, [10.0]),
        ({"since": "2029-12-31T13:00:00+01:00", "until": "2029-12-31T12:00:00Z"}, []),
        ({"limit": 1}, [80.0]),
    ],
)
def test_history_is_cut_by_time_level_and_page(
    services: Services, ada: Person, clock: StandingClock, asked: dict[str, str], found: list[float]
) -> None:
    table = dataset(services, ada)
    validation(services, ada, table, at=clock.now - timedelta(days=2))
    validation(services, ada, table, at=clock.now - timedelta(days=1), risk_score=80.0, risk_level="high")
    answer = ada.client.get(HISTORY, params=asked).json()
    assert [item["risk_score"] for item in answer["items"]] == found
    assert (answer["next_cursor"] is not None) == ("limit" in asked)


def test_a_time_without_a_zone_is_refused(ada: Person) -> None:
    answer = ada.client.get(HISTORY, params={"since": "2029-12-31T00:00:00"})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "query.since"
