"""What operators see: the figures of the database, and the machines of the workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from prometheus_client import generate_latest

from synthos.server.jobs import workers
from synthos.server.jobs.machine import Amount, Machine
from synthos.server.jobs.metrics import registry_of
from synthos.server.state import Services
from tests.server import rows
from tests.server.conftest import Person, StandingClock
from tests.server.jobs.queueing import put, take

STATUS = "/api/v1/resources/status"


def told(services: Services) -> dict[str, float]:
    """The samples by name and labels."""
    text = generate_latest(registry_of(services.database)).decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_the_queue_is_told_by_kind_with_how_long_jobs_waited(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    put(services, ada, priority=10)
    put(services, ada, kind="validation", subject="val_1", priority=5)
    for _ in range(3):
        put(services, ada)
    clock.move(seconds=4)
    take(services)
    clock.move(seconds=16)
    take(services)
    found = told(services)
    assert found['jobs_queued{kind="ingest"}'] == 3
    assert 'jobs_queued{kind="validation"}' not in found
    assert (found["job_wait_seconds_count"], found["job_wait_seconds_sum"]) == (2, 24)
    buckets = [found[f'job_wait_seconds_bucket{{le="{bound}"}}'] for bound in ("2.0", "5.0", "15.0", "60.0", "+Inf")]
    assert buckets == [0, 1, 1, 2, 2]


def test_validations_and_datasets_are_told(services: Services, ada: Person, eve: Person, clock: StandingClock) -> None:
    first, second = (rows.dataset(services, owner, row_count=1_000) for owner in (ada, eve))
    rows.dataset(services, eve, status="uploading", row_count=None)
    later = clock.now + timedelta(seconds=50)
    results = {"dimensions": {"diversity_retention": {"score": 80.0}}}
    rows.validation(services, ada, first, risk_score=20.0, completed_at=later, results=results)
    rows.validation(services, eve, second, risk_score=40.0, completed_at=later, results={"dimensions": {}}, kind="full")
    rows.validation(services, ada, first, status="failed", risk_score=None, results=None)
    found = told(services)
    assert (found['datasets_total{status="ready"}'], found['datasets_total{status="uploading"}']) == (2, 1)
    assert found["dataset_rows_processed"] == 2_000
    assert (found['validations_total{status="completed"}'], found['validations_total{status="failed"}']) == (2, 1)
    assert (found["collapse_score"], found["diversity_score"]) == (30, 80)
    for kind in ("quick", "full"):
        assert found[f'validation_duration_seconds_count{{kind="{kind}"}}'] == 1
        assert found[f'validation_duration_seconds_sum{{kind="{kind}"}}'] == 50
        assert found[f'validation_duration_seconds_bucket{{kind="{kind}",le="60.0"}}'] == 1
        assert found[f'validation_duration_seconds_bucket{{kind="{kind}",le="30.0"}}'] == 0


def test_an_empty_service_has_figures_and_metrics_show_them(services: Services, ada: Person) -> None:
    found = told(services)
    assert (found["dataset_rows_processed"], found["job_wait_seconds_count"]) == (0, 0)
    assert "collapse_score" not in found
    text = ada.client.get("/metrics").text
    assert "dataset_rows_processed 0.0" in text and "http_requests_total" in text


def test_without_the_database_there_are_no_figures_and_what_was_counted_here_is_told(
    services: Services, ada: Person, outage: Callable[[], None]
) -> None:
    outage()
    answer = ada.client.get("/metrics")
    assert answer.status_code == 200
    assert "http_requests_total" in answer.text and "dataset_rows_processed" not in answer.text


MACHINE = Machine(Amount(4.0, 1.0), Amount(1_000.0, 900.0), Amount(1.0, 0.25))


def beat(services: Services, worker: str, host: str, machine: Machine = MACHINE) -> None:
    """A worker's sign of life."""
    started = services.database.clock()
    told = {"host": host, "pid": 1, "capacity": 2, "machine": machine, "started_at": started}
    workers.beat(services.database, worker, **told)


def test_machines_are_counted_once_and_a_share_of_each_is_kept_free(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    beat(services, "wrk_a", "one")
    clock.move(seconds=1)
    beat(services, "wrk_b", "one", Machine(Amount(4.0, 3.0), MACHINE.memory, MACHINE.gpu))
    beat(services, "wrk_c", "two")
    for _ in range(3):
        put(services, ada)
    take(services, "wrk_a")
    found = ada.client.get(STATUS).json()
    assert found["headroom"] == 0.2
    assert found["cpu"] == {"total": 8, "in_use": 4, "kept_free": 1.6, "available": 2.4}
    assert found["memory"] == {"total": 2_000, "in_use": 1_800, "kept_free": 400, "available": 0}
    assert found["gpu"] == {"total": 2, "in_use": 0.5, "kept_free": 0.4, "available": 1.1}
    assert (found["workers"]["total"], found["workers"]["capacity"], found["workers"]["running"]) == (3, 6, 1)
    assert found["queue"] == {"queued": 2, "running": 1}
    assert {item["worker_id"]: item["running"] for item in found["workers"]["items"]}["wrk_a"] == 1


@pytest.mark.parametrize("jump", [10.0, -10.0])
def test_workers_that_are_silent_or_ahead_of_the_clock_do_not_count(
    services: Services, ada: Person, clock: StandingClock, jump: float
) -> None:
    beat(services, "wrk_a", "one")
    clock.move(minutes=jump)
    assert ada.client.get(STATUS).json()["workers"]["total"] == 0
    beat(services, "wrk_a", "one")
    assert ada.client.get(STATUS).json()["workers"]["total"] == 1
    workers.leave(services.database, "wrk_a")
    found = ada.client.get(STATUS).json()
    assert (found["workers"]["items"], found["cpu"]["total"]) == ([], 0)


def test_workers_that_died_long_ago_are_forgotten(services: Services, clock: StandingClock) -> None:
    beat(services, "wrk_a", "one")
    clock.move(days=2)
    beat(services, "wrk_b", "one")
    clock.move(days=-2)
    with services.database.read(None) as work:
        assert [row.id for row in workers.living(work, 1e6)] == ["wrk_b"]


def test_jobs_on_a_machine_are_counted_whichever_worker_has_them(services: Services, ada: Person) -> None:
    for worker, host in (("wrk_a", "one"), ("wrk_b", "one"), ("wrk_c", "two")):
        beat(services, worker, host)
        put(services, ada)
        take(services, worker)
    assert workers.running_on(services.database, "one") == {"ingest": 2}
    assert workers.running_on(services.database, "three") == {}
