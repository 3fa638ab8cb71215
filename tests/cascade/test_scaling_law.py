"""The law is found where there is one, refused where there is none, and its intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.cascade.scaling_law import Points, fit_law, refusal

N = np.repeat([2e4, 5e4, 2e5], 6)
D = np.tile(np.geomspace(200, 6400, 6), 3)


def points(noise: float = 0.0, seed: int = 0, b: float = 0.48) -> Points:
    truth = 20 + 40 / N**0.4 + 60 / D**b
    return Points(N, D, truth + noise * np.random.default_rng(seed).standard_normal(len(N)))


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_an_exact_law_is_recovered() -> None:
    law = fit_law(points(), rng(), with_model=True).law
    assert law.floor == pytest.approx(20, abs=0.01)
    assert law.data_exponent == pytest.approx(0.48)
    assert law.data_coefficient == pytest.approx(60, rel=0.01)
    assert law.model_exponent == pytest.approx(0.4)
    assert law.model_coefficient == pytest.approx(40, rel=0.01)
    assert law.error < 1e-6


def test_prediction_at_ten_times_is_within_three_percent_and_its_interval_holds() -> None:
    hits = []
    for seed in range(12):
        fit = fit_law(points(noise=0.05, seed=seed), rng(), with_model=True)
        truth = 20 + 40 / 2e5**0.4 + 60 / 64_000**0.48
        values = fit.predict(2e5, 64_000, rng())
        assert values[0] == pytest.approx(truth, rel=0.03)
        low, high = np.quantile(values[1:], [0.025, 0.975])
        hits.append(low <= truth <= high)
    assert sum(hits) >= 10


def test_the_floor_is_the_limit_of_endless_rows() -> None:
    fit = fit_law(points(), rng(), with_model=True)
    assert fit.predict(2e5, np.inf)[0] == pytest.approx(20 + 40 / 2e5**0.4, abs=0.01)
    assert fit.predict(2e5, 1e9)[0] > fit.predict(2e5, np.inf)[0]


def test_uncertainty_grows_with_distance() -> None:
    fit = fit_law(points(noise=0.1), rng(), with_model=False)
    near, far = (np.std(fit.predict(2e5, rows, rng())[1:]) for rows in (12_800, 640_000))
    assert far > near


def test_back_test_predicts_the_largest_size_from_the_others() -> None:
    exact = points()
    assert abs(fit_law(exact, rng(), with_model=True).surprise) < 0.01
    bent = Points(N, D, np.where(D.max() == D, exact.bits + 1.0, exact.bits))
    fit = fit_law(bent, rng(), with_model=True)
    assert fit.surprise == pytest.approx(1.0, abs=0.05)
    assert fit.doublings == pytest.approx(1.0)


def test_coefficients_never_turn_negative() -> None:
    # Larger models do worse here, as they do on few rows: the law must not credit them for being small.
    overfit = Points(N, D, 20 + N / 1e5 + 60 / D**0.5)
    law = fit_law(overfit, rng(), with_model=True).law
    assert law.model_coefficient == 0
    assert law.data_coefficient > 0


def test_a_sound_fit_is_not_refused() -> None:
    assert refusal(fit_law(points(0.02), rng(), with_model=True), points(0.02)) is None


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (20 + D / 1000, "does not fall"),
        (np.where(D.max() == D, 15.0, 20 + 60 / D**0.5), "misses by"),
    ],
)
def test_ill_behaved_curves_are_refused_with_the_reason(bits: np.ndarray, words: str) -> None:
    bad = Points(N, D, bits)
    assert words in str(refusal(fit_law(bad, rng(), with_model=True), bad))
