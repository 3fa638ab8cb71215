from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from synthos.server.db.tables import audit_log, jobs, validations
from synthos.server.state import Services
from synthos.server.validations import places
from synthos.server.validations.documents import Document, results_of
from tests.server.conftest import Person, StandingClock
from tests.server.rows import dataset, validation

PATH = "/api/v1/validations"


def ask(person: Person, dataset_id: str, **fields: object) -> dict[str, object]:
    answer = person.client.post(f"{PATH}/create", json={"dataset_id": dataset_id, **fields})
    assert answer.status_code == 202, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_a_validation_is_queued_and_can_be_looked_at(services: Services, ada: Person) -> None:
    table, reference = dataset(services, ada), dataset(services, ada)
    made = ask(ada, table, reference_dataset_id=reference, options={"priority": "express", "seed": 7})
    assert made["status"] == "queued" and made["estimated_completion"] is None
    shown = ada.client.get(f"{PATH}/{made['validation_id']}").json()
    assert shown["dataset_id"] == table and shown["reference_dataset_id"] == reference
    assert shown["options"] == {
        "priority": "express",
        "seed": 7,
        "enable_warranty": False,
        "target_rows": None,
        "target_model_size": None,
    }
    assert (shown["status"], shown["progress"], shown["results"], shown["error"]) == ("queued", 0.0, None, None)
    assert shown["stages"] == made["stages"] and shown["created_at"] == "2030-01-01T12:00:00.000Z"
    with services.database.read(None) as work:
        job = work.one(select(jobs).where(jobs.c.subject == made["validation_id"]))
        assert job is not None and (job.id, job.priority, job.kind) == (shown["job_id"], 10, "validation")
        actions = {row.action for row in work.all(select(audit_log).where(audit_log.c.user_id == ada.user_id))}
    assert actions == {"validation.requested", "job.queued"}


def test_when_it_may_be_done_is_told_from_those_before(services: Services, ada: Person, clock: StandingClock) -> None:
    table = dataset(services, ada)
    validation(services, ada, table, started_at=clock.now, completed_at=clock.now.replace(minute=1))
    first, second = (ask(ada, table, validation_type="quick") for _ in range(2))
    assert first["estimated_completion"] == "2030-01-01T12:01:00.000Z"
    assert second["estimated_completion"] == "2030-01-01T12:02:00.000Z"


@pytest.mark.parametrize("field", ["dataset_id", "reference_dataset_id", "holdout_dataset_id"])
@pytest.mark.parametrize("kind", ["unknown", "another's", "deleted", "processing"])
def test_datasets_must_be_there_and_ready(services: Services, ada: Person, eve: Person, field: str, kind: str) -> None:
    bad = {
        "unknown": lambda: "ds_unknown",
        "another's": lambda: dataset(services, eve),
        "deleted": lambda: dataset(services, ada, status="deleted"),
        "processing": lambda: dataset(services, ada, status="processing", row_count=None),
    }[kind]()
    answer = ada.client.post(f"{PATH}/create", json={"dataset_id": dataset(services, ada), field: bad})
    assert answer.status_code == (409 if kind == "processing" else 404) and bad in answer.json()["detail"]
    with services.database.read(None) as work:
        assert work.all(select(validations)) == work.all(select(jobs)) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"validation_type": "thorough"}, "body.validation_type"),
        ({"options": {"seed": -1}}, "body.options.seed"),
        ({"options": {"seed": 2**60}}, "body.options.seed"),
        ({"dataset_id": "../x"}, "body.dataset_id"),
        ({"options": {"nothing": 1}}, "body.options.nothing"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(ada: Person, change: dict[str, object], field: str) -> None:
    answer = ada.client.post(f"{PATH}/create", json={"dataset_id": "ds_1", **change})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


WITH_REFERENCE = {"reference_dataset_id": "ds_2"}


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"options": {"target_rows": 10**6}}, "target_rows", "needs a reference_dataset_id"),
        ({"validation_type": "quick", **WITH_REFERENCE, "options": {"target_rows": 10**6}}, "target_rows", "quick"),
        ({**WITH_REFERENCE, "options": {"target_model_size": "light"}}, "target_model_size", "without target_rows"),
        ({"options": {"target_rows": 10**6, "target_model_size": "7B"}}, "target_model_size", "light, medium, heavy"),
        ({"options": {"enable_warranty": True}}, "enable_warranty", "not offered"),
    ],
)
def test_what_cannot_be_honoured_is_refused(ada: Person, change: dict[str, object], field: str, said: str) -> None:
    answer = ada.client.post(f"{PATH}/create", json={"dataset_id": "ds_1", **change})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == f"body.options.{field}" and said in error["message"]


def test_a_target_is_kept_with_the_validation(services: Services, ada: Person) -> None:
    tables = {"dataset_id": dataset(services, ada), "reference_dataset_id": dataset(services, ada)}
    wanted = {"target_rows": 5_000_000, "target_model_size": "medium", "enable_warranty": False}
    answer = ada.client.post(f"{PATH}/create", json={**tables, "options": wanted})
    assert answer.status_code == 202
    options = ada.client.get(f"{PATH}/{answer.json()['validation_id']}").json()["options"]
    assert {name: options[name] for name in wanted} == wanted


def test_quotas_of_a_month_are_kept(services: Services, ada: Person, clock: StandingClock) -> None:
    large = dataset(services, ada, row_count=services.settings.tiers["free"].rows)
    ask(ada, large)
    refused = ada.client.post(f"{PATH}/create", json={"dataset_id": dataset(services, ada)})
    assert refused.status_code == 429 and "rows" in refused.json()["detail"]
    clock.move(days=30)
    token = services.tokens.issue(ada.principal)
    headers = {"Authorization": f"Bearer {token}"}
    assert ada.client.post(f"{PATH}/create", json={"dataset_id": large}, headers=headers).status_code == 202


def test_lists_have_the_newest_first_and_are_cut_by_status(services: Services, ada: Person, eve: Person) -> None:
    table = dataset(services, ada)
    done, failed = validation(services, ada, table), validation(services, ada, table, status="failed", risk_score=None)
    validation(services, eve, dataset(services, eve))
    items = ada.client.get(PATH).json()["items"]
    assert {item["validation_id"] for item in items} == {done, failed}
    only = ada.client.get(PATH, params={"status": "completed"}).json()["items"]
    assert [(item["validation_id"], item["risk_score"]) for item in only] == [(done, 10.0)]


def test_who_has_the_newest_version_is_sent_nothing(services: Services, ada: Person) -> None:
    path = f"{PATH}/{validation(services, ada, dataset(services, ada))}"
    first = ada.client.get(path)
    same = ada.client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304 and same.content == b"" and same.headers["ETag"] == first.headers["ETag"]
    with services.database.write(None) as work:
        work.run(validations.update().values(version=4))
    assert ada.client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_one_that_waits_is_cancelled_at_once(services: Services, ada: Person) -> None:
    made = ask(ada, dataset(services, ada))["validation_id"]
    for _ in range(2):
        answer = ada.client.post(f"{PATH}/{made}/cancel")
        assert answer.status_code == 200 and answer.json() == {"validation_id": made, "status": "cancelled"}
    assert ada.client.get(f"{PATH}/{made}").json()["status"] == "cancelled"


def test_one_that_has_ended_stays_as_it_is(services: Services, ada: Person) -> None:
    made = validation(services, ada, dataset(services, ada))
    assert ada.client.post(f"{PATH}/{made}/cancel").json()["status"] == "completed"


DETAILS = ("collapse-details", "recommendations", "cascade", "report")


@pytest.mark.parametrize("what", ["", *(f"/{name}" for name in DETAILS), "/cancel"])
def test_anothers_validation_is_not_there(services: Services, ada: Person, eve: Person, what: str) -> None:
    path = f"{PATH}/{validation(services, ada, dataset(services, ada))}{what}"
    answer = eve.client.post(path) if what == "/cancel" else eve.client.get(path)
    assert answer.status_code == 404


@pytest.mark.parametrize("name", DETAILS)
def test_what_is_not_done_has_no_details(services: Services, ada: Person, name: str) -> None:
    path = f"{PATH}/{validation(services, ada, dataset(services, ada), status='running')}/{name}"
    answer = ada.client.get(path)
    assert answer.status_code == 409 and "running" in answer.json()["detail"]


@pytest.mark.slow
def test_a_completed_one_shows_its_results_and_details(services: Services, ada: Person, document: Document) -> None:
    made = validation(services, ada, dataset(services, ada), results=results_of(document))
    services.storage.put(places.document(made), json.dumps(document).encode())
    services.storage.put(places.page(made), b"<!doctype html><p>report")
    path = f"{PATH}/{made}"
    assert ada.client.get(path).json()["results"] == json.loads(json.dumps(results_of(document)))
    assert ada.client.get(f"{path}/collapse-details").json()["collapse_detected"] is True
    assert len(ada.client.get(f"{path}/cascade").json()["models"]) == 18
    assert "combined_impact" in ada.client.get(f"{path}/recommendations").json()
    assert ada.client.get(f"{path}/report", params={"format": "json"}).json()["decision"] == "rejected"
    page = ada.client.get(f"{path}/report")
    assert page.headers["content-type"].startswith("text/html") and "sandbox" in page.headers["content-security-policy"]
