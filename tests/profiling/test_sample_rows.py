from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthos.profiling.rows import RowKeeper, allot, assemble, ceiling


def keep(shard, values, capacity, batch=100, seed=0):
    keeper = RowKeeper(shard, seed, capacity)
    for start in range(0, len(values), batch):
        keeper.add(pl.DataFrame({"x": values[start : start + batch]}))
    return keeper.kept()


@pytest.mark.parametrize("rows", [[50, 30, 20], [1, 1, 1], [7], [999, 1], [10**9, 3, 10**9]])
@pytest.mark.parametrize("sample", [1, 2, 10, 50])
def test_shares_are_proportional_to_within_one_row(rows, sample):
    given = allot(rows, sample)
    assert sum(given) == min(sample, sum(rows))
    for count, part in zip(rows, given, strict=True):
        assert abs(part - min(1, sample / sum(rows)) * count) < 1 + 1e-9
        assert part <= ceiling(count, sum(rows), sample) <= count


def test_a_table_that_fits_is_kept_whole_and_in_order():
    frame, rows = assemble([keep(0, list(range(250)), 500), keep(1, list(range(250, 400)), 500)], 500)
    assert frame["x"].to_list() == rows.tolist() == list(range(400))


def test_sampled_rows_are_the_rows_they_claim_to_be():
    shards = [keep(0, list(range(3000)), 200), keep(1, list(range(3000, 4000)), 200)]
    frame, rows = assemble(shards, 200)
    assert frame["x"].to_list() == rows.tolist()
    assert (np.diff(rows) > 0).all()
    assert (rows < 3000).sum() == 150


@pytest.mark.parametrize("batch", [1, 37, 5000])
def test_batches_do_not_matter(batch):
    values = list(range(2000))
    kept, other = keep(3, values, 50), keep(3, values, 50, batch)
    assert kept.positions.tolist() == other.positions.tolist()
    assert kept.frame.equals(other.frame)


def test_thinning_early_or_late_gives_the_same_rows():
    kept = keep(0, list(range(2000)), 80)
    assert kept.lowest(60).lowest(20).positions.tolist() == kept.lowest(20).positions.tolist()
    assert len(kept.lowest(0).positions) == 0


def test_seeds_choose_other_rows():
    values = list(range(2000))
    one, other = keep(0, values, 50, seed=1), keep(0, values, 50, seed=2)
    assert one.positions.tolist() != other.positions.tolist()


def test_every_row_is_as_likely():
    counts = np.zeros(100)
    for seed in range(600):
        counts[keep(0, list(range(100)), 20, seed=seed).positions] += 1
    assert ((counts - 120) ** 2 / (120 * 0.8)).sum() < 149  # chi-square with 99 degrees of freedom, 99.9 %


def test_a_shard_without_rows_keeps_nothing():
    assert RowKeeper(0, 0, 5).kept() is None
