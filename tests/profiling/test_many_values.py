"""Columns by the thousand and values by the million: what a scan keeps of them is bounded, and says its error."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest

from synthos.profiling.columns import limits_for
from synthos.profiling.scan import ScanState, finish
from synthos.profiling.spans import scan_span
from synthos.results import Kind
from synthos.stages import Job, prepare

ROWS = 1_000_000
#: What a scan of one column may weigh, whatever its values.
COLUMN_BYTES = 256 * 1024


def state_of(job: Job) -> ScanState:
    source = job.sources["synthetic"]
    return scan_span(source, source.units(), job.plan("synthetic"))


def test_a_category_of_a_million_values_is_sketched_and_its_frequent_one_is_found() -> None:
    numbers = np.random.default_rng(0).permutation(ROWS)
    users = pl.Series("user", numbers).cast(pl.String).str.zfill(9)
    table = pl.DataFrame({"user": pl.Series("user", "user-" + users).set(pl.Series(numbers % 40 == 0), "anonymous")})
    kinds: dict[str, Kind] = {"user": "category"}
    job = prepare(table, kinds=kinds)
    state = state_of(job)
    (column,) = state.columns.folded(lambda a, b: pytest.fail("one state is not merged"))
    limits = limits_for(1)
    assert len(column.heavy.counts) <= limits.heavy and len(column.distinct.hashes) <= limits.distinct
    assert len(pickle.dumps(column)) < COLUMN_BYTES
    profile = finish(state, "users", job.plan("synthetic")).profile.columns[0]
    true = ROWS - ROWS // 40 + 1
    assert 0 < profile.distinct_error < 0.02 and profile.distinct == pytest.approx(true, rel=4 * profile.distinct_error)
    (value, rows), *_ = column.heavy.top(1)
    assert value == "anonymous" and rows <= ROWS // 40 <= rows + column.heavy.lost
    assert any("taken for a category, but has about" in note for note in profile.notes)


def test_what_is_kept_of_columns_grows_with_their_number_and_no_faster() -> None:
    rng = np.random.default_rng(1)
    weights = []
    for columns in (400, 1_600):
        table = pl.DataFrame({f"c{number}": rng.normal(size=600) for number in range(columns)})
        weights.append(len(pickle.dumps(state_of(prepare(table)))))
    assert weights[1] < 4.4 * weights[0]
