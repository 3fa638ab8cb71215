"""Whatever way rows are dealt to shards, and shards to workers, the scan comes out the same."""

from __future__ import annotations

from functools import reduce

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.profiling.scan import ScanPlan, finish, merge, scan_batches
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("number", "number", "Float64"),
        Column("whole", "integer", "Int64"),
        Column("label", "category", "String"),
        Column("flag", "boolean", "Boolean"),
        Column("note", "text", "String"),
        Column("id", "key", "String"),
    )
)
QUICK = settings(max_examples=25, deadline=None)


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scale, centre = 10.0 ** draw(st.integers(-6, 6)), 10.0 ** draw(st.integers(-3, 7))
    pool = draw(st.sampled_from([1, 5, 600, 10**6]))
    frame = pl.DataFrame(
        {
            "number": rng.normal(centre, scale, rows),
            "whole": rng.integers(0, pool, rows),
            "label": [f"label {value}" for value in rng.integers(0, pool, rows)],
            "flag": rng.random(rows) < 0.5,
            "note": ["x" * int(value) for value in rng.integers(0, 30, rows)],
            "id": [str(value) for value in rng.integers(0, 10**9, rows)],
        },
        schema={"number": pl.Float64, "whole": pl.Int64, "label": pl.String, "flag": pl.Boolean}
        | {"note": pl.String, "id": pl.String},
    )
    holes = draw(st.sampled_from([0.0, 0.2, 1.0]))
    gaps = pl.Series("gaps", rng.random(rows) < holes)
    return frame.with_columns(pl.when(~gaps).then(pl.col(name)).alias(name) for name in ("number", "label", "flag"))


@st.composite
def deals(draw):
    """A table, its cut into shards of batches, and two orders in which the shards' states are merged."""
    frame = draw(tables())
    cuts = sorted(draw(st.lists(st.integers(0, frame.height), max_size=6)))
    shards = [frame[low:high] for low, high in zip([0, *cuts], [*cuts, frame.height], strict=True)]
    order = draw(st.permutations(range(len(shards))))
    return frame, shards, order, draw(st.integers(1, 50))


def make_plan(frame: pl.DataFrame, **options: int) -> ScanPlan:
    return ScanPlan(SCHEMA, Codec.fit(frame, SCHEMA), block_rows=8, **options)


def in_tree(states, order):
    """Merges the states two by two in the given order."""
    level = [states[index] for index in order]
    while len(level) > 1:
        level = [reduce(merge, level[first : first + 2]) for first in range(0, len(level), 2)]
    return level[0]


@pytest.mark.slow
@given(deals())
@QUICK
def test_counts_are_exact_and_moments_agree_however_rows_are_dealt(deal):
    frame, shards, order, batch = deal
    plan = make_plan(frame)
    whole = finish(scan_batches(0, [frame], plan), "t", plan)
    states = [
        scan_batches(index, [shard[first : first + batch] for first in range(0, shard.height, batch)], plan)
        for index, shard in enumerate(shards)
    ]
    dealt = finish(in_tree(states, order), "t", plan)
    assert dealt.profile.fingerprint == whole.profile.fingerprint
    assert dealt.scan.histogram.tolist() == whole.scan.histogram.tolist()
    assert dealt.scan.distinct_rows.hashes.tolist() == whole.scan.distinct_rows.hashes.tolist()
    assert dealt.scan.distinct_rows.copies.tolist() == whole.scan.distinct_rows.copies.tolist()
    assert dealt.frame.equals(frame)
    for one, other in zip(dealt.profile.columns, whole.profile.columns, strict=True):
        assert (one.nulls, one.distinct, one.distinct_error) == (other.nulls, other.distinct, other.distinct_error)
        assert (one.minimum, one.maximum, one.quantiles) == (other.minimum, other.maximum, other.quantiles)
        assert dict(one.top) == dict(other.top) or one.distinct > 20
        if other.mean is not None:
            assert one.mean == pytest.approx(other.mean, rel=1e-9)
            assert (one.std or 0) == pytest.approx(other.std or 0, rel=1e-9, abs=1e-9 * abs(other.mean))


@pytest.mark.slow
@given(deals())
@QUICK
def test_the_order_of_merging_changes_nothing_at_all(deal):
    frame, shards, order, _ = deal
    plan = make_plan(frame, sample_rows=37)
    states = [scan_batches(index, [shard], plan) for index, shard in enumerate(shards)]
    one, other = finish(reduce(merge, states), "t", plan), finish(in_tree(states, order), "t", plan)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.frame.equals(other.frame)
    assert one.frame.equals(frame[one.rows])
    assert len(one.rows) == min(37, frame.height)
    assert one.scan.blocks.starts.tolist() == other.scan.blocks.starts.tolist()
    assert np.array_equal(one.scan.blocks.counts, other.scan.blocks.counts)
    assert one.profile == other.profile


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_sketches_of_a_large_table_stay_within_their_stated_errors(shards):
    rng = np.random.default_rng(shards)
    rows = 120_000
    frame = pl.DataFrame(
        {
            "number": np.where(rng.random(rows) < 0.1, 7.0, rng.normal(0, 1, rows)),
            "whole": np.floor(rng.pareto(0.8, rows)).clip(max=10**9).astype(np.int64),
        }
    )
    schema = Schema(SCHEMA.columns[:2])
    plan = ScanPlan(schema, Codec.fit(frame[:5000], schema), sample_rows=20_000)
    parts = np.array_split(np.arange(rows), shards)
    states = [scan_batches(index, [frame[part[0] : part[-1] + 1]], plan) for index, part in enumerate(parts)]
    profile = finish(in_tree(states, range(shards)[::-1]), "t", plan).profile
    for column in profile.columns:
        series = frame[column.name]
        assert column.distinct_error < 0.02
        assert abs(column.distinct / series.n_unique() - 1) <= 4 * column.distinct_error
        exact = dict(series.value_counts().iter_rows())
        lost = next(int(note.split()[-1]) for note in column.notes if "too low" in note)
        assert lost <= rows / 1025
        assert all(count <= exact[value] <= count + lost for value, count in column.top)
        ordered = np.sort(series.to_numpy())
        for text, value in column.quantiles.items():
            low, high = np.searchsorted(ordered, [value]) / rows, np.searchsorted(ordered, [value], "right") / rows
            assert low[0] - column.quantile_error <= float(text) <= high[0] + column.quantile_error
