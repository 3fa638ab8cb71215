from __future__ import annotations

import pickle
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl
import pytest

from synthos.errors import InternalError, TooFewRowsError
from synthos.profiling.scan import finish, merge, scan_batches, scan_unit
from synthos.tables.sources import open_table


def slices(frame, bounds):
    return [frame[low:high] for low, high in zip([0, *bounds], [*bounds, frame.height], strict=True)]


def scan(frame, plan, bounds=()):
    states = [scan_batches(index, [part], plan) for index, part in enumerate(slices(frame, bounds))]
    return finish(reduce(merge, states), "table", plan)


def test_small_tables_are_kept_whole(table, plan):
    frame = table(3000)
    done = scan(frame, plan(frame), (700, 2000))
    assert done.frame.equals(frame)
    assert done.rows.tolist() == list(range(3000))
    assert (done.scan.rows, done.profile.rows) == (3000, 3000)


def test_histogram_and_blocks_count_every_row(table, plan):
    frame = table(5000)
    chosen = plan(frame)
    codes = chosen.codec.encode(frame)
    done = scan(frame, chosen, (1234,))
    blocks = done.scan.blocks
    for column, (low, high) in enumerate(zip(blocks.offsets[:-1], blocks.offsets[1:], strict=True)):
        assert done.scan.histogram[low:high].tolist() == np.bincount(codes[:, column], minlength=high - low).tolist()
        for start, stop, counts in zip(blocks.starts, [*blocks.starts[1:], 5000], blocks.counts, strict=True):
            here = np.bincount(codes[start:stop, column], minlength=high - low)
            assert counts[low:high].tolist() == here.tolist()


def test_batches_within_a_shard_do_not_matter(table, plan):
    frame = table(4000)
    chosen = plan(frame, sample_rows=500)
    whole = finish(scan_batches(0, [frame], chosen), "t", chosen)
    parts = finish(scan_batches(0, slices(frame, (1, 100, 3000)), chosen), "t", chosen)
    assert parts.frame.equals(whole.frame)
    assert parts.profile.fingerprint == whole.profile.fingerprint
    assert np.array_equal(parts.scan.blocks.counts, whole.scan.blocks.counts)


def test_knowing_the_number_of_rows_changes_nothing(table, plan):
    frame = table(6000)
    chosen = plan(frame, sample_rows=300)
    blind = scan(frame, chosen, (2500, 4000))
    told = scan(frame, replace(chosen, total_rows=6000), (2500, 4000))
    assert told.rows.tolist() == blind.rows.tolist()
    assert told.profile == blind.profile
    assert np.array_equal(told.scan.blocks.counts, blind.scan.blocks.counts)


def test_sources_and_batches_give_the_same(table, plan, tmp_path):
    frame = table(3000)
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=1000)
    chosen = plan(frame, sample_rows=400)
    source = open_table(tmp_path / "t.parquet")
    states = [scan_unit(source, unit, chosen) for unit in source.units()]
    done = finish(reduce(merge, states), source.name, chosen, size=source.bytes)
    assert done.profile.bytes == source.bytes
    assert done.profile.fingerprint == scan(frame, chosen).profile.fingerprint
    assert done.frame.equals(frame[done.rows])


def test_sample_is_stratified_by_shard(table, plan):
    frame = table(10_000)
    done = scan(frame, plan(frame, sample_rows=1000), (5000, 9000))
    assert np.histogram(done.rows, bins=[0, 5000, 9000, 10_000])[0].tolist() == [500, 400, 100]
    assert done.frame.equals(frame[done.rows])


def test_fingerprint_sees_values_order_and_kinds_but_not_storage(table, plan):
    frame = table(1000)
    chosen = plan(frame)
    first = scan(frame, chosen).profile.fingerprint
    narrow = frame.with_columns(pl.col("age").cast(pl.Int16), pl.col("city").cast(pl.Categorical))
    assert scan(narrow, chosen).profile.fingerprint == first
    changed = [
        frame[::-1],
        frame[:999],
        frame.with_columns(pl.col("age") + (pl.int_range(pl.len()) == 500)),
        frame.with_columns(
            pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("other")).otherwise(pl.col("id")).alias("id")
        ),
    ]
    assert len({first, *(scan(other, chosen).profile.fingerprint for other in changed)}) == 5


def test_columns_are_found_by_name(table, plan):
    frame = table(1000)
    chosen = plan(frame)
    assert (
        scan(frame.select(reversed(frame.columns)), chosen).profile.fingerprint
        == scan(frame, chosen).profile.fingerprint
    )


def test_keys_do_not_hide_duplicates(table, plan):
    frame = table(1000)
    doubled = pl.concat([frame, frame.with_columns(pl.col("id") + "-again")])
    assert scan(doubled, plan(doubled)).profile.duplicate_share == pytest.approx(0.5)


def test_states_travel_between_processes(table, plan):
    frame = table(500)
    chosen = plan(frame)
    state = pickle.loads(pickle.dumps(scan_batches(0, [frame], pickle.loads(pickle.dumps(chosen)))))
    assert finish(state, "table", chosen).profile == scan(frame, chosen).profile


def test_a_shard_cannot_be_counted_twice(table, plan):
    frame = table(100)
    state = scan_batches(0, [frame], plan(frame))
    with pytest.raises(InternalError, match="merged twice"):
        merge(state, state)


def test_a_table_without_rows_cannot_be_finished(table, plan):
    frame = table(100)
    chosen = plan(frame)
    with pytest.raises(TooFewRowsError, match="no rows"):
        finish(scan_batches(0, [frame[:0]], chosen), "empty.csv", chosen)


def test_a_table_of_keys_alone_is_scanned(plan):
    frame = pl.DataFrame({"id": ["a", "b"]})
    done = scan(frame, plan(frame))
    assert done.scan.histogram.shape == (0,)
    assert done.profile.columns[0].distinct == 2
