"""Workers that die of what they read: it is read in smaller pieces, and where that is no help the job says what of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import scan
from pipelines.runtime import Runtime, running
from synthos.errors import TooLargeError
from synthos.profiling.scan import Scanned
from synthos.profiling.spans import spans
from synthos.progress import Event, silent
from synthos.stages import Job, prepare, scan_table
from synthos.tables.reader import Shard, Unit
from tests.tables.greedy_readers import GreedyReader

FILES, ROWS = 2, 2_000


def unit(index: int, rows: int = 10) -> Unit:
    return Unit(index, (Shard(index, "t.parquet", index * rows, rows, 100),))


def test_what_is_tried_after_a_death_is_smaller_until_there_is_nothing() -> None:
    (span,) = spans([unit(0)])
    span = (*span, unit(1))
    pieces = scan.Piece(span, span).smaller()
    assert [piece.units for piece in pieces] == [(unit(0),), (unit(1),)] and {piece.span for piece in pieces} == {span}
    tried = [pieces[1]]
    with pytest.raises(TooLargeError, match=r"t\.parquet: every process that reads rows 10 to 19 .* dies"):
        while True:
            tried += tried[-1].smaller()
    assert [piece.step for piece in tried] == [131_072, 8_192, 512, 32, 1]


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # the reader of this test is known to the workers
        with running(None, 2) as started:
            started.ray()
            yield started


def job_of(folder: Path, fitting: int) -> Job:
    """A job whose table kills every worker that is to hold more than ``fitting`` rows of it at once."""
    for number in range(FILES):
        rng = np.random.default_rng(number)
        table = pl.DataFrame({"x": rng.normal(size=ROWS), "n": rng.integers(0, 9, ROWS)})
        table.write_parquet(folder / f"part-{number}.parquet")
    job = prepare(folder)
    source = job.sources["synthetic"]
    greedy = replace(source, reader=GreedyReader(source.reader, fitting, os.getpid()))
    return replace(job, sources={"synthetic": greedy})


def scanned(runtime: Runtime, job: Job, events: list[Event]) -> Scanned:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "SMALL_BYTES", 0)
        patch.setattr(scan, "RETRIES", 0)
        patch.setattr(scan, "RETRIES_OF_SMALL", 0)
        return scan.scan(runtime, job, "synthetic", None, events.append)


@pytest.mark.slow
def test_a_worker_that_dies_of_a_shard_reads_it_in_smaller_pieces(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthos.tables.reader.UNIT_ROWS", ROWS)
    job = job_of(tmp_path, 600)
    events: list[Event] = []
    found, plain = scanned(runtime, job, events), scan_table(job, "synthetic", silent)
    assert found.profile.fingerprint == plain.profile.fingerprint and found.frame.equals(plain.frame)
    assert found.profile.columns[0].mean == pytest.approx(plain.profile.columns[0].mean)
    assert np.array_equal(found.scan.blocks.counts, plain.scan.blocks.counts)
    assert [event.done for event in events if event.stage == "scan"] == [0, 1, 2]


@pytest.mark.slow
def test_where_every_worker_dies_the_error_names_file_and_rows(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(TooLargeError, match=r"part-0\.parquet to .*part-1\.parquet: every process .* rows 0 to 3,999 "):
        scanned(runtime, job_of(tmp_path, 0), [])
