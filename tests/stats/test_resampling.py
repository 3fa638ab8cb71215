"""Bootstrap intervals, tails, Fourier features and the classifier."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.stats.bootstrap import percentile_interval
from synthos.stats.features import fourier_features, fourier_tables, vendi
from synthos.stats.tails import hill
from synthos.stats.two_sample import dependence_gain


def test_bootstrap_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        rows = rng.normal(size=80)
        found = percentile_interval(rows[rng.integers(0, 80, (200, 80))].mean(axis=1), float(rows.mean()))
        hits += found.low <= 0 <= found.high
    assert 0.91 <= hits / 400 <= 0.97


def test_interval_holds_its_point_even_outside_the_draws() -> None:
    found = percentile_interval([1.0, 1.1, 1.2], 2.0, level=0.9)
    assert (found.high, found.level) == (2.0, 0.9)


@pytest.mark.parametrize("index", [0.25, 0.5, 1.0])
def test_hill_finds_a_pareto_index(index: float) -> None:
    values = np.random.default_rng(1).random(100_000) ** -index
    assert hill(values) == pytest.approx(index, rel=0.08)


def test_hill_is_silent_without_a_positive_tail() -> None:
    assert hill(np.arange(100.0)) is None
    assert hill(-np.arange(1, 5_000.0)) is None


def test_vendi_counts_unlike_rows() -> None:
    rng = np.random.default_rng(2)
    tables = fourier_tables([None] * 6, [8] * 6, rng)
    one = np.zeros((300, 6), np.uint8)
    two = np.concatenate([one, one + 3])
    many = rng.integers(0, 8, (600, 6)).astype(np.uint8)
    counts = [vendi(fourier_features(codes, tables)) for codes in (one, two, many)]
    assert counts[0] == pytest.approx(1, abs=1e-3)
    assert counts[1] == pytest.approx(2, abs=0.2)
    assert counts[2] > 10


def test_features_place_ordered_codes_on_a_line() -> None:
    line = np.array([np.nan, *np.linspace(-1.7, 1.7, 9)])
    tables = fourier_tables([line], [10], np.random.default_rng(3))
    features = fourier_features(np.arange(10, dtype=np.uint8)[:, None], tables)
    kernel = features @ features.T
    assert (np.diff(kernel[1, 1:6]) < 0).all()
    assert np.diag(kernel) == pytest.approx(1, abs=1e-4)


def test_classifier_gains_from_dependence_and_not_from_margins() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(0, 6, 3_000)
    real = np.column_stack([a, (a + rng.integers(0, 2, 3_000)) % 6, rng.integers(0, 6, 3_000)])
    shuffled = rng.permuted(real, axis=0)
    tilted = real[rng.choice(3_000, 3_000, p=(weights := 1.0 + real[:, 0]) / weights.sum())]
    same, error = dependence_gain(real[:1_500], real[1_500:], rng)
    assert same < 3 * error
    assert dependence_gain(real, shuffled, rng)[0] > 0.2
    assert dependence_gain(real, tilted, rng)[0] < 0.03


def test_classifier_sees_a_parity_that_no_pair_shows() -> None:
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 2, (3_000, 2))
    parity = np.column_stack([bits, bits.sum(axis=1) % 2])
    gain, error = dependence_gain(parity, rng.integers(0, 2, (3_000, 3)), rng)
    assert gain > max(0.05, 5 * error)
