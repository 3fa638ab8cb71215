"""Rows of megabytes: what is held of them does not grow with the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthos.profiling import columns, dictionary
from synthos.profiling.columns import LONGEST, ColumnScanner, limits_for
from synthos.profiling.dictionary import Dictionary
from synthos.profiling.hashing import cell_hashes
from synthos.stages import SAMPLE_BYTES, prepare, sample_rows
from synthos.tables.schema import Column
from synthos.tables.sources import open_table
from synthos.tables.types import compact

ROWS, LENGTH = 500, 1_000_000
#: What a process that scans the table may take more than before it began. The table takes 500 MB.
MOST_MEGABYTES = 400
SCAN = """
import sys
from functools import reduce
import polars as pl
from synthos.profiling.scan import ScanPlan, finish, merge, scan_unit
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import open_table

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

schema = Schema((Column("row", "integer", "Int64"), Column("text", "text", "String")))
codec = Codec.fit(pl.DataFrame({"row": [0, 1, 2], "text": ["a", "b", "cc"]}), schema)
before = peak()
source = open_table(sys.argv[1])
plan = ScanPlan(schema, codec, 16, total_rows=source.rows)
done = finish(reduce(merge, (scan_unit(source, unit, plan) for unit in source.units())), "large", plan)
assert done.profile.rows == source.rows and done.frame.height == 16
print((peak() - before) // 1024, int(done.profile.columns[1].mean))
"""


def text(seed: int, length: int = LENGTH) -> str:
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
    return np.random.default_rng(seed).choice(letters, length).tobytes().decode()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_table_of_megabyte_strings_is_scanned_in_bounded_memory(tmp_path: Path, ending: str) -> None:
    table = pl.DataFrame({"row": np.arange(ROWS), "text": [text(seed) for seed in range(ROWS)]})
    path = tmp_path / f"large.{ending}"
    if ending == "parquet":
        table.write_parquet(path, compression="lz4")
    else:
        table.write_csv(path)
    done = subprocess.run([sys.executable, "-c", SCAN, str(path)], capture_output=True, text=True, check=True)
    grown, mean = map(int, done.stdout.split())
    assert mean == LENGTH
    assert grown < MOST_MEGABYTES


def test_rows_that_were_picked_out_do_not_keep_the_others() -> None:
    whole = pl.DataFrame({"n": np.arange(20), "t": [None if n == 3 else text(n, 5_000) for n in range(20)]})
    picked = whole[[3, 7]]
    assert compact(picked).equals(picked)
    assert [held(frame["t"]) // 5_000 for frame in (picked, compact(picked))] == [19, 1]


def test_a_word_that_many_rows_share_is_not_written_out() -> None:
    """A hundred thousand rows of a megabyte, which are one megabyte in memory."""
    word = pl.Series("t", [text(1)])
    shared = pl.DataFrame({"t": word.gather([0] * 100_000)})
    picked = compact(shared[np.arange(0, 100_000, 2)])
    assert picked.height == 50_000 and held(picked["t"]) < 3 * LENGTH


def held(series: pl.Series) -> int:
    """Bytes that a series of strings keeps alive."""
    buffers = series.to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    return sum(buffer.size for buffer in buffers if buffer is not None)


def test_long_values_are_remembered_by_their_beginnings() -> None:
    one, other = text(1, LONGEST + 1), text(1, LONGEST) + "!"
    scanner = ColumnScanner(Column("t", "category", "String"), None, limits_for(1))
    scanner.add(pl.Series("t", [one, one, other, "short", None]))
    state = scanner.finished()
    (first, second), (_, third), *_ = state.heavy.top(3)
    assert isinstance(first, str) and second == 2 and third == 1
    assert first.startswith(one[:LONGEST]) and "4,097 characters" in first
    assert len(state.heavy.counts) == 3 and state.nulls == 1


def test_a_dictionary_holds_few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    values = pl.Series("t", [text(seed, 1_000) for seed in range(20)])
    hashes = cell_hashes(values, "category")
    assert Dictionary(None).index(values, hashes) is not None
    monkeypatch.setattr(dictionary, "LIMIT_BYTES", 10_000)
    assert Dictionary(None).index(values, hashes) is None
    scanner = ColumnScanner(Column("t", "category", "String"), None, columns.limits_for(1))
    scanner.add(values)
    assert len(scanner.finished().heavy.counts) == 20


def test_the_sample_of_long_rows_is_smaller_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pl.DataFrame({"n": np.arange(3_000) % 7, "t": [text(seed % 60, 900 + seed % 90) for seed in range(3_000)]})
    source = open_table(table)
    assert sample_rows(source) == 50_000 and not prepare(table).notes
    monkeypatch.setattr("synthos.stages.SAMPLE_BYTES", 1_500_000)
    job = prepare(table)
    assert job.plan("synthetic").sample_rows == sample_rows(source) == 1_024
    assert job.notes == ("The sample of the synthetic table has 1,024 rows and not 3,000: a row takes about 1 KiB.",)
    monkeypatch.setattr("synthos.stages.SAMPLE_BYTES", 1)
    assert job.plan("synthetic").sample_rows == 500
    assert SAMPLE_BYTES == 256 * 2**20
