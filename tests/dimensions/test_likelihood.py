"""The tree density against tables whose structure and probabilities are known."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.dimensions.likelihood import GROUP, WIDE, chow_liu, mutual_information


def chain(rows: int, seed: int) -> np.ndarray:
    """Column 1 copies column 0 nine times of ten, column 2 copies column 1 likewise, column 3 is on its own."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, 4, rows)]
    for _ in range(2):
        columns.append(np.where(rng.random(rows) < 0.9, columns[-1], rng.integers(0, 4, rows)))
    return np.column_stack([*columns, rng.integers(0, 4, rows)])


SIZES = (4, 4, 4, 4)


def test_information_of_a_copy_is_the_entropy() -> None:
    column = np.random.default_rng(0).integers(0, 4, 8_000)
    information = mutual_information(np.column_stack([column, column]), (4, 4), np.random.default_rng(0))
    assert information[0, 1] == pytest.approx(2.0, abs=0.01)
    assert information[0, 0] == 0


def test_information_of_independent_columns_is_about_nothing() -> None:
    codes = np.random.default_rng(1).integers(0, 20, (5_000, 3))
    information = mutual_information(codes, (20, 20, 20), np.random.default_rng(0))
    assert information.max() < 0.01
    assert np.array_equal(information, information.T)


def test_wide_tables_order_pairs_as_narrow_ones_do() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 24, (4_000, WIDE + 2))
    codes[:, 7] = codes[:, 3]
    information = mutual_information(codes, (24,) * codes.shape[1], rng)
    assert np.unravel_index(np.argmax(information), information.shape) == (3, 7)


def test_very_wide_tables_compare_neighbours_only() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 6, (600, GROUP + 20))
    codes[:, 7], codes[:, -1] = codes[:, 3], codes[:, 2]
    information = mutual_information(codes, (6,) * codes.shape[1], rng)
    assert information[3, 7] == pytest.approx(np.log2(6), abs=0.1)
    assert information[2, -1] == 0.0
    assert np.array_equal(information, information.T)


def test_the_tree_is_the_chain_that_made_the_rows() -> None:
    tree = chow_liu(mutual_information(chain(6_000, 0), SIZES, np.random.default_rng(0)), SIZES)
    edges = {frozenset((column, parent)) for column, parent in enumerate(tree.parents) if parent >= 0}
    assert {frozenset((0, 1)), frozenset((1, 2))} <= edges
    assert frozenset((0, 2)) not in edges


def test_a_tree_without_information_has_no_edges() -> None:
    assert chow_liu(np.zeros((3, 3)), (2, 2, 2)).parents == (-1, -1, -1)


def test_rows_that_fit_have_less_misfit_than_shuffled_ones() -> None:
    codes = chain(6_000, 0)
    tree = chow_liu(mutual_information(codes, SIZES, np.random.default_rng(0)), SIZES)
    tables = tree.fit(codes)
    fresh = chain(4_000, 1)
    shuffled = np.random.default_rng(3).permuted(fresh, axis=0)
    assert tree.misfit(tables, fresh).mean() < -2.0
    assert tree.misfit(tables, shuffled).mean() > 0.5


def test_misfit_is_the_log_ratio_of_margins_to_joint() -> None:
    codes = np.repeat([[0, 0], [1, 1]], 5_000, axis=0)
    tree = chow_liu(np.array([[0.0, 1.0], [1.0, 0.0]]), (2, 2))
    misfit = tree.misfit(tree.fit(codes), np.array([[0, 0], [0, 1]]))
    assert misfit[0] == pytest.approx(-1.0, abs=0.01)  # p = 1/2, margins 1/4
    assert misfit[1] > 10


def test_rare_values_are_no_misfit_of_their_own() -> None:
    codes = np.column_stack([np.resize([0, 1], 10_000), np.zeros(10_000, np.int64)])
    codes[:5, 1] = 1
    tree = chow_liu(np.zeros((2, 2)), (2, 2))
    assert np.all(tree.misfit(tree.fit(codes), codes) == 0)


def test_unseen_codes_stay_finite() -> None:
    tree = chow_liu(np.array([[0.0, 1.0], [1.0, 0.0]]), (4, 4))
    tables = tree.fit(np.zeros((50, 2), np.int64))
    assert np.isfinite(tree.misfit(tables, np.array([[3, 3], [0, 3], [3, 0]]))).all()
