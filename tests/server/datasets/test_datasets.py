"""Datasets listed, shown, read and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from synthos.server.audit.log import record
from synthos.server.datasets.ingest import ingest
from synthos.server.datasets.sweep import expire_uploads
from synthos.server.db.tables import validations
from synthos.server.ids import new_id
from synthos.server.state import Services
from synthos.server.storage.local import LocalStorage
from synthos.server.validations import places
from tests.server.conftest import Person, StandingClock
from tests.server.datasets.conftest import Left
from tests.server.datasets.uploading import CSV, PATH, ROWS, announce, ready, uploaded


def ids(person: Person, **query: Any) -> tuple[list[str], str | None]:
    answer = person.client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return [item["dataset_id"] for item in answer.json()["items"]], answer.json()["next_cursor"]


def test_lists_are_sorted_filtered_and_cut_into_pages(ada: Person, services: Services, clock: StandingClock) -> None:
    made = []
    for _ in range(5):
        made.append(announce(ada, CSV)["dataset_id"])
        clock.move(seconds=1)
    done = uploaded(ada)
    assert ids(ada) == ([done, *reversed(made)], None)
    assert ids(ada, status="uploading", sort="created_at") == (made, None)
    assert ids(ada, status="processing") == ([done], None)
    assert ids(ada, status="ready") == ([], None)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = ids(ada, sort="created_at", limit=2, **({"cursor": cursor} if cursor else {}))
        assert len(page) == 2
        seen += page
        if cursor is None:
            break
    assert seen == [*made, done]
    for wrong in ({"status": "deleted"}, {"sort": "filename"}, {"limit": 0}, {"cursor": "nonsense"}):
        assert ada.client.get(PATH, params=wrong).status_code == 422


def test_a_dataset_that_is_ready_tells_what_is_in_it(ada: Person, services: Services) -> None:
    path = f"{PATH}/{ready(services, ada, description='people')}"
    shown = ada.client.get(path).json()
    assert (shown["status"], shown["row_count"], shown["column_count"]) == ("ready", ROWS, 4)
    assert (shown["file_size"], shown["description"], shown["error"]) == (len(CSV), "people", None)
    about = shown["metadata"]
    assert about["has_pii"] is True and 0 < about["data_quality_score"] <= 100
    columns = {column["column_name"]: column for column in about["schema"]}
    assert list(columns) == ["age", "plan", "spend", "mail"]
    assert columns["spend"]["null_rate"] == 0.25 and columns["mail"]["pii"] == ["email"]
    assert columns["plan"] == {
        "column_name": "plan",
        "data_type": "category",
        "null_rate": 0.0,
        "unique_rate": 2 / ROWS,
        "pii": [],
    }
    profile = ada.client.get(f"{path}/profile").json()
    assert profile["rows"] == ROWS and profile["name"] == "table.csv" and len(profile["columns"]) == 4


def test_a_client_that_has_the_newest_version_is_sent_nothing(ada: Person, services: Services) -> None:
    dataset_id = uploaded(ada)
    path = f"{PATH}/{dataset_id}"
    tag = ada.client.get(path).headers["etag"]
    same = ada.client.get(path, headers={"If-None-Match": tag})
    assert same.status_code == 304 and same.content == b"" and same.headers["etag"] == tag
    ready(services, ada)  # another dataset
    assert ada.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    ingest(services, dataset_id)
    changed = ada.client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["etag"] != tag


@pytest.mark.usefixtures("ground")
def test_content_is_sent_whole_or_in_ranges(ada: Person) -> None:
    path = f"{PATH}/{uploaded(ada)}/content"
    whole = ada.client.get(path)
    assert whole.content == CSV and whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-length"] == str(len(CSV)) and whole.headers["accept-ranges"] == "bytes"
    tag = whole.headers["etag"]

    part = ada.client.get(path, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == CSV[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(CSV)}"
    assert ada.client.get(path, headers={"Range": "bytes=-5"}).content == CSV[-5:]
    assert ada.client.get(path, headers={"Range": "bytes=5-", "If-Range": tag}).content == CSV[5:]
    assert ada.client.get(path, headers={"Range": "bytes=5-", "If-Range": '"other"'}).status_code == 200

    behind = ada.client.get(path, headers={"Range": f"bytes={len(CSV)}-"})
    assert behind.status_code == 416 and behind.headers["content-range"] == f"bytes */{len(CSV)}"
    assert behind.json()["type"] == "urn:synthos:problem:range-not-satisfiable"
    assert ada.client.get(path, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.usefixtures("ground")
def test_a_deleted_dataset_is_gone_with_all_that_was_made_of_it(ada: Person, services: Services, left: Left) -> None:
    dataset_id = ready(services, ada)
    assert len(left()) == 2
    answer = ada.client.delete(f"{PATH}/{dataset_id}")
    assert answer.json() == {"dataset_id": dataset_id, "status": "deleted", "deleted_at": "2030-01-01T12:00:00.000Z"}
    assert left() == []
    assert ada.client.get(f"{PATH}/{dataset_id}").status_code == 404
    assert ada.client.delete(f"{PATH}/{dataset_id}").status_code == 404
    assert ids(ada) == ([], None)


def validation(services: Services, person: Person, role: str, dataset_id: str, status: str) -> str:
    """A validation in which this dataset has that role."""
    other = uploaded(person)
    with services.database.write(person.principal.tenant) as work:
        made = {"id": new_id("val"), "company_id": person.company_id, "user_id": person.user_id, "dataset_id": other}
        about = {"kind": "quick", "options": {}, "status": status, "progress": 0.0, "stages": [], "version": 1}
        work.run(validations.insert().values(made | about | {role: dataset_id, "created_at": work.now}))
        record(work, "validation.requested", made["id"])
    return str(made["id"])


@pytest.mark.usefixtures("ground")
@pytest.mark.parametrize("role", ["dataset_id", "reference_id", "holdout_id"])
def test_with_a_dataset_go_the_reports_that_were_made_of_it(
    ada: Person, services: Services, left: Left, role: str
) -> None:
    dataset_id = uploaded(ada)
    made, kept = (validation(services, ada, role, name, "completed") for name in (dataset_id, uploaded(ada)))
    for name in (made, kept):
        for place in (places.document(name), places.page(name)):
            services.storage.put(place, b"{}")
    before = len(left())
    assert ada.client.delete(f"{PATH}/{dataset_id}").status_code == 200
    assert len(left()) == before - 1
    for part in ("report", "collapse-details", "recommendations", "cascade"):
        refused = ada.client.get(f"/api/v1/validations/{made}/{part}")
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "dataset-deleted")
    assert ada.client.get(f"/api/v1/validations/{made}").status_code == 200
    expire_uploads(services)
    assert len(left()) == before - 3  # its own bytes, and both of these
    assert ada.client.get(f"/api/v1/validations/{kept}/report").status_code == 200


@pytest.mark.parametrize("role", ["dataset_id", "reference_id", "holdout_id"])
@pytest.mark.parametrize(("status", "answer"), [("queued", 409), ("running", 409), ("completed", 200), ("failed", 200)])
def test_what_a_validation_reads_is_not_deleted(
    ada: Person, services: Services, role: str, status: str, answer: int
) -> None:
    dataset_id = uploaded(ada)
    validation(services, ada, role, dataset_id, status)
    refused = ada.client.delete(f"{PATH}/{dataset_id}")
    assert refused.status_code == answer, refused.text
    if answer == 409:
        assert refused.json()["type"].endswith("dataset-in-use")
        assert ada.client.get(f"{PATH}/{dataset_id}/content").content == CSV


def test_bytes_that_the_storage_keeps_for_now_go_with_the_next_sweep(
    ada: Person, services: Services, left: Left
) -> None:
    dataset_id = uploaded(ada)
    folder = services.settings.data_folder / "storage" / "datasets"
    aside = folder.rename(folder.with_name("aside"))
    folder.write_text("in the way")  # no folder: every look into it fails
    assert ada.client.delete(f"{PATH}/{dataset_id}").status_code == 200
    folder.unlink()
    aside.rename(folder)
    assert isinstance(services.storage, LocalStorage) and len(left()) == 1
    assert expire_uploads(services) == 0
    assert left() == []


ROUTES = [
    ("GET", ""),
    ("DELETE", ""),
    ("GET", "/upload"),
    ("PUT", "/parts/1"),
    ("POST", "/complete"),
    ("GET", "/profile"),
    ("GET", "/content"),
]


@pytest.mark.parametrize(("method", "what"), ROUTES)
def test_another_companys_dataset_is_not_there(ada: Person, eve: Person, method: str, what: str) -> None:
    for dataset_id in (uploaded(ada), announce(ada, CSV)["dataset_id"]):
        answer = eve.client.request(method, f"{PATH}/{dataset_id}{what}", content=CSV if method == "PUT" else None)
        assert answer.status_code == 404 and answer.json()["type"].endswith("not-found")
        unknown = eve.client.request(method, f"{PATH}/{new_id('ds')}{what}", content=CSV if method == "PUT" else None)
        assert unknown.json()["detail"] == answer.json()["detail"]
    assert ids(eve) == ([], None) and len(ids(ada)[0]) == 2


@pytest.mark.parametrize(("method", "what"), ROUTES)
def test_nobody_gets_in_unknown_or_without_the_scope(ada: Person, method: str, what: str) -> None:
    path = f"{PATH}/{announce(ada, CSV)['dataset_id']}{what}"
    key = ada.client.post("/api/v1/api-keys", json={"name": "other", "scopes": ["jobs:read"]}).json()["key"]
    del ada.client.headers["authorization"]
    assert ada.client.request(method, path).status_code == 401
    assert ada.client.request(method, path, headers={"X-API-Key": key}).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "ds_",
        "ds_../../secrets.json",
        "ds_" + "A" * 24,
        "ds_" + "a" * 24 + "%0A",
        "ds_%00" + "a" * 23,
        "val_" + "a" * 24,
    ],
)
def test_names_that_no_dataset_has_are_refused(ada: Person, name: str) -> None:
    assert ada.client.get(f"{PATH}/{name}").status_code in (404, 422)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_size", 0),
        ("file_size", -1),
        ("file_size", 2**63),
        ("sha256", "xyz"),
        ("description", "a\0b"),
        ("description", "x" * 2_001),
        ("more", 1),
    ],
)
def test_fields_have_bounds(ada: Person, field: str, value: object) -> None:
    asked = {"filename": "table.csv", "file_type": "csv", "file_size": 5, field: value}
    answer = ada.client.post(f"{PATH}/upload", json=asked)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == f"body.{field}"
