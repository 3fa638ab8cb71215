"""Pipelines as clients ask for them, and how they end before anything of them is done."""

from __future__ import annotations

from typing import Any

import pytest

from synthos.server.datasets.sweep import expire_uploads
from synthos.server.db.tables import pipelines, validations
from synthos.server.jobs import leases
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, announce, send, status_of, swap, uploaded
from tests.server.jobs.queueing import row_of, take
from tests.server.rows import dataset, validation

PATH = "/api/v1/pipelines"
NAMES = ["ingest", "profile", "validate", "repair", "revalidate"]


def ask(person: Person, kind: str, dataset_id: str, **fields: Any) -> dict[str, Any]:
    answer = person.client.post(f"{PATH}/{kind}", json={"dataset_id": dataset_id, **fields})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(person: Person, pipeline_id: str) -> dict[str, Any]:
    found: dict[str, Any] = person.client.get(f"{PATH}/{pipeline_id}").json()
    return found


@pytest.mark.parametrize(("kind", "names"), [("validation", NAMES[:3]), ("full", NAMES)])
def test_a_pipeline_is_queued_with_its_stages(services: Services, ada: Person, kind: str, names: list[str]) -> None:
    table, reference = dataset(services, ada), dataset(services, ada)
    options = {"priority": "express", "seed": 7}
    made = ask(ada, kind, table, reference_dataset_id=reference, options=options)
    assert made["pipeline_id"].startswith("pip_") and made["status"] == "queued"
    assert [stage["stage"] for stage in made["stages"]] == names and made["estimated_completion"] is None
    found = shown(ada, made["pipeline_id"])
    assert found["stages"] == made["stages"] and found["kind"] == kind and found["validation_type"] == "full"
    assert (found["dataset_id"], found["reference_dataset_id"], found["holdout_dataset_id"]) == (table, reference, None)
    assert (found["results"], found["repair"], found["error"], found["progress"]) == (None, None, None, 0.0)
    job = row_of(services, made["job_id"])
    assert (job.kind, job.subject, job.priority) == ("pipeline", made["pipeline_id"], 10)
    first = ada.client.get(f"/api/v1/validations/{made['validation_id']}").json()
    assert (first["status"], first["job_id"], first["options"]["seed"]) == ("queued", made["job_id"], 7)


def test_an_upload_is_completed_by_the_pipeline_that_needs_it(services: Services, ada: Person) -> None:
    plan = announce(ada, CSV)
    refused = ada.client.post(f"{PATH}/full", json={"dataset_id": plan["dataset_id"]})
    assert refused.status_code == 409 and "parts" in refused.json()["detail"]
    send(ada, plan, CSV)
    made = ask(ada, "full", plan["dataset_id"])
    table = ada.client.get(f"/api/v1/datasets/{plan['dataset_id']}").json()
    assert (table["status"], table["job_id"]) == ("processing", made["job_id"])
    assert take(services).kind == "pipeline"


def test_a_table_that_another_job_is_to_read_may_be_named(services: Services, ada: Person) -> None:
    table = uploaded(ada)
    made = ask(ada, "validation", table, reference_dataset_id=table)
    assert ada.client.get(f"/api/v1/datasets/{table}").json()["job_id"] != made["job_id"]
    assert ada.client.get(f"/api/v1/validations/{made['validation_id']}").status_code == 200


def test_the_same_request_makes_one_pipeline(services: Services, ada: Person) -> None:
    table, headers = dataset(services, ada), {"Idempotency-Key": "once"}
    answers = [ada.client.post(f"{PATH}/full", json={"dataset_id": table}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json() and answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(ada.client.get(PATH).json()["items"]) == 1


def test_pipelines_are_listed_page_by_page(services: Services, ada: Person, eve: Person) -> None:
    table = dataset(services, ada)
    made = {ask(ada, "validation", table)["pipeline_id"] for _ in range(3)}
    ask(eve, "validation", dataset(services, eve))
    first = ada.client.get(PATH, params={"limit": 2}).json()
    second = ada.client.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert {item["pipeline_id"] for item in first["items"] + second["items"]} == made
    assert len(second["items"]) == 1 and second["next_cursor"] is None
    assert ada.client.get(PATH, params={"status": "completed"}).json()["items"] == []


def test_who_has_the_newest_version_is_sent_nothing(services: Services, ada: Person) -> None:
    path = f"{PATH}/{ask(ada, 'full', dataset(services, ada))['pipeline_id']}"
    tag = ada.client.get(path).headers["ETag"]
    assert ada.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    with services.database.write(None) as work:
        work.run(pipelines.update().values(progress=1.0))
    assert ada.client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_what_cannot_be_done_is_refused(services: Services, ada: Person, eve: Person) -> None:
    table = dataset(services, ada)
    cases = [
        ("full", {"dataset_id": table, "validation_type": "quick"}, 422),
        ("full", {"dataset_id": table, "options": {"enable_warranty": True}}, 422),
        ("full", {"dataset_id": dataset(services, eve)}, 404),
        ("full", {"dataset_id": table, "reference_dataset_id": dataset(services, ada, status="failed")}, 409),
        ("validation", {"dataset_id": dataset(services, ada, status="expired")}, 409),
        ("validation", {"dataset_id": dataset(services, ada, status="uploading")}, 409),
    ]
    for kind, body, status in cases:
        answer = ada.client.post(f"{PATH}/{kind}", json=body)
        assert answer.status_code == status, (body, answer.text)
    assert ada.client.get(PATH).json()["items"] == [] == ada.client.get("/api/v1/jobs").json()["items"]


def test_what_is_anothers_is_not_there(services: Services, ada: Person, eve: Person) -> None:
    made = ask(ada, "full", dataset(services, ada))["pipeline_id"]
    assert eve.client.get(f"{PATH}/{made}").status_code == 404
    assert eve.client.get(PATH).json()["items"] == []


def test_a_full_one_counts_as_two_validations(services: Services, ada: Person, settings: Settings) -> None:
    table = dataset(services, ada)
    swap(services, settings=settings.model_copy(update={"tiers": {"free": Tier(validations=3, rows=10_000)}}))
    validation(services, ada, table)
    validation(services, ada, table)
    refused = ada.client.post(f"{PATH}/full", json={"dataset_id": table})
    assert refused.status_code == 429 and "3 validations" in refused.json()["detail"]
    large = dataset(services, ada, row_count=6_001)
    refused = ada.client.post(f"{PATH}/validation", json={"dataset_id": large})
    assert refused.status_code == 429 and "6,001 rows" in refused.json()["detail"]
    ask(ada, "validation", table)


def test_its_tables_cannot_be_deleted_before_it_has_ended(services: Services, ada: Person) -> None:
    table, reference = dataset(services, ada), dataset(services, ada)
    made = ask(ada, "full", table, reference_dataset_id=reference)
    # Between its two validations nothing but the pipeline itself names its tables.
    with services.database.write(None) as work:
        work.run(validations.update().values(status="completed"))
    for name in (table, reference):
        refused = ada.client.delete(f"/api/v1/datasets/{name}")
        assert refused.status_code == 409 and "pipeline" in refused.json()["detail"]
    ada.client.post(f"/api/v1/jobs/{made['job_id']}/cancel")
    for name in (table, reference):
        assert ada.client.delete(f"/api/v1/datasets/{name}").status_code == 200


def test_it_is_called_off_by_its_job(services: Services, ada: Person) -> None:
    plan = announce(ada, CSV)
    send(ada, plan, CSV)
    made = ask(ada, "full", plan["dataset_id"])
    assert ada.client.post(f"/api/v1/jobs/{made['job_id']}/cancel").json()["status"] == "cancelled"
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["error"]["reason"], found["current_stage"]) == ("cancelled", "cancelled", None)
    assert {stage["status"] for stage in found["stages"]} == {"skipped"} and found["completed_at"]
    assert ada.client.get(f"/api/v1/validations/{made['validation_id']}").json()["status"] == "cancelled"
    # What it was to read can be read by a job of its own.
    assert status_of(services, plan["dataset_id"]) == "failed"
    again = ada.client.post("/api/v1/jobs", json={"kind": "ingest", "subject": plan["dataset_id"]})
    assert again.status_code == 202


def test_a_repaired_table_that_is_not_all_there_goes_with_its_pipeline(services: Services, ada: Person) -> None:
    made = ask(ada, "full", dataset(services, ada))
    half = dataset(services, ada, status="uploading", filename="people.csv.repaired.parquet")
    services.storage.put(f"datasets/{half}/data.repaired.new", b"half")
    with services.database.write(None) as work:
        work.run(pipelines.update().values(status="running", repaired_id=half))
    job = take(services)
    with services.database.write(None) as work:
        leases.fail(work, job, {"reason": "internal", "detail": "x"}, again=False)
    assert (shown(ada, made["pipeline_id"])["status"], status_of(services, half)) == ("failed", "expired")
    expire_uploads(services)
    assert not list((services.settings.data_folder / "storage").rglob("*.new"))
