"""Uploads as clients see them, on files and on a bucket."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pydantic import HttpUrl
from sqlalchemy import select

from synthos.server.audit.log import broken_at
from synthos.server.datasets import repository
from synthos.server.datasets.sweep import expire_uploads
from synthos.server.db.tables import audit_log, jobs
from synthos.server.settings import MIB, Settings
from synthos.server.state import Services
from synthos.server.storage.s3 import S3Storage
from tests.s3_server import free_port
from tests.server.conftest import Person, StandingClock
from tests.server.datasets.conftest import Left
from tests.server.datasets.uploading import CSV, PATH, announce, send, swap, uploaded

CONTENT = random.Random(1).randbytes(12 * MIB + 345)

pytestmark = pytest.mark.usefixtures("ground")


def test_a_file_is_sent_in_parts_taken_up_again_and_completed(ada: Person, services: Services) -> None:
    plan = announce(ada, CONTENT)
    path = f"{PATH}/{plan['dataset_id']}"
    assert (plan["chunk_size"], plan["parts_total"], plan["parts"]) == (5 * MIB, 3, [])
    send(ada, plan, CONTENT, [3, 1])
    incomplete = ada.client.post(f"{path}/complete")
    assert incomplete.status_code == 409 and incomplete.json()["type"].endswith("upload-incomplete")
    assert "not there: 2" in incomplete.json()["detail"]

    again = ada.client.get(f"{path}/upload").json()
    assert [(part["part_number"], part["size"]) for part in again["parts"]] == [(1, 5 * MIB), (3, 2 * MIB + 345)]
    if again["upload_method"] == "s3_multipart":
        assert [part["part_number"] for part in again["upload_urls"]] == [2]
    send(ada, again, CONTENT, [2])

    done = ada.client.post(f"{path}/complete").json()
    assert done["status"] == "processing" and done["processing_stages"] == ["verify", "read", "scan"]
    assert ada.client.get(f"{path}/content").content == CONTENT
    assert ada.client.get(f"{path}/upload").status_code == 409
    with services.database.read(None) as work:
        (job,) = work.all(select(jobs))
    assert (job.kind, job.subject, job.status, job.id) == ("ingest", plan["dataset_id"], "queued", done["job_id"])


def test_completing_again_changes_nothing(ada: Person, services: Services) -> None:
    dataset_id = uploaded(ada)
    answers = [ada.client.post(f"{PATH}/{dataset_id}/complete").json() for _ in range(2)]
    assert answers[0] == answers[1]
    with services.database.read(None) as work:
        assert len(work.all(select(jobs))) == 1
        actions = [row.action for row in work.all(select(audit_log).order_by(audit_log.c.sequence))]
        assert actions == ["dataset.announced", "dataset.completed", "job.queued"]
        assert broken_at(work, ada.company_id) is None


def test_nothing_is_shown_of_a_file_that_is_not_all_there(ada: Person) -> None:
    plan = announce(ada, CSV)
    path = f"{PATH}/{plan['dataset_id']}"
    for what in ("content", "profile"):
        answer = ada.client.get(f"{path}/{what}")
        assert answer.status_code == 409 and "uploading" in answer.json()["detail"]
    assert ada.client.get(path).json()["expires_at"] == plan["expires_at"]


def test_an_upload_that_is_not_completed_expires_and_leaves_no_bytes(
    ada: Person, services: Services, clock: StandingClock, left: Left
) -> None:
    plan = announce(ada, CONTENT)
    send(ada, plan, CONTENT, [1])
    other = uploaded(ada)
    assert expire_uploads(services) == 0 and len(left()) > 1
    clock.move(hours=24)
    ada.log_in()
    assert ada.client.get(f"{PATH}/{plan['dataset_id']}/upload").status_code == 409
    assert expire_uploads(services) == 1
    assert expire_uploads(services) == 0
    assert left() == [f"datasets/{other}/data.csv"]
    assert ada.client.get(f"{PATH}/{plan['dataset_id']}").json()["status"] == "expired"
    completed = ada.client.post(f"{PATH}/{plan['dataset_id']}/complete")
    assert completed.status_code == 409 and completed.json()["type"].endswith("upload-ended")


def test_deleting_ends_an_upload(ada: Person, left: Left) -> None:
    plan = announce(ada, CONTENT)
    send(ada, plan, CONTENT, [1])
    assert ada.client.delete(f"{PATH}/{plan['dataset_id']}").json()["status"] == "deleted"
    assert left() == []
    for method, what in (("POST", "complete"), ("GET", "upload"), ("GET", "content"), ("DELETE", "")):
        assert ada.client.request(method, f"{PATH}/{plan['dataset_id']}/{what}".rstrip("/")).status_code == 404


def test_what_clients_call_a_file_is_no_part_of_where_it_lies(ada: Person, left: Left) -> None:
    dataset_id = uploaded(ada, filename="Überraschung №1 (final).CSV")
    assert left() == [f"datasets/{dataset_id}/data.csv"]
    shown = ada.client.get(f"{PATH}/{dataset_id}/content").headers["content-disposition"]
    assert "filename*=UTF-8''%C3%9Cberraschung%20%E2%84%961%20%28final%29.CSV" in shown


def test_an_upload_that_died_while_it_was_announced_is_swept_away(
    ada: Person, services: Services, clock: StandingClock, left: Left
) -> None:
    with services.database.write(ada.principal.tenant) as work:
        about = {"filename": "table.csv", "file_type": "csv", "file_size": 9, "chunk_bytes": 5 * MIB}
        dataset_id = repository.add(work, **about, expires_at=work.now + timedelta(hours=24))
    services.storage.begin(f"datasets/{dataset_id}/data.csv", 9)
    assert ada.client.get(f"{PATH}/{dataset_id}/upload").status_code == 409
    clock.move(hours=24)
    assert expire_uploads(services) == 1
    assert left() == []


@pytest.mark.parametrize("ground", [pytest.param("cloud", marks=pytest.mark.slow)])
def test_an_upload_cannot_begin_while_the_storage_is_away(
    ada: Person, services: Services, settings: Settings, clock: StandingClock, ground: str
) -> None:
    there = services.storage
    assert settings.s3 is not None
    away = settings.s3.model_copy(update={"endpoint": HttpUrl(f"http://127.0.0.1:{free_port()}")})
    swap(services, storage=S3Storage(away, 1))
    asked = {"filename": "table.csv", "file_type": "csv", "file_size": 9}
    answer = ada.client.post(f"{PATH}/upload", json=asked)
    assert answer.status_code == 503 and answer.json()["type"].endswith("storage-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert ada.client.get("/readyz").json()["checks"]["storage"] is False
    assert [item["status"] for item in ada.client.get(PATH).json()["items"]] == ["expired"]
    swap(services, storage=there)
    assert expire_uploads(services) == 0  # it has expired before; its bytes are looked for once more
    assert ada.client.post(f"{PATH}/upload", json=asked).status_code == 201


def test_of_many_who_complete_at_once_one_does(ada: Person, services: Services) -> None:
    plan = announce(ada, CSV)
    send(ada, plan, CSV)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: ada.client.post(f"{PATH}/{plan['dataset_id']}/complete"), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    with services.database.read(None) as work:
        assert len(work.all(select(jobs))) == 1


def test_a_part_of_another_length_is_refused_by_whoever_takes_it(ada: Person) -> None:
    plan = announce(ada, CSV)
    if plan["upload_method"] == "parts":
        assert ada.client.put(plan["upload_url"].format(part_number=1), content=CSV[:-1]).status_code == 422
    else:
        request = urllib.request.Request(plan["upload_urls"][0]["url"], CSV[:-1], method="PUT")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)
        through_us = ada.client.put(f"{PATH}/{plan['dataset_id']}/parts/1", content=CSV)
        assert through_us.status_code == 409
    assert ada.client.get(f"{PATH}/{plan['dataset_id']}/upload").json()["parts"] == []
