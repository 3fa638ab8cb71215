"""Pipelines that failed or were cancelled, and are run again by ``POST /jobs``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Table

from synthos.server.db.tables import datasets, pipelines, validations
from synthos.server.jobs import child, leases
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock
from tests.server.datasets.uploading import CSV, announce, send, status_of, swap
from tests.server.jobs.queueing import row_of, take
from tests.server.pipelines.conftest import Judged
from tests.server.pipelines.test_pipeline_run import Replay, attempt, sent
from tests.server.pipelines.test_pipelines_api import ask, shown
from tests.server.rows import dataset


def again(person: Person, pipeline_id: str) -> httpx2.Response:
    answer: httpx2.Response = person.client.post("/api/v1/jobs", json={"kind": "pipeline", "subject": pipeline_id})
    return answer


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition(":")[2]


def used(person: Person) -> tuple[int, int]:
    told = person.client.get("/api/v1/analytics/usage").json()
    return told["validations"]["used"], told["rows"]["used"]


def change(services: Services, table: Table, name: str, **values: Any) -> None:
    with services.database.write(None) as work:
        work.run(table.update().where(table.c.id == name).values(**values))


@pytest.fixture
def broken(services: Services, ada: Person) -> dict[str, Any]:
    """A full pipeline of one table that was read before, which failed before it did anything."""
    made = ask(ada, "full", dataset(services, ada))
    job = take(services)
    with services.database.write(None) as work:
        leases.fail(work, job, {"reason": "internal", "detail": "it broke"}, again=False)
    return made


def test_one_that_failed_is_queued_again_as_it_was(services: Services, ada: Person, broken: dict[str, Any]) -> None:
    assert shown(ada, broken["pipeline_id"])["status"] == "failed" and used(ada) == (1, 1_000)
    answer = again(ada, broken["pipeline_id"])
    assert answer.status_code == 202 and answer.json()["kind"] == "pipeline"
    found = shown(ada, broken["pipeline_id"])
    assert (found["status"], found["progress"], found["error"]) == ("queued", 0.0, None)
    assert found["stages"] == broken["stages"] and found["completed_at"] is None
    assert found["job_id"] == answer.json()["job_id"] != broken["job_id"]
    first = ada.client.get(f"/api/v1/validations/{broken['validation_id']}").json()
    assert (first["status"], first["job_id"], first["error"]) == ("queued", found["job_id"], None)
    assert used(ada) == (2, 2_000)
    assert refused(again(ada, broken["pipeline_id"])) == (409, "not-failed")
    # By its new job it is called off.
    assert ada.client.post(f"/api/v1/validations/{broken['validation_id']}/cancel").json()["status"] == "cancelled"
    assert shown(ada, broken["pipeline_id"])["status"] == "cancelled"


def test_tables_that_were_not_read_are_read_by_the_new_job(services: Services, ada: Person) -> None:
    plan = announce(ada, CSV)
    send(ada, plan, CSV)
    made = ask(ada, "validation", plan["dataset_id"])
    ada.client.post(f"/api/v1/jobs/{made['job_id']}/cancel")
    assert status_of(services, plan["dataset_id"]) == "failed"
    job_id = again(ada, made["pipeline_id"]).json()["job_id"]
    table = ada.client.get(f"/api/v1/datasets/{plan['dataset_id']}").json()
    assert (table["status"], table["job_id"], table["error"]) == ("processing", job_id, None)


def test_what_cannot_be_run_again_is_refused(
    services: Services, ada: Person, eve: Person, clock: StandingClock, broken: dict[str, Any]
) -> None:
    name, table = broken["pipeline_id"], shown(ada, broken["pipeline_id"])["dataset_id"]
    assert refused(again(eve, name)) == (404, "not-found")
    change(services, pipelines, name, status="completed")
    assert refused(again(ada, name)) == (409, "not-failed")
    change(services, pipelines, name, status="cancelled", created_at=clock.now - timedelta(days=31))
    assert refused(again(ada, name)) == (409, "too-old")
    change(services, pipelines, name, created_at=clock.now)
    for gone in ("deleted", "expired"):
        change(services, datasets, table, status=gone)
        assert refused(again(ada, name)) == (409, "dataset-deleted")
    change(services, datasets, table, status="ready")
    ada.client.post("/api/v1/jobs", json={"kind": "validation", "subject": broken["validation_id"]})
    assert refused(again(ada, name)) == (409, "validation-at-work")
    assert shown(ada, name)["status"] == "cancelled"


@pytest.mark.parametrize("tier", [Tier(validations=2), Tier(rows=2_999)])
def test_what_is_over_the_quota_is_not_run_again(
    services: Services, ada: Person, settings: Settings, broken: dict[str, Any], tier: Tier
) -> None:
    # One validation of 1,000 rows is used, and two more are to come.
    swap(services, settings=settings.model_copy(update={"tiers": {"free": tier}}))
    assert refused(again(ada, broken["pipeline_id"])) == (429, "quota")
    assert shown(ada, broken["pipeline_id"])["status"] == "failed" and used(ada) == (1, 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["nothing", "repaired table"])
def test_what_was_made_is_not_made_again(
    services: Services, ada: Person, settings: Settings, judged: Judged, lost: str
) -> None:
    made, replay = ask(ada, "full", **sent(services, ada, judged)), Replay(judged)
    # The second verdict is one too many.
    swap(services, settings=settings.model_copy(update={"tiers": {"free": Tier(validations=1)}}))
    assert attempt(services, replay) == child.DONE
    failed = shown(ada, made["pipeline_id"])
    assert (failed["status"], failed["error"]["reason"]) == ("failed", "quota")
    swap(services, settings=settings)
    if lost == "repaired table":
        assert ada.client.delete(f"/api/v1/datasets/{failed['repaired_dataset_id']}").status_code == 200
    assert again(ada, made["pipeline_id"]).status_code == 202
    waiting = shown(ada, made["pipeline_id"])
    assert [stage["status"] for stage in waiting["stages"]] == [*["completed"] * 3, "pending", "pending"]
    assert waiting["results"] == failed["results"] and waiting["progress"] == 53.0
    assert attempt(services, replay) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["error"]) == ("completed", None), found
    assert (found["repaired_dataset_id"] == failed["repaired_dataset_id"]) == (lost == "nothing")
    assert len(replay.asked) == 2 and used(ada)[0] == 2


@pytest.mark.slow
def test_a_second_verdict_that_broke_off_is_asked_for_again_alone(
    services: Services, ada: Person, judged: Judged
) -> None:
    made, replay = ask(ada, "full", **sent(services, ada, judged)), Replay(judged, breaks_at=2)
    assert attempt(services, replay) == child.STOPPED
    job_id = shown(ada, made["pipeline_id"])["job_id"]
    ada.client.post(f"/api/v1/jobs/{job_id}/cancel")
    broken = shown(ada, made["pipeline_id"])
    assert [stage["status"] for stage in broken["stages"]] == [*["completed"] * 4, "cancelled"]
    job_id = again(ada, made["pipeline_id"]).json()["job_id"]
    assert attempt(services, replay) == child.DONE and row_of(services, job_id).status == "succeeded"
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["revalidation_id"]) == ("completed", broken["revalidation_id"])
    assert found["repair"] == broken["repair"] and len(replay.asked) == 3
    with services.database.read(None) as work:
        runs = {row.id: row.runs for row in work.all(validations.select())}
    assert runs == {made["validation_id"]: 1, found["revalidation_id"]: 2}
