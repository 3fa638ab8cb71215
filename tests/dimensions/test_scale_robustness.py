"""Scale robustness: rho mapped to the score, and distinct cells that stop growing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from damages import cascade_of, component

from synthos.dimensions.scale_robustness import measure
from synthos.results import CascadeResult, Interval, NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 2_000


def answer(made: pl.DataFrame, real: pl.DataFrame, cascade: CascadeResult) -> Scored:
    result = measure(evidence_from_frames(made, real).with_cascade(cascade))
    assert isinstance(result, Scored), result
    return result


def rho(value: float, error: float = 0.02) -> CascadeResult:
    return replace(cascade_of(0.0), rho=value, rho_interval=Interval(low=value - error, high=value + error))


@pytest.mark.slow
@pytest.mark.parametrize(("value", "score"), [(-0.1, 100), (0.0, 100), (0.015, 100), (0.3, 71.2), (1.0, 0), (1.5, 0)])
def test_the_floor_is_rho_beyond_its_noise(real: pl.DataFrame, fresh: pl.DataFrame, value: float, score: float) -> None:
    assert component(answer(fresh, real, rho(value)), "floor") == pytest.approx(score, abs=0.5)


def test_a_vague_rho_is_not_resolved(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    result = answer(fresh, real, rho(0.4, error=0.3))
    assert not result.resolved
    assert result.interval.high - result.interval.low > 40


def test_a_wider_error_forgives_more(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    sharp, vague = (component(answer(fresh, real, rho(0.1, error)), "floor") for error in (0.01, 0.1))
    assert sharp < vague


@pytest.mark.slow
@pytest.mark.parametrize(("kept", "above", "below"), [(2, 88, 99.5), (4, 70, 90), (16, 15, 50)])
def test_rows_that_repeat_stop_showing_new_cells(
    real: pl.DataFrame, fresh: pl.DataFrame, kept: int, above: float, below: float
) -> None:
    few = fresh[: ROWS // kept]
    score = component(answer(pl.concat([few] * kept), real, rho(0.0)), "saturation")
    assert above <= score <= below


def test_noise_is_not_taken_for_saturation(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    shuffled = pl.DataFrame(
        [fresh[name].sample(fraction=1.0, shuffle=True, seed=i) for i, name in enumerate(fresh.columns)]
    )
    assert component(answer(shuffled, real, rho(0.0)), "saturation") >= 97


def test_saturated_columns_are_blamed(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    stuck = fresh.with_columns(
        pl.lit(40, pl.Int64).alias("age"), pl.lit(3e4).alias("income"), pl.lit(0.0).alias("debt")
    )
    result = answer(stuck, real, rho(0.0))
    assert result.score < 90
    assert {"age", "income", "debt"} & set(result.blame[0].columns)
    assert "fewer distinct combinations" in result.blame[0].detail


def test_the_worse_of_floor_and_saturation_counts(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    result = answer(pl.concat([fresh[:500]] * 4), real, rho(0.9))
    assert result.score == pytest.approx(component(result, "floor"))
    assert component(result, "saturation") > result.score


def test_rows_worth_are_shown_and_not_scored(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    (worth,) = [
        item
        for item in answer(fresh, real, replace(rho(0.0), n_eff=250.0)).components
        if item.name == "real_row_equivalents"
    ]
    assert worth.value == 0.25
    assert worth.score is None


def test_without_a_cascade_it_says_why_it_does_not_apply(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    result = measure(evidence_from_frames(fresh, real))
    assert isinstance(result, NotApplicable)
    assert "--quick" in result.reason


def test_narrow_tables_are_judged_on_the_columns_they_have() -> None:
    rng = np.random.default_rng(0)
    real, fresh = (pl.DataFrame({"x": rng.normal(size=800)}) for _ in range(2))
    assert answer(fresh, real, rho(0.0)).score >= 97
