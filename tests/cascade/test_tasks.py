"""Which rows train, stop and judge: no leak, nested sizes, and a real arm that does not depend on the synthetic one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from cascade_tables import SIZES, Table, chain

from synthos.cascade.tasks import COLUMN_LIMIT, MINIMUM_JUDGE_ROWS, CascadeData, independent_bits, make_tasks
from synthos.errors import SchemaError, TooFewRowsError


def varied(rows: int, seed: int) -> Table:
    """Rows so varied that equal ones are copies."""
    return np.random.default_rng(seed).integers(0, 8, (rows, 10)).astype(np.uint8)


WIDE = (8,) * 10


def as_set(table: Table) -> set[bytes]:
    return {row.tobytes() for row in table}


def test_no_real_row_is_both_trained_on_and_judged_by() -> None:
    reference = varied(1000, 1)
    reference = np.vstack([reference, reference[:300]])
    data = make_tasks(varied(1000, 2), reference, None, WIDE, 3)
    assert data.copy_proof
    trained, judged, stopped = as_set(data.reference), as_set(data.test), as_set(data.stop)
    assert not trained & judged
    assert not trained & stopped
    assert not judged & stopped
    assert len(data.test) + len(data.stop) + len(data.reference) == 1300


def test_a_table_copied_from_the_reference_never_trains_on_its_judges() -> None:
    reference = varied(1200, 1)
    data = make_tasks(reference[::-1], reference, None, WIDE, 3)
    assert data.copy_proof
    assert not as_set(data.synthetic) & (as_set(data.test) | as_set(data.stop))


def test_rows_that_repeat_by_chance_are_split_one_by_one() -> None:
    reference, fresh = chain(1500, 1, columns=2), chain(1500, 2, columns=2)
    data = make_tasks(fresh, reference, None, SIZES[:2], 3)
    assert not data.copy_proof
    assert as_set(data.test) <= as_set(data.reference), "common rows stand on both sides, as in life"
    assert len(data.train("reference", data.rows)) > 0.95 * data.rows, "chance repeats count"


def test_copies_within_the_synthetic_table_count_once() -> None:
    fresh = varied(400, 2)
    data = make_tasks(np.repeat(fresh, 4, axis=0), varied(1600, 1), None, WIDE, 3)
    counted = data.train("synthetic", data.rows)
    assert len(counted) == len(as_set(counted)) <= 400
    assert len(data.train("reference", data.rows)) == data.rows


def test_sizes_are_nested_and_the_same_in_both_arms() -> None:
    data = make_tasks(varied(700, 2), varied(2000, 1), None, WIDE, 3)
    assert data.rows == len(data.synthetic) < len(data.reference)
    for arm in ("synthetic", "reference"):
        assert np.array_equal(data.train(arm, 100), data.train(arm, data.rows)[:100])


def test_a_holdout_is_the_judge() -> None:
    holdout = varied(500, 9)
    data = make_tasks(varied(1000, 2), varied(1000, 1), holdout, WIDE, 3)
    assert as_set(data.test) == as_set(holdout)
    assert len(data.reference) == 900


def test_the_real_arm_depends_on_real_rows_alone() -> None:
    reference = varied(1000, 1)
    one = make_tasks(varied(1000, 2), reference, None, WIDE, 3)
    other = make_tasks(varied(1000, 4), reference, None, WIDE, 8)
    assert one.fingerprint("reference", 300) == other.fingerprint("reference", 300)
    assert one.fingerprint("synthetic", 300) != other.fingerprint("synthetic", 300)
    assert one.fingerprint("reference", 300) != one.fingerprint("reference", 301)


def test_the_same_seed_gives_the_same_rows_and_another_does_not() -> None:
    tables = varied(1000, 2), varied(1000, 1), None, WIDE
    assert np.array_equal(make_tasks(*tables, 3).synthetic, make_tasks(*tables, 3).synthetic)
    assert not np.array_equal(make_tasks(*tables, 3).synthetic, make_tasks(*tables, 4).synthetic)


def test_tasks_pickle_and_stay_small(real_data: CascadeData) -> None:
    packed = pickle.dumps(real_data)
    assert len(packed) < 40_000
    assert pickle.loads(packed).fingerprint("synthetic", 100) == real_data.fingerprint("synthetic", 100)


def test_very_wide_tables_are_thinned_evenly() -> None:
    rng = np.random.default_rng(0)
    tables = [rng.integers(0, 4, (600, 300)).astype(np.uint8) for _ in range(2)]
    data = make_tasks(tables[0], tables[1], None, (4,) * 300, 3)
    assert len(data.columns) == COLUMN_LIMIT == data.test.shape[1] == len(data.sizes)
    assert data.columns[0] == 0
    assert data.columns[-1] == 299


def test_five_hundred_rows_are_enough_and_eighty_are_not() -> None:
    assert make_tasks(varied(500, 2), varied(500, 1), None, WIDE, 3).rows >= 300
    with pytest.raises(TooFewRowsError, match="reference table"):
        make_tasks(varied(500, 2), varied(80, 1), None, WIDE, 3)


def test_copies_of_the_rows_that_judge_are_named_as_the_cause() -> None:
    holdout, reference = varied(600, 9), varied(1000, 1)
    with pytest.raises(
        TooFewRowsError, match=r"synthetic table: only 0 rows .* 540 others are copies of the real rows"
    ):
        make_tasks(holdout[::-1], reference, holdout, WIDE, 3)
    with pytest.raises(
        TooFewRowsError, match=r"reference table: .* copies of the real rows .* holdout that is no part"
    ):
        make_tasks(varied(1000, 2), reference, reference, WIDE, 3)
    with pytest.raises(TooFewRowsError, match="give at least 500 distinct rows"):
        make_tasks(varied(60, 2), reference, None, WIDE, 3)


def test_a_table_of_one_repeated_row_is_refused_or_counted_once() -> None:
    data = make_tasks(np.zeros((600, 10), np.uint8), varied(600, 1), None, WIDE, 3)
    assert len(data.train("synthetic", data.rows)) == 1


def test_one_row_that_fills_a_side_of_the_split_alone_is_refused() -> None:
    """Copies stay together, so that one row with many takes the place of the rows that should stop the models."""
    refused = 0
    for seed in range(20):
        reference = varied(1000, seed)
        reference[600:] = reference[0]
        try:
            data = make_tasks(varied(1000, 99), reference, None, WIDE, 3)
        except TooFewRowsError as error:
            assert "real rows are left to stop" in str(error)
            refused += 1
        else:
            assert len(data.test) >= 200
            assert len(data.stop) >= MINIMUM_JUDGE_ROWS
    assert 0 < refused < 20


def test_no_column_is_an_error() -> None:
    with pytest.raises(SchemaError, match="no column"):
        make_tasks(np.empty((600, 0), np.uint8), np.empty((600, 0), np.uint8), None, (), 3)


def test_independent_bits_are_the_entropy_of_uniform_columns() -> None:
    data = make_tasks(varied(4000, 2), varied(4000, 1), None, WIDE, 3)
    assert float(independent_bits(data).mean()) == pytest.approx(30.0, abs=0.05)
