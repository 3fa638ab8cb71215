"""Tables that take more memory than a job may have, with the tasks of the service's own Ray: they fail alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthos.client import Client
from synthos.errors import RemoteError
from synthos.server.db.database import Database
from synthos.server.settings import GIB
from synthos.stages import SMALL_BYTES
from tests.e2e.running import EMAIL, PASSWORD, ended_once, running_service, worker_of
from tests.e2e.test_platform import Service, until
from tests.pipelines.live import gone
from tests.pipelines.test_bombs import one_long_line

pytestmark = [pytest.mark.slow, pytest.mark.long]
#: Less than two tasks that read the table take together, and more than the job's own process ever does.
MOST = 3 * GIB
#: Row groups of more than a GiB each, the rows of one, letters of a row that are alike, and others. The file is just so
#: large that tasks of Ray read it. A group is a single page a column, which no reader can take in pieces.
GROUPS, ROWS, ALIKE, OTHERS = 2, 140_000, 8_000, 330


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service({"SYNTHOS_HEADROOM": "0"}, workers=0) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with Client.login(service.url, EMAIL, PASSWORD) as session:
        yield session


def long_words(path: Path, groups: int, rows: int) -> None:
    """So many row groups of words that are long, most of whose letters pack well."""
    letters = np.random.default_rng(0)
    schema = pa.schema({"alike": pa.large_string(), "others": pa.large_string()})
    plain = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
    whole = {"data_page_size": 2**31 - 1, "write_batch_size": rows, "max_rows_per_page": rows}
    with pq.ParquetWriter(path, schema, **plain, **whole) as writer:
        for _ in range(groups):
            others = letters.integers(65, 123, size=(rows, OTHERS), dtype=np.uint8).view(f"S{OTHERS}").ravel()
            alike = pa.array([" " * ALIKE], schema.field(0).type).take(pa.array(np.zeros(rows, np.int32)))
            told = pa.array(others).cast(pa.string()).cast(schema.field(1).type)
            writer.write_table(pa.table([alike, told], schema=schema), row_group_size=rows)


def test_a_packed_bomb_is_refused_when_it_is_sent(service: Service, client: Client, tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(one_long_line())
    with worker_of(service, SYNTHOS_JOB_MEMORY_BYTES=str(MOST)) as worker, pytest.raises(RemoteError) as refused:
        client.upload(tmp_path / "t.csv.gz")
    assert worker.returncode == 0
    assert refused.value.reason in ("too-much-memory", "invalid-input") and refused.value.fix


def test_a_table_whose_tasks_on_ray_take_too_much_fails_and_says_so(
    service: Service, client: Client, tables: Path, tmp_path: Path
) -> None:
    long_words(tmp_path / "few.parquet", 1, 600)
    with worker_of(service):
        few, reference = (client.upload(tmp_path / "few.parquet").id for _ in range(2))
        good = client.upload(tables / "real.parquet").id
    # To read that much takes a worker minutes; what has come through once is asked about here.
    (stored,) = (service.folder / "data" / "storage" / "datasets" / few).glob("*.parquet")
    long_words(stored, GROUPS, ROWS)
    assert SMALL_BYTES < stored.stat().st_size < 2 * SMALL_BYTES
    validation = client.validate(few, reference, quick=True, wait=False).id
    with worker_of(service, SYNTHOS_JOB_MEMORY_BYTES=str(MOST)):
        until(lambda: bool(service.parts("ray::scan_span")))
        tasks = service.parts("ray::scan_span")
        with pytest.raises(RemoteError) as failed:
            client.wait(validation)
        assert failed.value.reason == "too-much-memory" and failed.value.fix
        until(gone(tasks))
        assert client.validate(good, quick=True).status == "completed"
    with closing(Database(f"sqlite:///{service.folder}/data/synthos.db")) as database:
        assert ended_once(database, validation, "failed").attempts == 1
    assert service.status() == 200
