"""Contingency tables and the dependence they show."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.stats.dependence import Tuples, mutual_information, pairs, random_tuples


def test_counts_agree_with_a_loop() -> None:
    rng = np.random.default_rng(0)
    sizes = (3, 4, 2)
    codes = np.column_stack([rng.integers(0, s, 50) for s in sizes]).astype(np.uint8)
    table = Tuples(((0, 1), (1, 2), (0, 2)), sizes)
    flat, offsets = table.count(codes), table.offsets
    for group, (i, j) in enumerate(table.columns):
        expected = np.zeros((sizes[i], sizes[j]))
        for row in codes:
            expected[row[i], row[j]] += 1
        assert (flat[offsets[group] : offsets[group + 1]].reshape(expected.shape) == expected).all()


def test_cells_of_triples_are_distinct() -> None:
    codes = np.array([[a, b, c] for a in range(3) for b in range(4) for c in range(5)], np.uint8)
    table = Tuples(((0, 1, 2),), (3, 4, 5))
    assert sorted(table.cells(codes).ravel()) == list(range(60))


@given(st.integers(2, 40), st.integers(1, 200), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_pairs_are_distinct_ordered_and_leave_no_column_out(columns: int, limit: int, seed: int) -> None:
    found = pairs(columns, limit, np.random.default_rng(seed))
    assert len(set(found)) == len(found) <= max(limit, 1)
    assert all(0 <= i < j < columns for i, j in found)
    if limit >= columns:
        assert {c for pair in found for c in pair} == set(range(columns))


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 50), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_random_tuples_are_distinct_and_in_range(columns: int, order: int, limit: int, seed: int) -> None:
    order = min(order, columns)
    found = random_tuples(columns, order, limit, np.random.default_rng(seed))
    assert 1 <= len(found) <= limit
    assert len(set(found)) == len(found)
    assert all(len(set(group)) == order and max(group) < columns for group in found)


def test_mutual_information_of_a_copy_is_its_entropy() -> None:
    assert mutual_information(np.diag([50, 50, 50, 50]), corrected=False) == pytest.approx(2)


def test_mutual_information_of_independent_columns_is_unbiased() -> None:
    rng = np.random.default_rng(2)
    tables = rng.multinomial(400, np.full(36, 1 / 36), 800).reshape(-1, 6, 6)
    assert mutual_information(tables, corrected=False).mean() > 0.03
    assert abs(mutual_information(tables).mean()) < 0.004


def test_mutual_information_needs_rows() -> None:
    with pytest.raises(ValueError, match="mass"):
        mutual_information(np.zeros((2, 2)))


def test_pairs_of_thousands_of_columns_are_not_written_out() -> None:
    rng = np.random.default_rng(0)
    tracemalloc.start()
    some = pairs(3_000, 600, rng)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(some) == 600 and all(a < b for a, b in some)
    assert peak < 2**20  # all 4.5 million pairs take 500 times as much
