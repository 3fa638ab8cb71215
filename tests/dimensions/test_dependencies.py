"""Dependencies, relations and impossible pairs on columns whose rules are known."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.dimensions.dependencies import (
    MOST_DEPENDENCIES,
    Dependency,
    PairTables,
    Relation,
    broken_dependencies,
    find_dependencies,
    find_relations,
)

ROWS = 3_000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_column_that_decides_another_is_found_and_not_the_reverse() -> None:
    city = rng().integers(0, 12, ROWS)
    found = find_dependencies(np.column_stack([city, city // 4]), rng())
    assert found == (Dependency((0,), 1, 0.0),)


def test_two_columns_together_decide_a_third() -> None:
    left, right = rng(1).integers(0, 6, ROWS), rng(2).integers(0, 5, ROWS)
    found = find_dependencies(np.column_stack([left, right, (left + right) % 4]), rng())
    assert (0, 1) in [rule.given for rule in found if rule.implied == 2]
    assert all(len(rule.given) == 2 for rule in found)


def test_what_one_column_decides_is_not_told_again_with_another_beside_it() -> None:
    city, other = rng(1).integers(0, 12, ROWS), rng(2).integers(0, 3, ROWS)
    found = find_dependencies(np.column_stack([city, city // 4, other]), rng())
    assert [rule.given for rule in found if rule.implied == 1] == [(0,)]


@pytest.mark.parametrize(("share", "holds"), [(0.005, True), (0.05, False)])
def test_a_dependency_may_fail_in_one_row_of_a_hundred(share: float, holds: bool) -> None:
    city = rng().integers(0, 12, ROWS)
    region = np.where(rng(1).random(ROWS) < share, (city // 4 + 1) % 3, city // 4)
    found = find_dependencies(np.column_stack([city, region]), rng())
    assert bool([rule for rule in found if rule.given == (0,)]) == holds
    assert all(0 < rule.error <= 0.01 for rule in found)


def test_a_key_decides_nothing() -> None:
    assert find_dependencies(np.column_stack([np.arange(ROWS), rng().integers(0, 4, ROWS)]), rng()) == ()


def test_a_column_that_is_nearly_constant_is_not_worth_deciding() -> None:
    city = rng().integers(0, 12, ROWS)
    assert find_dependencies(np.column_stack([city, city == 3]).astype(np.int64), rng()) == ()


def test_independent_columns_have_no_dependency() -> None:
    assert find_dependencies(rng().integers(0, 5, (ROWS, 4)), rng()) == ()


def test_fewer_than_two_columns_have_no_rule() -> None:
    assert find_dependencies(rng().integers(0, 5, (ROWS, 1)), rng()) == ()
    assert find_relations(rng().random((ROWS, 1)), rng()) == ()


def test_the_number_of_dependencies_is_bounded() -> None:
    base = rng().integers(0, 6, ROWS)
    copies = np.column_stack([(base + shift) % 6 for shift in range(8)])
    assert len(find_dependencies(copies, rng())) == MOST_DEPENDENCIES


def test_broken_rows_are_those_that_differ_from_the_commonest_value() -> None:
    learn = np.array([[0, 5], [0, 5], [0, 6], [1, 7]])
    judge = np.array([[0, 5], [0, 6], [1, 7], [1, 5], [2, 5]])
    broken = broken_dependencies(Dependency((0,), 1, 0.0), learn, judge)
    assert broken.tolist() == [False, True, False, True, False]


def test_broken_rows_of_a_dependency_on_two_columns() -> None:
    learn = np.array([[0, 0, 1], [0, 1, 2], [1, 0, 2]])
    judge = np.array([[0, 0, 1], [0, 0, 2], [1, 1, 9]])
    assert broken_dependencies(Dependency((0, 1), 2, 0.0), learn, judge).tolist() == [False, True, False]


def test_an_order_of_two_numbers_is_found_once() -> None:
    income = rng().lognormal(0, 1, ROWS)
    spend = income * rng(1).random(ROWS)
    found = find_relations(np.column_stack([income, spend, rng(2).random(ROWS) + 500]), rng())
    assert found == (Relation("order", (1, 0), 0.0),)


def test_ranges_that_do_not_meet_are_no_order() -> None:
    assert find_relations(np.column_stack([rng().random(ROWS), rng(1).random(ROWS) + 5]), rng()) == ()


@pytest.mark.parametrize("form", ["sum", "product"])
def test_a_sum_and_a_product_are_found(form: str) -> None:
    a, b = rng().uniform(-2, 5, ROWS), rng(1).uniform(-3, 9, ROWS)
    c = a + b if form == "sum" else a * b
    found = [rule for rule in find_relations(np.column_stack([a, b, c]), rng()) if rule.form == form]
    assert [rule.columns for rule in found] == [(0, 1, 2)]


def test_rows_with_nulls_break_no_relation() -> None:
    values = np.array([[1.0, np.nan], [2.0, 1.0], [np.nan, 1.0], [1.0, 2.0]])
    assert Relation("order", (0, 1), 0.0).broken(values).tolist() == [False, True, False, False]


def test_a_column_of_nulls_takes_part_in_no_relation() -> None:
    values = np.column_stack([np.full(ROWS, np.nan), rng().random(ROWS)])
    assert find_relations(values, rng()) == ()


def test_impossible_cells_are_empty_ones_that_margins_would_fill() -> None:
    left = np.repeat([0, 1], 100)
    codes = np.column_stack([left, left])
    tables = PairTables.of([(0, 1)], (3, 2))
    impossible = tables.impossible(tables.cells(codes))
    # (0, 1) and (1, 0) are expected 50 times each and never met; code 2 was not seen at all, so nothing is known of it.
    assert np.flatnonzero(impossible).tolist() == [1, 2]


def test_rare_pairs_are_not_called_impossible() -> None:
    codes = np.column_stack([np.repeat([0, 1], [97, 3]), np.resize([0, 1], 100)])
    codes[97:, 1] = 0
    tables = PairTables.of([(0, 1)], (2, 2))
    assert not tables.impossible(tables.cells(codes)).any()


def test_cells_of_several_pairs_do_not_meet() -> None:
    tables = PairTables.of([(0, 1), (1, 2)], (2, 3, 4))
    every = np.array([[a, b, c] for a in range(2) for b in range(3) for c in range(4)])
    cells = tables.cells(every)
    assert set(cells[:, 0]) == set(range(6))
    assert set(cells[:, 1]) == set(range(6, 18))


@pytest.mark.parametrize(("rows", "broken", "found"), [(500, 3, 0), (500, 0, 1), (20_000, 120, 1)])
def test_a_small_table_must_uphold_a_rule_more_strictly(rows: int, broken: int, found: int) -> None:
    """Three broken rows of 500 may be 1.5 % of all; 120 of 20,000 are less than 1 % for sure."""
    city = rng().integers(0, 12, rows)
    region = city // 4
    region[:broken] = (region[:broken] + 1) % 3
    assert (
        len([rule for rule in find_dependencies(np.column_stack([city, region]), rng()) if rule.implied == 1]) == found
    )
