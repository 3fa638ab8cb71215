"""Divergences against closed forms and against their own axioms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.stats.divergence import (
    expected_total_variation,
    jensen_shannon,
    segment_jensen_shannon,
    total_variation,
)

histograms = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


@given(histograms, histograms)
@settings(max_examples=60, deadline=None)
def test_divergences_are_bounded_symmetric_and_zero_for_equals(a: list[int], b: list[int]) -> None:
    assert 0 <= jensen_shannon(a, b) <= 1
    assert jensen_shannon(a, b) == pytest.approx(float(jensen_shannon(b, a)), abs=1e-12)
    assert total_variation(a, b) == pytest.approx(float(total_variation(b, a)))
    assert jensen_shannon(a, np.multiply(a, 3)) == pytest.approx(0, abs=1e-12)
    assert total_variation(a, b) ** 2 / (2 * np.log(2)) <= jensen_shannon(a, b) * 4 + 1e-12  # Pinsker, both halves


def test_disjoint_supports_are_one_bit_and_all_rows_apart() -> None:
    assert jensen_shannon([3, 0], [0, 7]) == 1
    assert total_variation([3, 0], [0, 7]) == 1


def test_null_of_jensen_shannon_is_chi_squared() -> None:
    rng = np.random.default_rng(3)
    p, n, m = np.array([0.1, 0.2, 0.3, 0.4]), 2_000, 2_000
    draws = jensen_shannon(rng.multinomial(n, p, 4_000), rng.multinomial(m, p, 4_000))
    chi = 2 * (n + m) * np.log(2) * draws
    assert chi.mean() == pytest.approx(len(p) - 1, rel=0.06)
    assert chi.var() == pytest.approx(2 * (len(p) - 1), rel=0.15)


def test_expected_total_variation_is_the_mean_between_two_samples() -> None:
    rng = np.random.default_rng(4)
    p, n, m = np.full(20, 0.05), 1_000, 3_000
    draws = total_variation(rng.multinomial(n, p, 3_000), rng.multinomial(m, p, 3_000))
    assert draws.mean() == pytest.approx(float(expected_total_variation(p, 1 / n + 1 / m)), rel=0.02)


def test_expected_total_variation_is_the_mean_of_draws_without_replacement() -> None:
    rng = np.random.default_rng(0)
    table, n = np.array([500, 200, 200, 100]), 600
    draws = total_variation(rng.multivariate_hypergeometric(table, n, 4_000), table)
    assert draws.mean() == pytest.approx(float(expected_total_variation(table, 1 / n - 1 / table.sum())), rel=0.02)
    assert expected_total_variation(table, 0.0) == 0


def test_segments_agree_with_single_histograms() -> None:
    a, b = np.array([1.0, 3, 2, 2, 0]), np.array([2.0, 2, 0, 3, 1])
    both = segment_jensen_shannon(a, b, np.array([0, 2, 5]))
    assert both == pytest.approx([float(jensen_shannon(a[:2], b[:2])), float(jensen_shannon(a[2:], b[2:]))])


def test_empty_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="mass"):
        jensen_shannon([0, 0], [1, 1])
