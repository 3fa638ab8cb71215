"""What a few scanned units say of a whole table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthos.estimation.clock import is_sent
from synthos.estimation.reading import LEAST_SPREAD, ONE_UNIT, Reading, extrapolate, measure_reading, spread_out
from synthos.progress import silent
from synthos.stages import Job, prepare, scan_table
from synthos.tables.reader import Shard, Unit


def units(*sizes: tuple[int, int]) -> list[Unit]:
    """Units of one shard each, of so many rows and bytes."""
    return [Unit(index, (Shard(index, "t.parquet", 0, rows, octets),)) for index, (rows, octets) in enumerate(sizes)]


def test_seconds_go_by_rows_where_units_are_alike():
    table = units((100, 1_000), (300, 3_100), (600, 5_800))
    seconds, _ = extrapolate([(table[0], 1.0), (table[1], 3.0)], table)
    assert seconds == pytest.approx(10.0)


def test_seconds_go_by_bytes_where_rows_are_far_wider_in_some_units():
    table = units((100, 1_000), (100, 9_000), (100, 10_000))
    seconds, _ = extrapolate([(table[0], 1.0), (table[1], 9.0)], table)
    assert seconds == pytest.approx(20.0)


def test_one_unit_says_less_than_several_and_units_that_differ_less_than_those_that_agree():
    table = units(*[(100, 100)] * 10)
    alone = extrapolate([(table[0], 1.0)], table)[1]
    agreeing = extrapolate([(unit, 1.0) for unit in table[:4]], table)[1]
    differing = extrapolate([(unit, 1.0 + unit.index) for unit in table[:4]], table)[1]
    assert alone == ONE_UNIT and agreeing == LEAST_SPREAD < differing


def test_nothing_to_read_costs_nothing():
    assert extrapolate([], []) == (0.0, 0.0)


def test_units_are_tried_from_all_over_the_table():
    order = [unit.index for unit in spread_out(units(*[(1, 1)] * 101), 101)]
    assert sorted(order) == list(range(101)) and set(order[:5]) == {0, 25, 50, 75, 100}
    assert [unit.index for unit in spread_out(units((1, 1)))] == [0]
    assert len(spread_out(units(*[(1, 1)] * 101), 7)) == 7


def large(folder: Path) -> Job:
    """A table of several units that is large enough to be kept."""
    rows = 1_200_000
    values = np.random.default_rng(0).normal(size=(rows, 8))
    pl.DataFrame(values).write_parquet(folder / "large.parquet", row_group_size=150_000, compression="uncompressed")
    return prepare(folder / "large.parquet", quick=True)


@pytest.mark.slow
def test_parts_that_are_kept_are_not_counted(tmp_path: Path):
    job = large(tmp_path)
    cache = tmp_path / "cache"
    fresh = measure_reading(job, "synthetic", cache)
    assert fresh.kept == 0 and fresh.to_read == 8 and is_sent(fresh)
    assert 0 < fresh.rows_tried <= fresh.rows == 1_200_000 and fresh.processor > 0 and fresh.state_bytes > 0
    scan_table(job, "synthetic", silent, cache)
    again = measure_reading(job, "synthetic", cache)
    assert (again.kept, again.to_read, again.processor, again.rows_tried) == (8, 0, 0.0, 0)


def test_small_tables_are_not_sent_to_workers():
    reading = Reading("synthetic", 9_000, 10_000, 1.0, 0.0, 0.1, 4, 0, 0.25, 0, 9_000)
    assert not is_sent(reading)
