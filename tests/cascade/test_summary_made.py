"""Summing up made-up outcomes: figures that can be worked out by hand, intervals that cover, and the notes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from cascade_tables import made_runs

from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.scaling_law import PRIOR_EXPONENT
from synthos.cascade.summary import SCATTER, summarise
from synthos.cascade.tasks import CascadeData, independent_bits, make_tasks
from synthos.cascade.tiers import CascadeConfig, training_sizes
from synthos.errors import InternalError
from synthos.results import Arm, CascadeResult, Tier

NO_LOOP = CascadeConfig(loop_generations=0)
COLUMNS = (8,) * 10


def coded(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 8, (rows, 10)).astype(np.uint8)


@pytest.fixture(scope="module")
def data() -> CascadeData:
    """Independent uniform columns: 30 bits a row, whatever the models made up for it say."""
    return make_tasks(coded(2000, 2), coded(2000, 1), None, COLUMNS, 3)


def runs(data: CascadeData, gap: float, noise: float = 0.01, fall: float = 60.0) -> list[RunOutcome]:
    def loss(arm: Arm, tier: Tier, rows: int) -> float:
        return 20.0 + fall / rows**0.5 + gap * (arm == "synthetic")

    return made_runs(len(data.test), training_sizes(NO_LOOP, data.rows), loss, noise)


def summed(data: CascadeData, gap: float, noise: float = 0.01, fall: float = 60.0) -> CascadeResult:
    return summarise(data, runs(data, gap, noise, fall), NO_LOOP, None)


def test_rho_is_the_gap_over_what_can_be_learned(data: CascadeData) -> None:
    result = summed(data, gap=1.0)
    best = 20 + 60 / data.rows**0.5
    independent = float(independent_bits(data).mean())
    assert result.independent_bits == pytest.approx(independent)
    assert result.rho == pytest.approx(1.0 / (independent - best), rel=0.01)
    assert result.train_rows == data.rows
    assert result.loop is None
    assert result.notes == ()


def test_rho_is_paired_over_test_rows(data: CascadeData) -> None:
    # Rows differ by a whole bit, the arms by a hundredth: unpaired, the gap would drown.
    result = summed(data, gap=0.2, fall=0.0)
    assert result.rho_interval.low > 0
    assert result.rho_interval.high - result.rho_interval.low < 0.01


def test_noise_widens_the_interval(data: CascadeData) -> None:
    quiet, loud = (summed(data, 0.2, noise, fall=0.0).rho_interval for noise in (0.01, 1.0))
    assert loud.high - loud.low > 5 * (quiet.high - quiet.low)


def test_a_curve_that_still_falls_widens_the_interval(data: CascadeData) -> None:
    result = summed(data, gap=0.0)
    rows = training_sizes(NO_LOOP, data.rows)
    fall = 60.0 * math.log(2.0) * (rows[-2] ** -0.5 - rows[-1] ** -0.5)
    excess = fall / ((rows[-1] / rows[-2]) ** PRIOR_EXPONENT[0] - 1.0)
    error = math.sqrt(2 * SCATTER * excess / rows[-1]) / math.log(2.0)
    yardstick = result.independent_bits - 20.0 - 60.0 / rows[-1] ** 0.5
    width = result.rho_interval.high - result.rho_interval.low
    assert width == pytest.approx(2 * 1.96 * error / yardstick, rel=0.15)


def test_no_gap_is_level_with_zero_inside(data: CascadeData) -> None:
    result = summed(data, gap=0.0, noise=0.5)
    assert result.rho_interval.low <= 0 <= result.rho_interval.high
    assert {prediction.direction for prediction in result.predictions} == {"level"}


def test_equivalents_follow_from_the_real_curve(data: CascadeData) -> None:
    result = summed(data, gap=1.0)
    sizes = np.array(training_sizes(NO_LOOP, data.rows), float)
    worse = 21 + 60 / data.rows**0.5
    expected = np.exp(np.interp(-worse, -(20 + 60 / sizes**0.5), np.log(sizes)))
    assert result.n_eff == pytest.approx(expected, rel=0.02)
    assert result.n_eff_interval.low <= result.n_eff <= result.n_eff_interval.high
    assert result.n_eff_bound == "exact"
    assert "more of them may be worth somewhat more" in result.n_eff_note
    better = summed(data, gap=-0.5)
    assert better.n_eff == pytest.approx(data.rows)
    assert better.n_eff_bound == "at_least"
    assert better.n_eff_note.startswith(f"at least {data.rows:,} real rows")
    worse = summed(data, gap=9.0)
    smallest = min(run.rows for run in worse.models)
    assert worse.n_eff == pytest.approx(smallest)
    assert all(item.n_eff == round(item.n_eff) for item in (result, better, worse))
    assert worse.n_eff_bound == "fewer_than"
    assert worse.n_eff_note.startswith(f"fewer than {smallest:,} real rows")


def test_the_order_of_outcomes_does_not_matter(data: CascadeData) -> None:
    made = runs(data, 0.5)
    forth, back = summarise(data, made, NO_LOOP, None), summarise(data, made[::-1], NO_LOOP, None)
    assert forth == back


def test_columns_that_hardly_depend_are_said_so(data: CascadeData) -> None:
    def loss(arm: Arm, tier: Tier, rows: int) -> float:
        return 29.9 + 0.3 * (arm == "synthetic")

    result = summarise(data, made_runs(len(data.test), training_sizes(NO_LOOP, data.rows), loss), NO_LOOP, None)
    assert result.rho == pytest.approx(0.3 / (0.02 * result.independent_bits), rel=0.05)
    assert any("hardly depend" in note for note in result.notes)


def test_what_was_left_out_is_noted(data: CascadeData) -> None:
    limited = replace(data, copy_proof=False, columns=tuple(range(0, 20, 2)))
    notes = summed(limited, gap=0.5).notes
    assert any("taken for chance" in note for note in notes)
    assert any("10 evenly spaced columns" in note for note in notes)


def test_a_loop_must_be_there_exactly_where_it_was_asked_for(data: CascadeData) -> None:
    made = runs(data, 0.5)
    bits = np.full((4, len(data.test)), 20.0, np.float32)
    loop = (LoopOutcome("synthetic", bits, 1.0), LoopOutcome("reference", bits, 1.0))
    found = summarise(data, made, CascadeConfig(), loop).loop
    assert found is not None
    assert found.slope == 0
    assert found.synthetic_bits == (20.0,) * 4
    for config, given in ((CascadeConfig(), None), (NO_LOOP, loop)):
        with pytest.raises(InternalError, match="do not fit"):
            summarise(data, made, config, given)
