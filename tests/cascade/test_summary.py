"""rho, n_eff, the loop and the predictions, from real small cascades and from made-up curves with known answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from synthos.cascade.curves import Curves, equivalents
from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.predictions import direction
from synthos.cascade.summary import drift, summarise
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig
from synthos.errors import InternalError
from synthos.results import CascadeResult, Interval

Cascades = Callable[[str], CascadeResult]
ROWS = np.geomspace(200, 6400, 6)


def curves(gap: float, fall: float = 0.0, noise: float = 0.01) -> Curves:
    """A reference curve of slope -1 bit per doubling, and a synthetic one above it by gap·(1 - fall·size index)."""
    rng = np.random.default_rng(0)
    wobble = noise * rng.standard_normal((2, 6, 201))
    wobble[:, :, 0] = 0
    reference = (26.0 - np.arange(6))[:, None] + wobble[0]
    synthetic = reference + (gap * (1 - fall * np.arange(6)))[:, None] + wobble[1]
    return Curves(ROWS, synthetic, reference, np.full(201, 31.0), noise)


def contains(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


@pytest.mark.slow
def test_rho_orders_real_half_and_fully_shuffled_tables(cascades: Cascades) -> None:
    real, half, wreck = (cascades(name) for name in ("real", "half", "shuffled"))
    assert abs(real.rho) < 0.05
    assert real.rho + 0.05 < half.rho < wreck.rho - 0.2
    assert 0.85 < wreck.rho < 1.15
    assert contains(wreck.rho_interval, wreck.rho)
    assert half.rho_interval.low > real.rho_interval.high


@pytest.mark.slow
def test_n_eff_falls_with_damage_and_says_where_it_is_a_bound(cascades: Cascades) -> None:
    real, half, wreck = (cascades(name) for name in ("real", "half", "shuffled"))
    assert real.n_eff > 0.6 * real.train_rows
    assert real.n_eff > half.n_eff >= wreck.n_eff
    assert wreck.n_eff_bound == "fewer_than"
    assert wreck.n_eff == pytest.approx(min(run.rows for run in wreck.models))
    assert wreck.n_eff_note.startswith(f"fewer than {wreck.n_eff:,.0f} real rows")


@pytest.mark.slow
def test_the_result_holds_all_models_in_order(cascades: Cascades) -> None:
    result = cascades("real")
    for arm, runs in (("synthetic", result.models), ("reference", result.reference_models)):
        assert [(run.tier, run.size_index) for run in runs] == [
            (tier, i) for tier in ("light", "medium", "heavy") for i in range(6)
        ]
        assert all(run.arm == arm for run in runs)
    assert [p.rows for p in result.predictions] == [10**6, 10**7, 10**8, 10**9]
    assert all(p.basis in ("floor", "refused") for p in result.predictions), "a million is over 100 times the largest"
    assert result.loop is not None
    assert len(result.loop.synthetic_bits) == 3


@pytest.mark.slow
def test_no_number_is_nan_or_infinite(cascades: Cascades) -> None:
    result = cascades("half")
    numbers = [result.rho, result.n_eff, result.independent_bits, result.rho_interval.low, result.n_eff_interval.high]
    numbers += [value for p in result.predictions for value in (p.loss_bits, p.rho) if value is not None]
    numbers += [run.loss_bits for run in result.models]
    assert all(math.isfinite(number) for number in numbers)


@pytest.mark.slow
def test_a_missing_or_doubled_model_is_an_error(cascades: Cascades, real_data: CascadeData) -> None:
    result = cascades("real")
    rows = np.zeros(len(real_data.test), np.float32)
    runs = [RunOutcome(run, rows) for run in (*result.models, *result.reference_models)]
    for wrong in (runs[:-1], [*runs[:-1], runs[0]]):
        with pytest.raises(InternalError, match="36 different models"):
            summarise(real_data, wrong, CascadeConfig(loop_generations=0), None)
    with pytest.raises(InternalError, match="loop"):
        summarise(real_data, runs, CascadeConfig(), None)


def test_equivalents_read_the_real_curve_backwards() -> None:
    # One bit worse on a curve that gains one bit per doubling is worth half the rows.
    values, bound = equivalents(curves(gap=1.0, noise=0.0))
    assert values[0] == pytest.approx(3200, rel=1e-6)
    assert bound == "exact"
    assert equivalents(curves(gap=-0.5))[1] == "at_least"
    assert equivalents(curves(gap=9.0))[1] == "fewer_than"


def test_rho_is_the_share_of_what_can_be_learned() -> None:
    made = curves(gap=2.0, noise=0.0)
    assert made.rho[-1, 0] == pytest.approx(2.0 / (31 - 21))
    flat = replace(made, independent=np.full(201, 21.0))
    assert flat.rho[-1, 0] == pytest.approx(2.0 / (0.02 * 21)), "a yardstick of nothing is never divided by"


def test_direction_needs_more_than_noise() -> None:
    assert direction(curves(gap=2.0, fall=0.19)) == "closing"
    assert direction(curves(gap=0.5, fall=-0.5)) == "widening"
    assert direction(curves(gap=0.0, noise=0.3)) == "level"


def test_the_loop_measures_the_slope_between_the_arms() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(20, 2, 500)
    steps = np.arange(4)[:, None]
    real = LoopOutcome("reference", (base + 0.1 * steps).astype(np.float32), 1.0)
    worse = base + 0.5 * steps + 0.05 * rng.standard_normal((4, 500))
    found = drift(LoopOutcome("synthetic", worse.astype(np.float32), 1.0), real)
    assert found.slope == pytest.approx(0.4, abs=0.01)
    assert 0.35 < found.interval.low < 0.4 < found.interval.high < 0.45
    with pytest.raises(InternalError, match="swapped"):
        drift(real, real)


@pytest.mark.slow
def test_a_real_sample_does_not_drift_faster_than_the_control(cascades: Cascades) -> None:
    loop = cascades("real").loop
    assert loop is not None
    assert contains(loop.interval, 0.0)
    assert loop.reference_bits[-1] > loop.reference_bits[0], "any model drifts on its own samples"
