"""Divergences against closed forms and against their own axioms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.stats.divergence import (
    expected_total_variation,
    jensen_shannon,
    kullback_leibler,
    segment_jensen_shannon,
    total_variation,
    wasserstein,
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


def test_kullback_leibler_of_two_coins() -> None:
    expected = 0.75 * np.log2(0.75 / 0.5) + 0.25 * np.log2(0.25 / 0.5)
    assert kullback_leibler([3, 1], [1, 1]) == pytest.approx(expected)


def test_floor_bounds_what_an_impossible_cell_costs() -> None:
    assert kullback_leibler([1, 1], [1, 0]) == np.inf
    assert kullback_leibler([0, 1], [1, 0], floor=0.01) == pytest.approx(np.log2(100))


def test_null_of_jensen_shannon_is_chi_squared() -> None:
    rng = np.random.default_rng(3)
    p, n, m = np.array([0.1, 0.2, 0.3, 0.4]), 2_000, 2_000
    draws = jensen_shannon(rng.multinomial(n, p, 4_000), rng.multinomial(m, p, 4_000))
    chi = 2 * (n + m) * np.log(2) * draws
    assert chi.mean() == pytest.approx(len(p) - 1, rel=0.06)
    assert chi.var() == pytest.approx(2 * (len(p) - 1), rel=0.15)


def test_null_of_total_variation_has_its_closed_form() -> None:
    rng = np.random.default_rng(4)
    p, n, m = np.full(20, 0.05), 1_000, 3_000
    draws = total_variation(rng.multinomial(n, p, 3_000), rng.multinomial(m, p, 3_000))
    assert draws.mean() == pytest.approx(float(expected_total_variation(p, n, m)), rel=0.02)


def test_cut_of_a_zipf_tail_is_its_mass() -> None:
    ranks = np.arange(1, 10_000_001, dtype=np.float64)
    zipf = ranks**-1.5
    cut = np.where(ranks <= 10_000, zipf, 0)
    beyond = 2 / np.sqrt(ranks[-1])  # what the sum leaves out of zeta(3/2)
    lost = total_variation(zipf, cut) + beyond / (zipf.sum() + beyond)
    assert lost == pytest.approx(7.4e-3, rel=0.05)


def test_segments_agree_with_single_histograms() -> None:
    a, b = np.array([1.0, 3, 2, 2, 0]), np.array([2.0, 2, 0, 3, 1])
    both = segment_jensen_shannon(a, b, np.array([0, 2, 5]))
    assert both == pytest.approx([float(jensen_shannon(a[:2], b[:2])), float(jensen_shannon(a[2:], b[2:]))])


def test_empty_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="mass"):
        jensen_shannon([0, 0], [1, 1])


@given(st.floats(-5, 5), st.integers(2, 40), st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_wasserstein_of_a_shift_is_the_shift(shift: float, n: int, m: int) -> None:
    a, b = np.linspace(0, 1, n), np.linspace(0, 1, m)
    assert wasserstein(a, a + shift) == pytest.approx(abs(shift), abs=1e-9)
    assert wasserstein(a, b + 10) == pytest.approx(b.mean() + 10 - a.mean())


@pytest.mark.parametrize(("rows", "fresh", "ratio", "tolerance"), [(100, 0, 0.605, 0.02), (50, 5, 0.904, 0.03)])
def test_gaussian_refits_shrink_as_in_closed_form(rows: int, fresh: int, ratio: float, tolerance: float) -> None:
    """Fifty generations of biased maximum likelihood; with a tenth of fresh real rows the loss stops."""
    rng = np.random.default_rng(5)
    chains = 2_000
    mean, deviation = np.zeros(chains), np.ones(chains)
    for _ in range(50):
        made = rng.normal(mean[:, None], deviation[:, None], (chains, rows - fresh))
        data = np.concatenate([made, rng.normal(size=(chains, fresh))], axis=1)
        mean, deviation = data.mean(axis=1), data.std(axis=1)
    assert (deviation**2).mean() == pytest.approx(ratio, rel=tolerance)
    grid = rng.normal(size=200_000)
    shrunk = np.sqrt(ratio)
    assert wasserstein(grid, shrunk * grid) == pytest.approx((1 - shrunk) * np.sqrt(2 / np.pi), rel=0.02)
