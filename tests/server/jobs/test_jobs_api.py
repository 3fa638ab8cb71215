"""``/jobs`` as clients see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from synthos.server.db.tables import datasets, validations
from synthos.server.jobs import events
from synthos.server.jobs.leases import fail, finish, hold
from synthos.server.state import Services
from tests.server import rows
from tests.server.conftest import Person, StandingClock
from tests.server.jobs.queueing import put, row_of, take

JOBS = "/api/v1/jobs"


STAGE = {"stage": "scan", "status": "running", "progress": 10.0, "started_at": None, "completed_at": None}


def validation(services: Services, owner: Person, status: str, dataset_id: str) -> str:
    """A validation without a result."""
    nothing = {"results": None, "completed_at": None, "job_id": None, "version": 1}
    return rows.validation(services, owner, dataset_id, status=status, stages=[STAGE], **nothing)


def subject_of(services: Services, table: Any, name: str) -> Any:
    with services.database.read(None) as work:
        return work.one(table.select().where(table.c.id == name))


def test_jobs_are_listed_newest_first_in_pages_and_by_state(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    names = []
    for _ in range(5):
        names.append(put(services, ada))
        clock.move(seconds=1)
    running = take(services)
    first = ada.client.get(JOBS, params={"limit": 3}).json()
    rest = ada.client.get(JOBS, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [job["job_id"] for job in first["items"] + rest["items"]] == names[::-1]
    assert rest["next_cursor"] is None
    found = ada.client.get(JOBS, params={"status": "running"}).json()["items"]
    assert [job["job_id"] for job in found] == [running.id]
    assert ada.client.get(JOBS, params={"kind": "pipeline"}).json()["items"] == []
    assert ada.client.get(JOBS, params={"status": "lost"}).status_code == 422


def test_a_job_tells_of_its_attempts_and_its_progress(services: Services, ada: Person) -> None:
    job_id = put(services, ada, priority=10)
    shown = ada.client.get(f"{JOBS}/{job_id}").json()
    assert (shown["status"], shown["priority"], shown["attempts"], shown["progress"]) == ("queued", "express", 0, None)
    job = take(services)
    step = {"stage": "scan", "done": 2, "total": 4, "message": "a.csv", "fields": {"rows": 10}}
    with services.database.write(None) as work:
        hold(work, job)
        events.append(work, job.id, job.company_id, "progress", step)
    shown = ada.client.get(f"{JOBS}/{job_id}").json()
    assert shown["progress"] == step | {"at": "2030-01-01T12:00:00.000Z"}
    assert (shown["status"], shown["attempts"], shown["next_attempt_at"]) == ("running", 1, None)
    with services.database.write(None) as work:
        fail(work, job, {"reason": "crashed", "detail": "it broke"})
    shown = ada.client.get(f"{JOBS}/{job_id}").json()
    assert (shown["status"], shown["error"]["reason"]) == ("queued", "crashed")
    assert shown["next_attempt_at"] > "2030-01-01T12:00:00.000Z"


def test_a_job_is_cancelled_once_however_often_that_is_asked(services: Services, ada: Person) -> None:
    waiting, running = put(services, ada, priority=0), put(services, ada, priority=10)
    take(services)
    for _ in range(2):
        assert ada.client.post(f"{JOBS}/{waiting}/cancel").json()["status"] == "cancelled"
        answer = ada.client.post(f"{JOBS}/{running}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "running")
        assert answer.json()["cancel_asked_at"] is not None


def test_the_jobs_of_others_are_not_there(services: Services, ada: Person, eve: Person) -> None:
    job_id = put(services, ada)
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        assert eve.client.request(method, f"{JOBS}/{job_id}{path}").status_code == 404
    assert eve.client.get(JOBS).json()["items"] == []
    broken = rows.dataset(services, ada, status="failed")
    for kind, name in (("ingest", broken), ("validation", validation(services, ada, "failed", broken))):
        assert eve.client.post(JOBS, json={"kind": kind, "subject": name}).status_code == 404
    assert row_of(services, job_id).status == "queued"


def test_a_dataset_that_failed_is_processed_again(services: Services, ada: Person) -> None:
    name = rows.dataset(services, ada, status="failed")
    answer = ada.client.post(JOBS, json={"kind": "ingest", "subject": name, "priority": "express"})
    assert answer.status_code == 202 and answer.json()["priority"] == "express"
    row = subject_of(services, datasets, name)
    assert (row.status, row.job_id) == ("processing", answer.json()["job_id"])
    again = ada.client.post(JOBS, json={"kind": "ingest", "subject": name})
    assert again.status_code == 409
    assert ada.client.post(f"{JOBS}/{row.job_id}/cancel").json()["status"] == "cancelled"
    row = subject_of(services, datasets, name)
    assert (row.status, row.error["reason"]) == ("failed", "cancelled")


@pytest.mark.parametrize(
    ("status", "answered"), [("failed", 202), ("cancelled", 202), ("completed", 409), ("queued", 409)]
)
def test_a_validation_without_a_result_is_run_again(
    services: Services, ada: Person, status: str, answered: int
) -> None:
    name = validation(services, ada, status, rows.dataset(services, ada, status="ready"))
    answer = ada.client.post(JOBS, json={"kind": "validation", "subject": name})
    assert answer.status_code == answered
    row = subject_of(services, validations, name)
    if answered == 202:
        assert (row.status, row.job_id, row.progress) == ("queued", answer.json()["job_id"], 0.0)
        assert [stage["status"] for stage in row.stages] == ["pending"]
    else:
        assert (row.status, row.job_id) == (status, None)


def test_a_validation_whose_table_was_deleted_is_not_run_again(services: Services, ada: Person) -> None:
    name = validation(services, ada, "failed", rows.dataset(services, ada, status="deleted"))
    assert ada.client.post(JOBS, json={"kind": "validation", "subject": name}).status_code == 409


def test_a_validation_that_is_run_again_counts_again(services: Services, ada: Person) -> None:
    def used(kind: str) -> int:
        return int(ada.client.get("/api/v1/analytics/usage").json()[kind]["used"])

    name = validation(services, ada, "failed", rows.dataset(services, ada))
    assert (used("validations"), used("rows")) == (1, 2_000)
    for run in (2, 3):
        job_id = ada.client.post(JOBS, json={"kind": "validation", "subject": name}).json()["job_id"]
        assert (used("validations"), used("rows")) == (run, run * 1_000)  # of a table of so many rows
        assert ada.client.post(f"{JOBS}/{job_id}/cancel").status_code == 200
    with services.database.write(ada.principal.tenant) as work:
        mine = validations.update().where(validations.c.company_id == ada.company_id)
        work.run(mine.values(runs=services.settings.tiers["free"].validations))
    refused = ada.client.post(JOBS, json={"kind": "validation", "subject": name})
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (429, "quota")
    assert subject_of(services, validations, name).status == "cancelled"


def test_a_validation_of_long_ago_is_not_run_again(services: Services, ada: Person, clock: StandingClock) -> None:
    name = validation(services, ada, "failed", rows.dataset(services, ada))
    with services.database.write(ada.principal.tenant) as work:
        mine = validations.update().where(validations.c.company_id == ada.company_id)
        work.run(mine.values(created_at=clock.now - timedelta(days=31)))
    refused = ada.client.post(JOBS, json={"kind": "validation", "subject": name})
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "too-old")


@pytest.mark.parametrize("way", ["cancelled", "failed"])
def test_what_a_job_was_about_ends_with_it(services: Services, ada: Person, way: str) -> None:
    name = validation(services, ada, "running", rows.dataset(services, ada, status="ready"))
    job_id = put(services, ada, kind="validation", subject=name)
    if way == "cancelled":
        ada.client.post(f"{JOBS}/{job_id}/cancel")
    else:
        job = take(services)
        with services.database.write(None) as work:
            fail(work, job, {"reason": "invalid-input", "detail": "no rows"}, again=False)
    row = subject_of(services, validations, name)
    reason = {"cancelled": "cancelled", "failed": "invalid-input"}[way]
    assert (row.status, row.error["reason"], row.version) == (way, reason, 2)
    assert [stage["status"] for stage in row.stages] == [way]


def test_what_a_job_has_finished_is_left_to_its_handler(services: Services, ada: Person) -> None:
    name = validation(services, ada, "completed", rows.dataset(services, ada, status="ready"))
    put(services, ada, kind="validation", subject=name)
    job = take(services)
    with services.database.write(None) as work:
        finish(work, job)
    assert subject_of(services, validations, name).version == 1
