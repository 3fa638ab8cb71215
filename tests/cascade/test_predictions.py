"""What is said about a million rows and more: extrapolated within reach, floors beyond, nothing where it is unsound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cascade_tables import made_runs

from synthos.cascade.curves import Curves
from synthos.cascade.predictions import predict, predict_at
from synthos.cascade.scaling_law import FORM
from synthos.results import Arm, CascadeResult, Interval, Law, ModelRun, ScalePrediction, Tier

SMALL = (200, 400, 800, 1600, 3200, 6400)
LARGE = (1000, 2000, 4000, 8000, 16_000, 32_000)
INDEPENDENT = 31.0
Loss = Callable[[Arm, Tier, int], float]
EXTRA: dict[Tier, float] = {"light": 0.6, "medium": 0.3, "heavy": 0.1}


def lawful(arm: Arm, tier: Tier, rows: int) -> float:
    """The synthetic arm ends one bit above the real one; ten bits can be learned."""
    return 21.0 + (arm == "synthetic") + EXTRA[tier] + 40 / rows**0.48


def told(loss: Loss, sizes: tuple[int, ...]) -> tuple[Law, tuple[ScalePrediction, ...]]:
    runs = made_runs(200, sizes, loss)
    arms: dict[Arm, list[ModelRun]] = {"synthetic": [], "reference": []}
    for outcome in runs:
        arms[outcome.run.arm].append(outcome.run)
    shape = np.ones(101)
    means = {
        arm: np.array([[np.mean([loss(arm, tier, rows) for tier in EXTRA])] for rows in sizes]) * shape for arm in arms
    }
    curves = Curves(np.array(sizes, float), means["synthetic"], means["reference"], INDEPENDENT * shape, 0.0)
    return predict(arms["synthetic"], arms["reference"], curves, np.random.default_rng(5))


def test_within_a_hundred_times_the_largest_run_the_loss_is_stated_and_right() -> None:
    law, (million, *_) = told(lawful, LARGE)
    truth = lawful("synthetic", "heavy", 1_000_000)
    assert law.refused is None
    assert million.basis == "extrapolated"
    assert million.loss_bits == pytest.approx(truth, rel=0.01)
    assert million.loss_interval is not None
    assert million.loss_interval.low <= truth <= million.loss_interval.high
    assert million.rho == pytest.approx(0.1, abs=0.02)
    assert "31 times the largest run" in million.note


def test_beyond_a_hundred_times_only_the_floor_is_stated_and_it_is_one() -> None:
    _, predictions = told(lawful, SMALL)
    assert [p.basis for p in predictions] == ["floor"] * 4
    assert len({(p.loss_bits, p.rho, p.rho_interval, p.note) for p in predictions}) == 1
    floor = predictions[0]
    assert floor.loss_bits == pytest.approx(22.1, abs=0.3)
    assert floor.rho == pytest.approx(1 / (INDEPENDENT - 21.1), abs=0.03)
    assert "not figures for this size" in floor.note


def test_the_reach_ends_at_a_hundred_times() -> None:
    _, predictions = told(lawful, LARGE)
    assert [p.basis for p in predictions] == ["extrapolated", "floor", "floor", "floor"]
    assert [p.rows for p in predictions] == [10**6, 10**7, 10**8, 10**9]


@pytest.mark.parametrize("arm", ["synthetic", "reference"])
def test_an_arm_that_learns_nothing_refuses_the_law_by_name(arm: Arm) -> None:
    def flat(which: Arm, tier: Tier, rows: int) -> float:
        return 29.0 + rows / 1e5 if which == arm else lawful(which, tier, rows)

    law, predictions = told(flat, LARGE)
    assert law.refused == f"{arm} arm: the loss does not fall with more training rows"
    for prediction in predictions:
        assert prediction.basis == "refused"
        assert prediction.note == law.refused
        assert prediction.loss_bits is prediction.rho is prediction.loss_interval is prediction.rho_interval is None
        assert prediction.direction is not None, "what was measured may still be said"


def test_a_curve_that_breaks_at_the_end_is_refused_with_its_error() -> None:
    def broken(arm: Arm, tier: Tier, rows: int) -> float:
        return lawful(arm, tier, rows) - 3.0 * (rows == LARGE[-1])

    law, _ = told(broken, LARGE)
    assert law.refused is not None
    assert "misses by" in law.refused
    assert law.backtest_error is not None
    assert law.backtest_error > 0.03


def test_errors_that_both_arms_share_widen_rho_less_than_the_losses() -> None:
    _, (million, *_) = told(lawful, LARGE)
    assert million.loss_interval is not None
    assert million.rho_interval is not None
    assert million.rho is not None
    loss, rho = (interval.high - interval.low for interval in (million.loss_interval, million.rho_interval))
    yardstick = 1 / million.rho  # the arms are one bit apart
    assert loss / 2 < rho * yardstick < 1.2 * loss, "independent errors would make it 1.4 times the loss's"


def test_the_law_is_the_heavy_tiers() -> None:
    law, _ = told(lawful, LARGE)
    assert law.form == FORM
    assert law.reference is not None
    assert law.reference.floor == pytest.approx(21.1, abs=0.1)
    assert law.reference.model_coefficient == 0


def test_both_arms_laws_are_kept_with_their_floors() -> None:
    law, _ = told(lawful, LARGE)
    assert law.synthetic is not None
    assert law.reference is not None
    assert law.synthetic.floor - law.reference.floor == pytest.approx(1.0, abs=0.1)
    assert law.reference.data_exponent == pytest.approx(0.48, abs=0.09)


def finished(loss: Loss, sizes: tuple[int, ...]) -> CascadeResult:
    """A cascade of these losses, as far as predictions read it."""
    law, predictions = told(loss, sizes)
    runs = [outcome.run for outcome in made_runs(200, sizes, loss)]
    arms = {arm: tuple(run for run in runs if run.arm == arm) for arm in ("synthetic", "reference")}
    return CascadeResult(
        models=arms["synthetic"],
        reference_models=arms["reference"],
        independent_bits=INDEPENDENT,
        law=law,
        rho=0.1,
        rho_interval=Interval(low=0.0, high=0.2),
        n_eff=1.0,
        n_eff_interval=Interval(low=0.0, high=2.0),
        n_eff_bound="exact",
        n_eff_note="",
        predictions=predictions,
        loop=None,
        train_rows=sizes[-1],
    )


@pytest.mark.parametrize("tier", ["light", "medium", "heavy"])
def test_any_number_of_rows_can_be_asked_about_of_any_tier(tier: Tier) -> None:
    asked = predict_at(finished(lawful, LARGE), 300_000, tier, rng=np.random.default_rng(5))
    truth = lawful("synthetic", tier, 300_000)
    assert (asked.rows, asked.basis) == (300_000, "extrapolated") and f"{tier} tier" in asked.note
    assert asked.loss_bits == pytest.approx(truth, rel=0.01)
    assert asked.loss_interval is not None and asked.loss_interval.low <= truth <= asked.loss_interval.high


def test_what_is_asked_about_is_no_more_certain_than_what_is_told() -> None:
    cascade = finished(lawful, LARGE)
    (million, beyond, *_), rng = cascade.predictions, np.random.default_rng(5)
    assert predict_at(cascade, 10**6, rng=rng).loss_bits == million.loss_bits
    far = predict_at(cascade, 10**7, rng=rng)
    assert (far.basis, far.loss_bits, far.rho) == ("floor", beyond.loss_bits, pytest.approx(beyond.rho, abs=1e-9))

    def flat(arm: Arm, tier: Tier, rows: int) -> float:
        return 25.0 + EXTRA[tier]

    refused = predict_at(finished(flat, LARGE), 10**6, rng=rng)
    assert refused.basis == "refused" and refused.loss_bits is None and "does not fall" in refused.note
