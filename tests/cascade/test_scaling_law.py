"""The law is found where there is one, refused where there is none, and its intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.cascade.scaling_law import PRIOR_EXPONENT, Points, fit_law, refusal

N = np.repeat([2e4, 5e4, 2e5], 6)
D = np.tile(np.geomspace(200, 6400, 6), 3)


#: Floor of each tier; larger models reach lower and start higher.
FLOOR = np.repeat([20.6, 20.3, 20.0], 6)
FALL = np.repeat([50.0, 55.0, 60.0], 6)


def points(noise: float = 0.0, seed: int = 0, b: float = 0.48) -> Points:
    truth = FLOOR + FALL / D**b
    return Points(N, D, truth + noise * np.random.default_rng(seed).standard_normal(len(N)))


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_an_exact_law_is_recovered() -> None:
    law = fit_law(points(), rng()).law
    assert law.floor == pytest.approx(20, abs=0.1)
    assert law.data_exponent == pytest.approx(0.48, abs=0.03)
    assert law.data_coefficient == pytest.approx(60, rel=0.15)
    assert law.model_coefficient == 0


@pytest.mark.parametrize(("parameters", "floor"), [(2e4, 20.6), (5e4, 20.3), (2e5, 20.0)])
def test_every_tier_has_a_floor_of_its_own(parameters: float, floor: float) -> None:
    assert fit_law(points(), rng(), parameters=parameters).floor[0] == pytest.approx(floor, abs=0.1)


def test_the_smaller_tiers_help_to_find_the_exponent() -> None:
    noise = np.where(N == 2e5, 0.05 * np.random.default_rng(3).standard_normal(18), 0)
    slow = Points(N, D, FLOOR + 10 * FALL / D**0.3 + noise)
    alone = fit_law(slow.take(N == 2e5), rng()).exponent[0]
    together = fit_law(slow, rng()).exponent[0]
    assert together == pytest.approx(0.3, abs=0.05)
    assert abs(together - 0.3) < abs(alone - 0.3)


def test_an_exponent_that_noise_hides_is_the_usual_one() -> None:
    assert fit_law(points(noise=1.0, b=0.9), rng()).exponent[0] == pytest.approx(PRIOR_EXPONENT[0], abs=0.1)


@pytest.mark.parametrize("times", [10, 30])
def test_prediction_is_within_three_percent_and_its_interval_holds(times: int) -> None:
    hits = []
    for seed in range(12):
        fit = fit_law(points(noise=0.05, seed=seed), rng())
        truth = 20 + 60 / (times * 6400) ** 0.48
        values = fit.predict(times * 6400)
        assert values[0] == pytest.approx(truth, rel=0.03)
        low, high = np.quantile(values[1:], [0.025, 0.975])
        hits.append(low <= truth <= high)
    assert sum(hits) >= 10


def test_the_floor_is_the_limit_of_endless_rows() -> None:
    fit = fit_law(points(), rng())
    assert fit.predict(np.inf)[0] == pytest.approx(20, abs=0.1)
    assert fit.predict(1e9)[0] > fit.predict(np.inf)[0]


def test_uncertainty_grows_with_distance() -> None:
    fit = fit_law(points(noise=0.1), rng())
    near, far = (np.std(fit.predict(rows)[1:]) for rows in (12_800, 640_000))
    assert far > near


def test_back_test_predicts_the_largest_size_from_the_others() -> None:
    exact = points()
    assert abs(fit_law(exact, rng()).surprise) < 0.1
    bent = Points(N, D, np.where(D.max() == D, exact.bits + 1.0, exact.bits))
    fit = fit_law(bent, rng())
    assert fit.surprise == pytest.approx(1.0, abs=0.1)


def test_a_tier_that_rises_is_level_and_does_not_bend_the_others() -> None:
    exact = points()
    rising = Points(N, D, np.where(N == 2e4, 20 + D / 1e5, exact.bits))
    assert fit_law(rising, rng(), parameters=2e4).data[0] == 0
    assert fit_law(rising, rng()).floor[0] == pytest.approx(20, abs=0.1)


def test_a_sound_fit_is_not_refused() -> None:
    assert refusal(fit_law(points(0.02), rng()), points(0.02)) is None


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (20 + D / 1000, "does not fall"),
        (np.where(D.max() == D, 15.0, 20 + 60 / D**0.5), "misses by"),
        (5 + 250 / D**0.45, "still falls too fast"),
    ],
)
def test_ill_behaved_curves_are_refused_with_the_reason(bits: np.ndarray, words: str) -> None:
    bad = Points(N, D, bits)
    assert words in str(refusal(fit_law(bad, rng()), bad))
