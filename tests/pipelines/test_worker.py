"""Workers as they are: processes that start processes, are told to stop, and are killed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from synthos.server.db.tables import datasets, jobs, validations, workers
from synthos.server.jobs.queue import ask_cancel
from synthos.server.settings import Settings
from tests.pipelines.live import REAL, TOO_LONG, Live, family_of, gone, live, lives
from tests.pipelines.waiting import wait_for
from tests.server.postgres import cut_off, fresh_database, running_postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def on_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """A service on each of the two databases."""
    url = None if request.param == "sqlite" else fresh_database(request.getfixturevalue("postgres"))
    with live(Settings(data_folder=tmp_path / "data", database_url=url, lease_seconds=3.0)) as service:
        yield service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    with live(Settings(data_folder=tmp_path / "data", lease_seconds=3.0)) as made:
        yield made


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where workers put what is temporary: a path that is short enough for sockets."""
    with TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        yield Path(folder)


def cancel(service: Live, job_id: str) -> None:
    with service.services.database.write(service.ada.principal.tenant) as work:
        ask_cancel(work, job_id)


def test_an_uploaded_table_is_read_and_profiled(on_each: Live) -> None:
    rows = "\n".join(f"{number},{number % 7}" for number in range(600))
    content = f"amount,kind\n{rows}\n".encode()
    asked = {"filename": "a.csv", "file_type": "csv", "file_size": len(content)}
    client, base = on_each.ada.client, "/api/v1/datasets"
    announced = client.post(f"{base}/upload", json=asked).json()
    name = announced["dataset_id"]
    assert client.put(f"{base}/{name}/parts/1", content=content).is_success
    assert client.post(f"{base}/{name}/complete").is_success
    (job,) = on_each.all(jobs)
    with on_each.worker(REAL) as worker:
        assert on_each.reaches(job.id, "succeeded")
        detail = client.get(f"{base}/{name}").json()
        assert (detail["status"], detail["row_count"]) == ("ready", 600)
        assert client.get(f"/api/v1/jobs/{job.id}").json()["progress"]["stage"] == "scan"
        status = client.get("/api/v1/resources/status").json()
        assert status["workers"]["total"] == 1 and status["cpu"]["total"] >= 1
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(TOO_LONG) == 0
    assert on_each.all(workers) == []


def test_a_running_job_is_cancelled_and_leaves_nothing(on_each: Live, temporary: Path) -> None:
    job_id = on_each.put("endless")
    with on_each.worker(TMPDIR=str(temporary)) as worker:
        assert on_each.steps(job_id)
        family = family_of(worker.pid)
        assert len(family) == 1
        cancel(on_each, job_id)
        assert on_each.reaches(job_id, "cancelled")
        assert wait_for(gone(family), TOO_LONG)
        assert wait_for(lambda: list(temporary.glob("sw-*/[0-9]*")) == [], TOO_LONG)
        assert worker.poll() is None


def test_a_job_that_does_not_listen_is_killed_with_its_helpers(service: Live, tmp_path: Path) -> None:
    note = tmp_path / "note"
    job_id = service.put("deaf", payload={"note": str(note)})
    with service.worker():
        assert service.steps(job_id)
        family = [psutil.Process(int(pid)) for pid in note.read_text().split()]
        assert all(map(lives, family)) and len(family) == 2
        cancel(service, job_id)
        assert service.reaches(job_id, "cancelled")
        assert wait_for(gone(family), TOO_LONG)


def test_a_worker_that_is_told_to_stop_gives_its_job_back(on_each: Live) -> None:
    job_id = on_each.put("endless")
    with on_each.worker() as worker:
        assert on_each.steps(job_id)
        family = family_of(worker.pid)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(TOO_LONG) == 0
        assert gone(family)()
    row = on_each.job(job_id)
    assert (row.status, row.attempts, row.lease) == ("queued", 0, None)
    assert on_each.all(workers) == []


@pytest.mark.long
def test_a_validation_on_ray_is_given_back_too(service: Live, tables: Path, temporary: Path) -> None:
    job_id = service.put("validating", payload={"tables": str(tables)})
    with service.worker(TMPDIR=str(temporary)) as worker:
        assert service.steps(job_id, "cascade")
        family = family_of(worker.pid)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(TOO_LONG) == 0
        assert wait_for(gone(family), TOO_LONG)
    row = service.job(job_id)
    assert (row.status, row.attempts, row.error) == ("queued", 0, None)
    assert list(temporary.iterdir()) == []


def test_a_job_that_takes_too_long_has_failed(service: Live) -> None:
    job_id = service.put("endless")
    with service.worker(SYNTHOS_JOB_HOURS="0.0001"):
        assert service.reaches(job_id, "failed")
    assert service.job(job_id).error["reason"] == "timeout"


def test_a_job_that_cannot_be_started_waits_for_better_times(service: Live, temporary: Path) -> None:
    with service.worker(TMPDIR=str(temporary)) as worker:
        assert wait_for(lambda: len(service.all(workers)) == 1, TOO_LONG)
        (folder,) = temporary.glob("sw-*")
        shutil.rmtree(folder)
        folder.touch()
        job_id = service.put("count", service.dataset())
        assert wait_for(lambda: service.job(job_id).error is not None, TOO_LONG)
        row = service.job(job_id)
        assert (row.status, row.error["reason"]) == ("queued", "not-started") and row.due_at > row.started_at
        assert worker.poll() is None


def test_what_a_killed_worker_leaves_is_taken_over(service: Live, temporary: Path) -> None:
    """The process of its job ends with it; another worker has the job when its lease is over, and clears up."""
    job_id = service.put("endless")
    with service.worker(TMPDIR=str(temporary)) as worker:
        assert service.steps(job_id)
        family = family_of(worker.pid)
        worker.kill()
        assert wait_for(gone(family), TOO_LONG)
    first = service.job(job_id)
    assert (first.status, first.attempts) == ("running", 1) and list(temporary.glob("sw-*")) != []
    with service.worker(TMPDIR=str(temporary)) as heir:
        assert wait_for(lambda: service.job(job_id).attempts == 2, TOO_LONG)
        assert service.job(job_id).worker != first.worker
        assert len(list(temporary.glob("sw-*"))) == 1
        cancel(service, job_id)
        assert service.reaches(job_id, "cancelled")
        heir.send_signal(signal.SIGTERM)
        assert heir.wait(TOO_LONG) == 0
    assert list(temporary.glob("sw-*")) == []


def test_a_job_that_was_given_to_another_is_stopped_here(service: Live) -> None:
    job_id = service.put("endless")
    with service.worker() as worker:
        assert service.steps(job_id)
        family = family_of(worker.pid)
        with service.services.database.write(None) as work:
            taken = {"lease": "another", "worker": "wrk_other", "lease_until": work.now + timedelta(seconds=5)}
            work.run(jobs.update().where(jobs.c.id == job_id).values(taken))
        heard = len(service.told(job_id))
        assert wait_for(gone(family), TOO_LONG)
        assert len(service.told(job_id)) == heard


@pytest.mark.parametrize(
    ("kind", "reason", "attempts"),
    [("aborts", "crashed", 1), ("confused", "internal", 1), ("bad_table", "invalid-input", 1)],
)
def test_a_job_that_breaks_says_why(service: Live, kind: str, reason: str, attempts: int) -> None:
    job_id = service.put(kind, most_attempts=1 if kind != "bad_table" else 4)
    with service.worker():
        assert service.reaches(job_id, "failed")
    row = service.job(job_id)
    assert (row.error["reason"], row.attempts) == (reason, 1)
    if kind == "bad_table":
        assert (row.error["where"], row.error["fix"]) == ("a.csv, line 3", "save it again")


def test_a_job_that_crashed_is_tried_again_later(service: Live) -> None:
    job_id = service.put("aborts")
    with service.worker():
        assert wait_for(lambda: service.job(job_id).error is not None, TOO_LONG)
        row = service.job(job_id)
        assert (row.status, row.attempts) == ("queued", 1) and row.due_at > row.started_at


@pytest.mark.long
def test_a_validation_on_ray_leaves_nothing_when_it_is_cancelled(service: Live, tables: Path, temporary: Path) -> None:
    job_id = service.put("validating", payload={"tables": str(tables)})
    with service.worker(TMPDIR=str(temporary)) as worker:
        assert service.steps(job_id, "cascade")
        family = family_of(worker.pid)
        assert any(process.name() == "raylet" for process in family)
        cancel(service, job_id)
        assert service.reaches(job_id, "cancelled")
        assert wait_for(gone(family), TOO_LONG)
        assert wait_for(lambda: list(temporary.glob("sw-*/[0-9]*")) == [], TOO_LONG)


@pytest.mark.long
def test_a_validation_on_ray_dies_with_its_worker(service: Live, tables: Path, temporary: Path) -> None:
    job_id = service.put("validating", payload={"tables": str(tables)})
    with service.worker(TMPDIR=str(temporary)) as worker:
        assert service.steps(job_id, "cascade")
        family = family_of(worker.pid)
        worker.kill()
        assert wait_for(gone(family), TOO_LONG)


def test_a_database_that_throws_everybody_out_costs_no_attempt(tmp_path: Path, postgres: Any) -> None:
    url = fresh_database(postgres)
    with live(Settings(data_folder=tmp_path / "data", database_url=url, lease_seconds=5.0)) as service:
        job_id = service.put("endless")
        name = service.services.database.url.database
        with service.worker():
            assert service.steps(job_id)
            for _ in range(3):
                heard = len(service.told(job_id))
                service.services.close()
                cut_off(postgres, name)
                assert wait_for(lambda heard=heard: len(service.told(job_id)) > heard, TOO_LONG)
            assert service.job(job_id).attempts == 1
            cancel(service, job_id)
            assert service.reaches(job_id, "cancelled")


def test_a_validation_is_done_by_a_worker_and_watched(service: Live, tables: Path) -> None:
    client, names = service.ada.client, {}
    for role in ("fresh", "real"):
        content = (tables / f"{role}.parquet").read_bytes()
        asked = {"filename": f"{role}.parquet", "file_type": "parquet", "file_size": len(content)}
        names[role] = client.post("/api/v1/datasets/upload", json=asked).json()["dataset_id"]
        assert client.put(f"/api/v1/datasets/{names[role]}/parts/1", content=content).is_success
        assert client.post(f"/api/v1/datasets/{names[role]}/complete").is_success
    with service.worker(REAL):
        assert wait_for(lambda: {row.status for row in service.all(datasets)} == {"ready"}, TOO_LONG)
        asked = {"dataset_id": names["fresh"], "reference_dataset_id": names["real"], "validation_type": "quick"}
        made = client.post("/api/v1/validations/create", json=asked).json()["validation_id"]
        assert wait_for(lambda: service.all(validations)[0].status == "completed", TOO_LONG)
    found = client.get(f"/api/v1/validations/{made}").json()
    assert found["results"]["decision"] in ("approved", "inconclusive") and found["progress"] == 100
    told = client.get(f"/api/v1/validations/{made}/events").text
    assert str(service.settings.data_folder) not in told and "event: end" in told


def test_counting_is_done_once(service: Live) -> None:
    name = service.dataset()
    job_id = service.put("count", name)
    with service.worker():
        assert service.reaches(job_id, "succeeded")
    (row,) = service.all(datasets)
    assert row.row_count == 1
