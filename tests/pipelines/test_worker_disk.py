"""A disk on which there is no room: the job waits, says why, leaves nothing half-written, and is done when there is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synthos.server.db.tables import datasets, jobs
from synthos.server.settings import Settings
from tests.pipelines.live import REAL, TOO_LONG, Live, live
from tests.pipelines.waiting import wait_for
from tests.server.postgres import fresh_database, running_postgres

pytestmark = pytest.mark.slow
BASE = "/api/v1/datasets"
ROLES = ("wreck", "real")
#: Bytes that a file of the worker may have, and the command that sees to it. What it says goes nowhere: into a file.
LIMIT = 512
LIMITED = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
os.execv(sys.executable, [sys.executable, "-m", "pipelines.worker"])
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    """Its database lies on another disk."""
    with running_postgres() as server:
        settings = Settings(data_folder=tmp_path / "data", database_url=fresh_database(server))
        with live(settings) as made:
            yield made


def sent(client: Any, content: bytes, filename: str, file_type: str) -> str:
    """A dataset whose bytes are all there; its id."""
    asked: dict[str, Any] = {"filename": filename, "file_type": file_type, "file_size": len(content)}
    name = client.post(f"{BASE}/upload", json=asked).json()["dataset_id"]
    assert client.put(f"{BASE}/{name}/parts/1", content=content).is_success
    assert client.post(f"{BASE}/{name}/complete").is_success
    return str(name)


@pytest.mark.long
def test_a_full_disk_is_waited_out(service: Live) -> None:
    content = ("amount,kind\n" + "\n".join(f"{number},{number % 7}" for number in range(600)) + "\n").encode()
    client = service.ada.client
    name = sent(client, content, "a.csv", "csv")
    folder = service.settings.data_folder / "storage" / "datasets" / name
    there = sorted(folder.iterdir())
    (job,) = service.all(jobs)
    with service.worker((sys.executable, "-c", LIMITED)):
        assert wait_for(lambda: service.job(job.id).error is not None, TOO_LONG)
    row = service.job(job.id)
    assert (row.status, row.attempts, row.error["reason"]) == ("queued", 0, "storage-full")
    assert sorted(folder.iterdir()) == there
    (dataset,) = service.all(datasets)
    assert dataset.status == "processing"
    with service.worker(REAL):
        assert service.reaches(job.id, "succeeded")
    assert client.get(f"{BASE}/{name}").json()["status"] == "ready"
    assert service.job(job.id).error is None


@pytest.mark.long
def test_a_disk_that_is_full_when_the_verdict_is_written_costs_no_attempt(service: Live, tables: Path) -> None:
    client = service.ada.client
    named = {
        role: sent(client, (tables / f"{role}.parquet").read_bytes(), f"{role}.parquet", "parquet") for role in ROLES
    }
    with service.worker(REAL):
        for job in service.all(jobs):
            assert service.reaches(job.id, "succeeded")
    body = {"dataset_id": named["wreck"], "reference_dataset_id": named["real"], "validation_type": "quick"}
    made = client.post("/api/v1/validations/create", json=body).json()["validation_id"]
    (job,) = (job for job in service.all(jobs) if job.subject == made)
    with service.worker():
        assert wait_for(lambda: service.job(job.id).error is not None, TOO_LONG)
    row = service.job(job.id)
    assert (row.status, row.attempts, row.error["reason"]) == ("queued", 0, "storage-full")
    storage = service.settings.data_folder / "storage"
    assert [path.name for path in (storage / "validations").rglob("*") if path.is_file()] == []
    with service.worker(REAL):
        assert service.reaches(job.id, "succeeded")
    found = client.get(f"/api/v1/validations/{made}").json()
    assert found["status"] == "completed" and found["results"]["decision"] == "rejected"
