from __future__ import annotations

from collections import Counter
from functools import reduce

import numpy as np
import polars as pl

from synthos.profiling import heavy
from synthos.profiling.hashing import cell_hashes
from synthos.profiling.heavy import CAPACITY, HeavyHitters


def summary(values):
    distinct, counts = np.unique(values, return_counts=True)
    return heavy.of(distinct, counts)


def test_counts_are_exact_while_few_values_are_distinct():
    values = np.random.default_rng(0).integers(0, CAPACITY, 20_000).astype(float)
    found = reduce(heavy.merge, (summary(part) for part in np.split(values, 8)))
    assert found.lost == 0
    assert found.counts == dict(Counter(values.tolist()))


def test_counts_lie_within_the_stated_error():
    rng = np.random.default_rng(1)
    values = np.floor(rng.pareto(0.7, 60_000)).clip(max=1e6)
    found = reduce(heavy.merge, (summary(part) for part in np.split(values, 12)))
    assert 0 < found.lost <= len(values) / (CAPACITY + 1)
    exact = Counter(values.tolist())
    assert all(count <= exact[value] <= count + found.lost for value, count in found.counts.items())
    assert all(count <= found.lost for value, count in exact.items() if value not in found.counts)


def test_top_orders_by_count_then_by_value():
    assert HeavyHitters({"b": 2, "a": 2, "c": 5}).top(2) == (("c", 5), ("a", 2))


def test_labels_and_numbers_are_kept_as_they_are():
    assert heavy.of(["x", "y"], np.array([3, 1])).counts == {"x": 3, "y": 1}
    assert heavy.of_sorted(np.array([1.0, 2.0, 2.0])).counts == {1.0: 1, 2.0: 2}


def test_a_batch_without_repeats_is_summed_up_as_the_general_rule_would():
    values = np.arange(CAPACITY + 5, dtype=float)
    assert heavy.of_sorted(values) == summary(values) == HeavyHitters({}, 1)


def test_nothing_seen_is_nothing_found():
    assert heavy.of_sorted(np.empty(0)) == HeavyHitters()
    assert heavy.merge(HeavyHitters(), HeavyHitters({"a": 1})) == HeavyHitters({"a": 1})


def test_the_sieve_of_long_batches_keeps_to_the_stated_error():
    rng = np.random.default_rng(2)
    rows = 131_072
    values = np.where(rng.random(rows) < 0.02, 3.0, np.where(rng.random(rows) < 0.01, 4.0, rng.normal(0, 1, rows)))
    hashes = cell_hashes(pl.Series(values), "number")
    found = heavy.of_numbers(values, hashes)
    exact = Counter(values.tolist())
    assert 0 < found.lost <= 0.0004 * rows
    assert [value for value, _ in found.top(2)] == [3.0, 4.0]
    assert all(count <= exact[value] <= count + found.lost for value, count in found.counts.items())
    assert all(count <= found.lost for value, count in exact.items() if value not in found.counts)
