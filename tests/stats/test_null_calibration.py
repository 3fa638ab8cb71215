"""The scale: 100 for a fresh real sample, 0 for the wreck, honest where nothing can be told."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.errors import InternalError
from synthos.stats.calibration import Draws, Rows, draw, half_rows, judge, remembered, shuffled_columns
from synthos.stats.divergence import jensen_shannon


def _divergence(first: Rows, other: Rows) -> np.ndarray:
    return np.array([float(jensen_shannon(*(np.bincount(r.ravel(), minlength=10) for r in (first, other))))])


def _zeros(rows: Rows, rng: np.random.Generator) -> Rows:
    return np.zeros_like(rows)


@pytest.mark.slow
@pytest.mark.parametrize(("real", "made"), [(500, 500), (500, 5_000), (5_000, 500), (3_000, 3_000)])
def test_fresh_real_samples_score_97_and_more(real: int, made: int) -> None:
    rng = np.random.default_rng(real + made)
    scores = []
    for _ in range(30):
        reference, synthetic = rng.integers(0, 10, (real, 1)), rng.integers(0, 10, (made, 1))
        scores.append(draw(_divergence, reference, synthetic, rng, wreck=_zeros).judge(power=0.5).score)
    assert sum(score is not None and score >= 97 for score in scores) >= 28


def test_score_falls_with_damage_from_100_to_0() -> None:
    rng = np.random.default_rng(1)
    reference = rng.integers(0, 10, (4_000, 1))
    scores = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        made = rng.integers(0, 10, (4_000, 1))
        made[: int(share * 4_000)] = 0
        scores.append(draw(_divergence, reference, made, rng, wreck=_zeros).judge(power=0.5).score)
    assert scores[0] == 100
    assert scores[-1] == pytest.approx(0, abs=2)
    assert all(a is not None and b is not None and a > b + 10 for a, b in pairwise(scores))


@pytest.mark.slow
def test_interval_holds_the_spread_between_tables() -> None:
    """The score of other samples of the same damaged source mostly lies in the interval of one."""
    rng = np.random.default_rng(2)
    p = np.array([0.19, *[0.09] * 9])
    judgements = []
    for _ in range(40):
        reference, made = rng.integers(0, 10, (1_000, 1)), rng.choice(10, (1_000, 1), p=p)
        judgements.append(draw(_divergence, reference, made, rng, wreck=_zeros).judge(power=0.5))
    centre = np.median([j.score for j in judgements if j.score is not None])
    inside = [j.interval is not None and j.interval.low <= centre <= j.interval.high for j in judgements]
    assert np.mean(inside) >= 0.85


def test_a_wreck_no_worse_than_chance_is_not_judged() -> None:
    rng = np.random.default_rng(3)
    null = rng.normal(1.0, 0.1, 60)
    found = judge(null, null, 1.05)
    assert (found.score, found.interval) == (None, None)
    assert found.wreck == 1.05


@given(st.floats(0, 2), st.floats(0.01, 1), st.sampled_from([0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_formula(value: float, spread: float, power: float) -> None:
    null = spread * np.linspace(0, 1, 101)
    found = judge(np.full(5, value), null, 2.0, power=power)
    reached, start, end = (max(t - 0.5 * spread, 0) ** power for t in (value, 0.95 * spread, 2.0))
    expected = np.clip((reached - start) / (end - start), 0, 1)
    assert found.score == pytest.approx(100 * (1 - expected))
    assert found.interval is not None
    assert 0 <= found.interval.low <= found.score <= found.interval.high <= 100


def test_a_null_that_reaches_half_of_the_way_is_not_judged() -> None:
    null = np.linspace(0, 1, 101)
    assert judge([0.5], null, 1.35).score is None
    assert judge([0.5], null, 1.45).score == 100


def test_figures_that_are_not_finite_are_a_bug() -> None:
    with pytest.raises(InternalError, match="finite"):
        judge([np.nan], [0.0], 1.0)
    with pytest.raises(InternalError, match="no draws"):
        judge([], [0.0], 1.0)


def test_too_few_rows_are_a_bug() -> None:
    with pytest.raises(InternalError, match="rows"):
        draw(_divergence, np.zeros((3, 1), int), np.zeros((9, 1), int), np.random.default_rng(0))


def test_halves_are_disjoint_of_equal_size_and_capped() -> None:
    sizes: set[tuple[int, int, int]] = set()

    def seen(first: Rows, other: Rows) -> np.ndarray:
        sizes.add((len(first), len(other), len(np.intersect1d(first, other))))
        return np.zeros(1)

    draw(seen, np.arange(100), 100 + np.arange(60), np.random.default_rng(0), resplits=5)
    assert {(a, b) for a, b, _ in sizes} == {(30, 30)}
    assert half_rows(100, 60) == 30
    assert half_rows(10**6, 10**6, 500) == 500


def test_null_halves_share_no_row() -> None:
    overlaps = []

    def seen(first: Rows, other: Rows) -> np.ndarray:
        overlaps.append(np.intersect1d(first, other).size)
        return np.zeros(1)

    draw(seen, np.arange(100), 100 + np.arange(100), np.random.default_rng(0), resplits=6, wreck=_zeros)
    assert max(overlaps) <= 1  # the wreck is row 0 throughout


def test_same_seed_same_draws() -> None:
    rows = np.random.default_rng(7).integers(0, 10, (300, 1))
    first, second = (draw(_divergence, rows, rows[:200], np.random.default_rng(9)) for _ in range(2))
    assert (first.observed == second.observed).all()
    assert (first.null == second.null).all()


def test_shuffled_columns_keep_their_values_and_lose_their_rows() -> None:
    rows = np.column_stack([np.arange(200), np.arange(200)])
    shuffled = shuffled_columns(rows, np.random.default_rng(0))
    assert (np.sort(shuffled, axis=0) == rows).all()
    assert (shuffled[:, 0] != shuffled[:, 1]).mean() > 0.9


def test_a_maximum_has_the_null_of_the_maximum() -> None:
    rng = np.random.default_rng(5)
    draws = Draws(rng.normal(size=(500, 50)), rng.normal(size=(500, 50)), np.full((4, 50), 20.0), 100)
    single, most = draws.judge(0), draws.reduced(lambda d: d.max(axis=1)).judge()
    assert most.null_q95 > single.null_q95 + 1
    assert most.score is not None
    assert most.score >= 99


def test_common_scale_drops_elements_that_no_wreck_moves() -> None:
    null = np.tile(np.linspace(0, 1, 50)[:, None], (1, 2))
    draws = Draws(null, null + np.array([2.0, 7.0]), np.array([[4.5, 0.5]]), 100)
    assert draws.judgeable().tolist() == [True, False]
    loss = draws.loss()
    assert loss.observed.mean(axis=0) == pytest.approx([0.5, 0.0])
    assert np.median(loss.wreck, axis=0) == pytest.approx([1.0, 0.0])


def test_remembered_asks_once_for_the_same_rows() -> None:
    asked = []
    summary = remembered(lambda rows: asked.append(1) or rows.astype(float))
    rows = np.arange(3)
    assert (summary(rows) == summary(rows)).all()
    assert (summary(rows + 1) == rows + 1).all()
    assert len(asked) == 2
