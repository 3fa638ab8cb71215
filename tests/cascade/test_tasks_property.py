"""Whatever the tables: every row has one place, sizes are nested, and no copy stands on both sides."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from synthos.cascade.tasks import CascadeData, make_tasks
from synthos.errors import TooFewRowsError

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[int, ...], int]:
    """Two or three coded tables of one to six columns, some with many copies of few rows."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    sizes = tuple(draw(st.lists(st.integers(2, 30), min_size=1, max_size=6)))

    def table(rows: int) -> np.ndarray:
        made = np.column_stack([rng.integers(0, size, rows) for size in sizes]).astype(np.uint8)
        copies = draw(st.sampled_from([0.0, 0.3, 0.9]))
        copied = rng.random(rows) < copies
        made[copied] = made[rng.integers(0, max(rows // 50, 1), int(copied.sum()))]
        return made

    holdout = table(draw(st.integers(100, 400))) if draw(st.booleans()) else None
    return table(draw(st.integers(300, 900))), table(draw(st.integers(300, 900))), holdout, sizes, seed


def tasks(case: tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[int, ...], int]) -> CascadeData:
    try:
        return make_tasks(*case)
    except TooFewRowsError:
        assume(False)
        raise


def rows_of(*parts: np.ndarray) -> Counter[bytes]:
    return Counter(row.tobytes() for part in parts for row in part)


@quick
@given(tables())
def test_every_real_row_has_at_most_one_place(case: tuple) -> None:
    data = tasks(case)
    _, reference, holdout, _, _ = case
    placed = rows_of(data.reference, data.stop) + (rows_of(data.test) if holdout is None else Counter())
    assert not placed - rows_of(reference), "no row is used twice or invented"
    if holdout is not None:
        assert not rows_of(data.test) - rows_of(holdout)
    if holdout is None:
        assert placed.total() == len(reference), "without a holdout none is dropped either"


@quick
@given(tables())
def test_every_synthetic_row_trains_or_is_held_out_but_never_both(case: tuple) -> None:
    data = tasks(case)
    assert not rows_of(data.synthetic, data.own) - rows_of(case[0])


@quick
@given(tables())
def test_where_rows_are_varied_no_trained_row_equals_a_judge(case: tuple) -> None:
    data = tasks(case)
    assume(data.copy_proof)
    judges = set(rows_of(data.test, data.stop))
    assert not judges & set(rows_of(data.synthetic, data.reference))
    if case[2] is None:
        assert not set(rows_of(data.test)) & set(rows_of(data.stop))


@quick
@given(tables())
def test_both_arms_offer_nested_rows_that_count(case: tuple) -> None:
    data = tasks(case)
    for arm in ("synthetic", "reference"):
        small, large = data.train(arm, data.rows // 3), data.train(arm, data.rows)
        assert 1 <= len(small) <= len(large) <= data.rows
        assert np.array_equal(large[: len(small)], small)
        assert set(rows_of(large)) == set(
            rows_of((data.synthetic if arm == "synthetic" else data.reference)[: data.rows])
        )


@quick
@given(tables())
def test_a_fingerprint_changes_with_whatever_a_model_sees(case: tuple) -> None:
    data = tasks(case)
    before = data.fingerprint("synthetic", data.rows)
    for part in (data.synthetic, data.own, data.stop, data.test):
        part[0, 0] ^= 1
        assert data.fingerprint("synthetic", data.rows) != before
        part[0, 0] ^= 1
    assert data.fingerprint("synthetic", data.rows) == before
