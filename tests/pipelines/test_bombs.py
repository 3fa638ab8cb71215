"""Small files that unpack to more than a machine holds: their jobs fail and say so, and the worker goes on."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthos.server.datasets.places import data_key
from synthos.server.db.tables import datasets
from synthos.server.jobs.children import _own_bytes
from synthos.server.jobs.queue import ask_cancel
from synthos.server.settings import GIB, MIB, Settings
from tests.pipelines.live import REAL, TOO_LONG, Live, live
from tests.pipelines.waiting import wait_for
from tests.server.datasets.uploading import CSV

pytestmark = [pytest.mark.slow, pytest.mark.long]
MOST = GIB
LIMITED = {"SYNTHOS_JOB_MEMORY_BYTES": str(MOST), "TMPDIR": "/tmp"}


def one_long_line() -> bytes:
    """Two GiB that are one cell of a CSV file."""
    return gzip.compress(b"a,b\n1,") + gzip.compress(b"x" * (16 * MIB)) * 128


def one_long_word() -> bytes:
    """A word of a MiB that stands once in the file, and in a hundred thousand rows."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), ["x" * MIB])
    buffer = io.BytesIO()
    plain = {"store_schema": False, "write_statistics": False}
    pq.write_table(pa.table({"a": column}), buffer, compression="zstd", dictionary_pagesize_limit=GIB, **plain)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(Settings(data_folder=tmp_path_factory.mktemp("bombs"))) as made:
        yield made


def queued(service: Live, name: str, kind: str, content: bytes) -> tuple[str, str]:
    """A dataset of these bytes, and the job that reads it."""
    dataset = service.dataset(filename=name, file_type=kind, file_size=len(content))
    (row,) = [row for row in service.all(datasets) if row.id == dataset]
    service.services.storage.put(data_key(row), content)
    return dataset, service.put("ingest", dataset)


def held_by(worker: psutil.Process) -> int:
    """Bytes that the worker and its jobs hold."""
    return sum(_own_bytes(process) for process in (worker, *worker.children(recursive=True)))


def test_a_bomb_fails_alone(service: Live) -> None:
    content = one_long_line()
    assert len(content) < 8 * MIB
    bomb, its_job = queued(service, "t.csv.gz", "csv", content)
    peaks = [0]
    with service.worker(REAL, **LIMITED) as worker:

        def over() -> bool:
            peaks.append(held_by(psutil.Process(worker.pid)))
            return bool(service.job(its_job).status == "failed")

        assert wait_for(over, TOO_LONG), service.job(its_job)
        _, good = queued(service, "t.csv", "csv", CSV)
        assert service.reaches(good, "succeeded") and worker.poll() is None
    row = service.job(its_job)
    assert row.error["reason"] in ("too-much-memory", "invalid-input") and row.attempts == 1, row.error
    assert max(peaks) < 4 * MOST
    told = service.ada.client.get(f"/api/v1/datasets/{bomb}").json()
    assert (told["status"], told["error"]["reason"]) == ("failed", row.error["reason"]) and told["error"]["fix"]


def test_a_table_that_is_larger_than_it_looks_is_read_a_little_at_a_time(service: Live) -> None:
    """A hundred GiB in a file of 500 bytes take their time, and no memory; who has seen enough calls it off."""
    content = one_long_word()
    assert len(content) < 1_000
    _, job_id = queued(service, "t.parquet", "parquet", content)
    with service.worker(REAL, **LIMITED) as worker:
        peaks = [0]

        def well_under_way() -> bool:
            peaks.append(held_by(psutil.Process(worker.pid)))
            children = psutil.Process(worker.pid).children()
            return bool(children) and children[0].cpu_times().user > 6.0  # most of the start takes half of that

        assert wait_for(well_under_way, TOO_LONG), service.job(job_id)
        assert service.job(job_id).status == "running" and max(peaks) < MOST
        with service.services.database.write(service.ada.principal.tenant) as work:
            ask_cancel(work, job_id)
        assert service.reaches(job_id, "cancelled")


def test_what_holds_too_much_memory_is_killed_and_says_so(service: Live) -> None:
    job_id = service.put("hoard")
    with service.worker(**LIMITED) as worker:
        assert service.reaches(job_id, "failed") and worker.poll() is None
    row = service.job(job_id)
    assert (row.error["reason"], row.attempts) == ("too-much-memory", 1) and "1.0 GiB" in row.error["detail"]
