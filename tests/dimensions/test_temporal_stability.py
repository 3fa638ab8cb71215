"""Temporal stability in its three situations: a time column, ordered rows, and drift over rows that have no order."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from damages import disordered, exchangeable, ordered

from synthos.dimensions.order import OrderSignal, order_signal
from synthos.dimensions.temporal_stability import measure
from synthos.results import DimensionResult, NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 2_000


def events(rows: int, seed: int) -> pl.DataFrame:
    """A year of events in random row order, with a season in the sales and in the kind, and a column without one."""
    rng = np.random.default_rng(seed)
    day = rng.random(rows) * 365
    season = np.sin(2 * np.pi * day / 90)
    start = datetime(2023, 1, 1)
    return pl.DataFrame(
        {
            "at": [start + timedelta(days=float(d)) for d in day],
            "sales": (2 * season + rng.normal(size=rows)).round(3),
            "kind": np.where(rng.random(rows) < 0.5 + 0.4 * season, "a", "b"),
            "noise": rng.normal(size=rows).round(3),
        }
    )


def answer(made: pl.DataFrame, real: pl.DataFrame) -> DimensionResult:
    return measure(evidence_from_frames(made, real))


def scored(made: pl.DataFrame, real: pl.DataFrame) -> Scored:
    result = answer(made, real)
    assert isinstance(result, Scored), result
    return result


def component(result: Scored, name: str) -> float:
    (found,) = [item.score for item in result.components if item.name == name]
    assert found is not None
    return found


# --- rows that have no order ------------------------------------------------------------------------------------


def planted(share: float, seed: int = 2) -> pl.DataFrame:
    """A block of rows in the middle in which age and debt move away, ever further."""
    frame = exchangeable(ROWS, seed)
    length = round(share * ROWS)
    place = pl.int_range(ROWS) - ROWS // 5
    ramp = pl.when(place.is_between(0, length - 1)).then(place / max(length, 1)).otherwise(0.0)
    return frame.with_columns(pl.col("age") + (60 * ramp).cast(pl.Int64), pl.col("debt") + 9e4 * ramp)


@pytest.mark.parametrize("seed", range(2, 8))
def test_exchangeable_rows_have_no_time(seed: int) -> None:
    result = answer(exchangeable(ROWS, seed), exchangeable(ROWS, 1))
    assert isinstance(result, NotApplicable)
    assert "exchangeable" in result.reason


@pytest.mark.slow
def test_a_planted_drift_costs_more_the_longer_it_is() -> None:
    scores = [scored(planted(share), exchangeable(ROWS, 1)).score for share in (0.1, 0.3, 0.6)]
    assert scores[0] < 99
    assert all(later < earlier - 5 for earlier, later in pairwise(scores))
    assert scores[-1] < 70


def test_drifting_columns_are_blamed() -> None:
    result = scored(planted(0.3), exchangeable(ROWS, 1))
    assert {blame.columns[0] for blame in result.blame[:2]} == {"age", "debt"}
    assert component(result, "drift") == result.score


def test_a_table_sorted_by_its_generator_drifts() -> None:
    assert scored(exchangeable(ROWS, 2).sort("income"), exchangeable(ROWS, 1)).score < 60


def test_what_is_wrong_everywhere_is_not_drift() -> None:
    shifted = exchangeable(ROWS, 2).with_columns(pl.col("age") + 30)
    assert isinstance(answer(shifted, exchangeable(ROWS, 1)), NotApplicable)


def test_a_tenth_of_the_rows_sorted_is_seen() -> None:
    rows = exchangeable(4_000, 2)
    partly = pl.concat([rows[:1_000], rows[1_000:1_400].sort("age"), rows[1_400:]])
    assert 90 < scored(partly, exchangeable(4_000, 1)).score < 97


def wide(seed: int) -> pl.DataFrame:
    """Forty columns, of which most are 0 in nearly all rows."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({f"c{j}": rng.poisson(0.01 if j % 4 else 20, ROWS) for j in range(40)})


def test_one_drifting_column_among_forty_is_not_lost_in_their_mean() -> None:
    rows = wide(2)
    moved = rows.with_columns(pl.concat([rows["c8"][:1_000], rows["c8"][1_000:].sort()]))
    result = scored(moved, wide(1))
    assert result.score < 80
    assert component(result, "drift_worst") < component(result, "drift") - 10
    assert result.blame[0].columns == ("c8",)


@pytest.mark.parametrize("seed", range(3, 7))
def test_rare_values_in_many_columns_make_no_order(seed: int) -> None:
    assert isinstance(answer(wide(seed), wide(1)), NotApplicable)


# --- a reference that is merely sorted --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("column", "descending"), [("income", False), ("income", True), ("city", False)])
def test_a_sorted_reference_asks_no_order_of_the_synthetic_table(column: str, descending: bool) -> None:
    real = exchangeable(ROWS, 1).sort(column, descending=descending)
    result = scored(exchangeable(ROWS, 2), real)
    assert result.score >= 97
    assert any(f"sorted or grouped by {column}" in note for note in result.notes)


def test_a_planted_block_is_seen_though_the_reference_is_sorted() -> None:
    real = exchangeable(ROWS, 1).sort("income")
    assert component(scored(planted(0.3), real), "drift") < 85


def test_rows_that_are_nearly_in_the_order_of_their_times_do_not_drift() -> None:
    real, made = (events(ROWS, seed).sort("at") for seed in (1, 2))
    nearly = disordered(made, 0.05, np.random.default_rng(0))
    assert scored(nearly, real).score >= 97


# --- rows in order ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_course_of_the_same_process_is_a_fair_sample() -> None:
    scores = [scored(ordered(ROWS, seed), ordered(ROWS, 100 + seed)).score for seed in range(8)]
    assert np.mean(np.array(scores) >= 97) >= 0.85


@pytest.mark.parametrize("rows", [700, 4_000])
def test_a_course_of_another_length_is_a_fair_sample(rows: int) -> None:
    assert scored(ordered(rows, 5), ordered(ROWS, 1)).score >= 97


def test_every_second_row_of_the_same_course_is_a_fair_sample() -> None:
    whole = ordered(2 * ROWS, 1)
    assert scored(whole.gather_every(4), whole.gather_every(2, offset=1)).score >= 97


@pytest.mark.slow
def test_losing_the_order_costs_all() -> None:
    real = ordered(ROWS, 1)
    scores = [
        scored(disordered(ordered(ROWS, 2), share, np.random.default_rng(0)), real).score for share in (0.3, 0.6, 1.0)
    ]
    assert all(later < earlier for earlier, later in pairwise(scores))
    assert scores[0] < 97
    assert scores[-1] < 10


def test_columns_without_order_are_not_blamed_for_losing_it() -> None:
    result = scored(ordered(ROWS, 2).sample(fraction=1.0, shuffle=True, seed=1), ordered(ROWS, 1))
    assert "noise" not in {name for blame in result.blame for name in blame.columns}
    assert "load" in {name for blame in result.blame for name in blame.columns}


# --- a time column ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_fresh_events_of_the_same_year_are_like_real_ones(seed: int) -> None:
    result = scored(events(ROWS, seed), events(ROWS, 1))
    assert result.score >= 97
    assert result.blame == ()
    assert any("column at" in note for note in result.notes)


@pytest.mark.slow
def test_row_order_does_not_matter_where_times_are_given() -> None:
    real = events(ROWS, 1)
    assert scored(events(ROWS, 2).sort("at"), real).score >= 97
    assert scored(events(ROWS, 2), real.sort("at")).score >= 97


@pytest.mark.slow
def test_times_dealt_out_at_random_cost_in_proportion() -> None:
    fresh, real = events(ROWS, 2), events(ROWS, 1)
    half = fresh.with_columns(
        pl.when(pl.int_range(ROWS) % 2 == 0).then(pl.col("at").shuffle(seed=1)).otherwise("at").alias("at")
    )
    half_score = component(scored(half, real), "course")
    result = scored(fresh.with_columns(pl.col("at").shuffle(seed=1)), real)
    assert 40 < half_score < 85
    assert component(result, "course") < 25
    assert result.blame[0].columns[0] in ("sales", "kind")


def test_a_year_cut_short_shows_in_the_arrivals() -> None:
    half_a_year = events(2 * ROWS, 2).filter(pl.col("at") < datetime(2023, 7, 2))
    assert component(scored(half_a_year, events(ROWS, 1)), "arrivals") < 65


def test_events_in_bursts_show_in_the_arrivals() -> None:
    bursts = events(ROWS, 2).with_columns(pl.col("at").dt.truncate("7d"))
    assert component(scored(bursts, events(ROWS, 1)), "arrivals") < 50


def test_a_season_that_is_gone_shows_in_spectrum_and_course() -> None:
    flat = events(ROWS, 2).with_columns(pl.col("sales").shuffle(seed=1), pl.col("kind").shuffle(seed=2))
    result = scored(flat, events(ROWS, 1))
    assert component(result, "spectrum_time") < 50
    assert component(result, "course") < 25


def test_a_time_column_without_times_is_told_and_not_followed() -> None:
    empty = events(ROWS, 2).with_columns(pl.lit(None, pl.Datetime("us")).alias("at"))
    result = answer(empty, events(ROWS, 1))
    assert isinstance(result, NotApplicable)


def test_a_time_column_alone_is_judged_by_its_arrivals() -> None:
    result = scored(events(ROWS, 2).select("at"), events(ROWS, 1).select("at"))
    assert [item.name for item in result.components] == ["arrivals"]
    assert result.score >= 97


def test_a_constant_column_with_a_rounded_spread_is_no_signal():
    constant = np.full((3_000, 1), 0.1) + np.zeros((3_000, 3))
    assert order_signal(constant) == OrderSignal(False, False)
