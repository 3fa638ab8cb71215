"""What is rare: gone, thinned, cut off; and never a false alarm for what is more than before."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import CITIES, exchangeable

from synthos.dimensions.registry import evaluate
from synthos.results import Component, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 6_000
RARE = CITIES[6:].tolist()


def measured(made: pl.DataFrame, real: pl.DataFrame | None = None) -> Scored:
    reference = exchangeable(ROWS, 1) if real is None else real
    result = evaluate("rare_pattern_handling", evidence_from_frames(made, reference))
    assert isinstance(result, Scored), result
    return result


def part(result: Scored, name: str) -> Component:
    return next(part for part in result.components if part.name == name)


def without(frame: pl.DataFrame, gone: pl.Expr, share: float = 1.0) -> pl.DataFrame:
    """``share`` of the rows that meet ``gone`` replaced by copies of rows that do not."""
    rng = np.random.default_rng(0)
    flags = frame.select(gone).to_series().to_numpy() & (rng.random(frame.height) < share)
    rest = frame.filter(~gone)
    return pl.concat([frame.filter(~pl.Series(flags)), rest[rng.integers(0, rest.height, int(flags.sum()))]])


@pytest.mark.slow
def test_the_share_lost_is_the_share_taken() -> None:
    rare = pl.col("city").is_in(RARE)
    lost = [part(measured(without(exchangeable(ROWS, 2), rare, s)), "rare_values_lost").value for s in (0.0, 0.5, 1.0)]
    assert lost == pytest.approx([0.0, 0.45, 0.9], abs=0.1)  # some rare values are of other columns


@pytest.mark.slow
def test_fresh_real_rows_have_lost_no_rare_mass() -> None:
    found = part(measured(exchangeable(ROWS, 2)), "rare_mass_lost")
    assert 0 <= found.value < 0.05
    assert found.null_q95 is not None
    assert found.null_q95 < 0.1


@pytest.mark.slow
def test_all_rare_mass_gone_is_a_whole() -> None:
    made = exchangeable(ROWS, 2)
    found = part(measured(pl.concat([made[:1]] * ROWS)), "rare_mass_lost")
    assert found.value == pytest.approx(1.0, abs=0.02)
    assert found.score == pytest.approx(0.0, abs=2)


@pytest.mark.slow
def test_those_who_lost_their_rare_values_are_blamed() -> None:
    result = measured(without(exchangeable(ROWS, 2), pl.col("city").is_in(RARE)))
    assert result.score < 40
    assert "city" in result.blame[0].columns


@pytest.mark.slow
def test_more_of_what_is_rare_is_no_loss() -> None:
    made = exchangeable(ROWS, 2)
    extra = made.filter(pl.col("city").is_in(RARE))
    result = measured(pl.concat([made, extra, extra]).sample(ROWS, seed=0))
    assert part(result, "rare_values_lost").score == pytest.approx(100, abs=3)


@pytest.mark.slow
def test_a_surplus_in_one_rare_value_makes_up_for_no_other() -> None:
    made = exchangeable(ROWS, 2)
    swapped = made.with_columns(
        pl.when(pl.col("city").is_in(RARE)).then(pl.lit(RARE[0])).otherwise(pl.col("city")).alias("city")
    )
    assert part(measured(swapped), "rare_values_lost").value > 0.4


@pytest.mark.slow
def test_clipped_tails_are_seen_where_the_middle_is_untouched() -> None:
    made = exchangeable(ROWS, 2)
    clipped = made.with_columns(
        pl.col(name).clip(*(made[name].quantile(q) for q in (0.03, 0.97))) for name in ("age", "income", "spend")
    )
    tail = part(measured(clipped), "tail_0.01")
    assert tail.score is not None
    assert tail.score < 50


def test_the_lighter_tail_has_the_smaller_hill_index() -> None:
    rng = np.random.default_rng(3)
    real = pl.DataFrame({"x": rng.random(ROWS) ** -0.5, "y": rng.normal(size=ROWS)})
    made = pl.DataFrame({"x": rng.random(ROWS) ** -0.2, "y": rng.normal(size=ROWS)})
    found = part(measured(made, real), "hill_index")
    assert found.value == pytest.approx(0.3, abs=0.12)
    assert found.score is None
    assert "of x" in found.meaning


def test_tails_too_thin_for_the_table_are_named() -> None:
    made, real = exchangeable(600, 2), exchangeable(600, 1)
    assert any("0.001" in note for note in measured(made, real).notes)
