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


def test_a_full_disk_is_waited_out(service: Live) -> None:
    content = ("amount,kind\n" + "\n".join(f"{number},{number % 7}" for number in range(600)) + "\n").encode()
    asked: dict[str, Any] = {"filename": "a.csv", "file_type": "csv", "file_size": len(content)}
    client, base = service.ada.client, "/api/v1/datasets"
    name = client.post(f"{base}/upload", json=asked).json()["dataset_id"]
    assert client.put(f"{base}/{name}/parts/1", content=content).is_success
    assert client.post(f"{base}/{name}/complete").is_success
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
    assert client.get(f"{base}/{name}").json()["status"] == "ready"
    assert service.job(job.id).error is None
