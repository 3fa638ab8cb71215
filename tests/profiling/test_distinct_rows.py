from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from synthos.profiling import distinct
from synthos.profiling.distinct import EMPTY, SPACE, add, distinct_count, duplicate_share, merge, of


def hashes(count, pool, seed=0):
    values = np.random.default_rng(99).integers(0, 2**64, pool, dtype=np.uint64)
    return values[np.random.default_rng(seed).integers(0, pool, count)]


def truth(values, capacity):
    tally = sorted(Counter(values.tolist()).items())
    threshold = tally[capacity][0] if len(tally) > capacity else SPACE
    return tally[:capacity], threshold


def content(state):
    return list(zip(state.hashes.tolist(), state.copies.tolist(), strict=True)), state.threshold


@pytest.mark.parametrize(("count", "pool"), [(0, 5), (40, 10), (500, 64), (500, 65), (5000, 300), (5000, 100_000)])
def test_bottom_k_holds_the_smallest_hashes_with_exact_copies(count, pool):
    values = hashes(count, pool)
    assert content(of(values, 64)) == truth(values, 64)


@pytest.mark.parametrize("pool", [30, 2000])
def test_any_batches_and_any_merging_order_give_the_same(pool):
    values = hashes(3000, pool)
    expected = truth(values, 64)
    by_batches = EMPTY
    for start in range(0, 3000, 700):
        by_batches = add(by_batches, values[start : start + 700], 64)
    a, b, c = (of(part, 64) for part in np.split(values, [500, 2600]))
    assert content(by_batches) == expected
    assert content(merge(merge(a, b, 64), c, 64)) == expected
    assert content(merge(b, merge(c, a, 64), 64)) == expected
    assert content(merge(merge(EMPTY, b, 64), merge(c, a, 64), 64)) == expected


def test_distinct_count_is_exact_while_small_and_near_afterwards():
    assert distinct_count(of(hashes(2000, 50), 64)) == (50, 0.0)
    values = hashes(300_000, 40_000)
    exact = len(np.unique(values))
    found, error = distinct_count(of(values, 4096))
    assert error == pytest.approx(1 / 64, rel=0.01)
    assert abs(found / exact - 1) < 3 * error


def test_duplicate_share_is_exact_where_all_rows_are_kept():
    assert duplicate_share(of(np.array([1, 1, 2, 3], np.uint64), 64), 4) == (0.25, 0.0)


def test_duplicate_share_of_a_large_table_lies_within_three_standard_errors():
    values = hashes(100_000, 60_000)
    exact = 1 - len(np.unique(values)) / len(values)
    share, error = duplicate_share(of(values, 5000), len(values))
    assert 0 < error < 0.01
    assert abs(share - exact) < 3 * error


def test_two_tables_keep_the_same_rows_below_the_lower_threshold():
    one, other = hashes(20_000, 50_000, 1), hashes(30_000, 50_000, 2)
    a, b = of(one, 1000), of(other, 1000)
    low = min(a.threshold, b.threshold)
    shared = {h for h in a.hashes.tolist() if h < low} & set(b.hashes.tolist())
    assert shared == {h for h in set(one.tolist()) & set(other.tolist()) if h < low}


def test_runs_of_an_empty_array():
    assert distinct.run_starts(np.empty(0, np.uint64)).tolist() == []
    assert distinct.run_starts(np.array([4.0, 4.0, 5.0])).tolist() == [0, 2]
