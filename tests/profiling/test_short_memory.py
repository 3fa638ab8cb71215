"""Memory that runs out: fewer rows are read at a time, and one sentence says where that is no help."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from synthos.errors import TooLargeError
from synthos.profiling.scan import Scanned, ScanPlan, finish
from synthos.profiling.spans import scan_span
from synthos.tables.codec import Codec, Codes, NumericBins
from synthos.tables.reader import BATCH_ROWS
from synthos.tables.schema import Column, Schema
from synthos.tables.short_memory import STEPS
from synthos.tables.sources import Source, open_table
from tests.tables.greedy_readers import GreedyReader

ROWS = 20_000
TABLE = pl.DataFrame({"row": np.arange(ROWS), "x": np.arange(ROWS) % 11 / 2, "t": [f"text {n}" for n in range(ROWS)]})
SCHEMA = Schema((Column("row", "key", "Int64"), Column("x", "number", "Float64"), Column("t", "text", "String")))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    TABLE.write_parquet(tmp_path / "t.parquet")
    return open_table(tmp_path / "t.parquet")


def greedy(source: Source, fitting: int) -> Source:
    return replace(source, reader=GreedyReader(source.reader, fitting))


def scanned(source: Source, codec: Codec) -> Scanned:
    plan = ScanPlan(SCHEMA, codec, sample_rows=500, total_rows=ROWS)
    return finish(scan_span(source, source.units(), plan), "t", plan)


@pytest.mark.parametrize("fitting", [ROWS, 9_000, 600, 40])
def test_it_goes_on_with_fewer_rows_at_once_and_gives_none_twice(source: Source, fitting: int) -> None:
    frames = [frame for shard in source.shards() for frame in greedy(source, fitting).read(shard)]
    assert_frame_equal(pl.concat(frames), TABLE)


def test_where_not_even_a_row_fits_file_and_rows_are_named(source: Source) -> None:
    with pytest.raises(TooLargeError, match=r"t\.parquet: rows 0 to 19,999 of the table do not fit .* smaller row gr"):
        list(greedy(source, 0).read(source.shards()[0]))


def test_a_table_read_in_small_steps_has_the_same_scan(source: Source) -> None:
    codec = Codec.fit(TABLE, SCHEMA)
    plain, short = scanned(source, codec), scanned(greedy(source, 100), codec)
    assert short.profile == plain.profile and short.frame.equals(plain.frame)
    assert np.array_equal(short.scan.blocks.counts, plain.scan.blocks.counts)


@dataclass(frozen=True, slots=True)
class GreedyBins(NumericBins):
    """Bins of which no more than ``fitting`` values are found at once."""

    fitting: int = 0

    def encode(self, values: npt.NDArray[np.float64]) -> Codes:
        if len(values) > self.fitting:
            raise MemoryError
        return NumericBins(self.edges).encode(values)


def test_memory_that_runs_out_while_rows_are_counted_is_no_other(source: Source) -> None:
    codec = Codec.fit(TABLE, SCHEMA)
    bins = [GreedyBins(item.edges, 600) for item in codec.bins if isinstance(item, NumericBins)]
    assert len(bins) == len(codec.bins)
    short = scanned(source, replace(codec, bins=tuple(bins)))
    assert short.profile == scanned(source, codec).profile
    with pytest.raises(TooLargeError, match="rows 0 to 19,999"):
        scanned(source, replace(codec, bins=tuple(replace(item, fitting=0) for item in bins)))


def test_steps_end_with_a_single_row() -> None:
    assert STEPS[0] == BATCH_ROWS and STEPS[-1] == 1 and list(STEPS) == sorted(STEPS, reverse=True)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl", "arrow", "memory"])
def test_part_of_a_source_reads_the_same_and_is_small(tmp_path: Path, ending: str) -> None:
    """What goes to a worker does not grow with the number of files."""
    folder = tmp_path / "table"
    folder.mkdir()
    frames = list(TABLE[:8_000].iter_slices(400))
    if ending == "memory":
        whole = open_table(TABLE)
    else:
        for number, frame in enumerate(frames):
            path = folder / f"{number:02}.{ending}"
            writers = {"parquet": frame.write_parquet, "csv": frame.write_csv, "jsonl": frame.write_ndjson}
            writers.get(ending, frame.write_ipc)(path)  # type: ignore[operator]
        whole = open_table(folder)
    shards = whole.shards()[-2:]
    part = whole.part(shards, 100)
    read = [frame for shard in shards for frame in part.read(shard)]
    assert_frame_equal(pl.concat(read), pl.concat([frame for shard in shards for frame in whole.read(shard)]))
    assert max(frame.height for frame in read) <= 100
    assert part.rows == sum(shard.rows for shard in shards) and part.shards() == shards
    assert ending == "memory" or len(pickle.dumps(part)) < 0.5 * len(pickle.dumps(whole))
