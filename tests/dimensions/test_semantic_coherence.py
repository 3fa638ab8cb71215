"""Semantic coherence on tables whose rules are known, broken in a known share of rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import component

from synthos.dimensions.semantic_coherence import MOST_COLUMNS, measure
from synthos.results import NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 2_000


def answer(made: pl.DataFrame, real: pl.DataFrame) -> Scored:
    result = measure(evidence_from_frames(made, real))
    assert isinstance(result, Scored), result
    return result


def part_of(frame: pl.DataFrame, share: float, change: pl.DataFrame) -> pl.DataFrame:
    """The first ``share`` of the rows from ``change``, the rest from ``frame``."""
    cut = round(share * frame.height)
    return pl.concat([change[:cut], frame[cut:]])


@pytest.mark.slow
def test_a_broken_dependency_costs_the_share_of_rows_that_break_it(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    moved = fresh.with_columns(pl.col("region").shuffle(seed=1))
    scores = [component(answer(part_of(fresh, share, moved), real), "dependencies") for share in (0.0, 0.25, 0.5, 1.0)]
    assert scores[0] >= 97
    assert scores == pytest.approx([100, 75, 50, 0], abs=8)


def test_a_broken_dependency_is_blamed_and_named(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    result = answer(fresh.with_columns(pl.col("region").shuffle(seed=1)), real)
    assert "city → region" in " ".join(result.notes)
    assert {"city", "region"} <= set(result.blame[0].columns)
    assert any("no longer decide" in blame.detail for blame in result.blame)


def test_a_broken_order_is_blamed(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    swapped = fresh.with_columns(pl.col("income").alias("spend"), pl.col("spend").alias("income"))
    result = answer(part_of(fresh, 0.3, swapped), real)
    assert component(result, "relations") < 80
    assert ("spend", "income") in [blame.columns for blame in result.blame]


def test_a_sum_that_no_longer_adds_up_is_seen() -> None:
    def orders(seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        net, tax = rng.gamma(2, 50, ROWS).round(2), rng.gamma(2, 10, ROWS).round(2)
        return pl.DataFrame({"net": net, "tax": tax, "gross": (net + tax).round(2)})

    real, fresh = orders(1), orders(2)
    off = fresh.with_columns(pl.col("gross") * 1.2)
    assert answer(fresh, real).score >= 97
    assert component(answer(part_of(fresh, 0.5, off), real), "relations") < 65


def test_values_never_combined_are_impossible(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    wrong = fresh.with_columns(pl.lit("Aber").alias("city"), pl.lit("south").alias("region"))
    result = answer(part_of(fresh, 0.4, wrong), real)
    assert component(result, "impossible_pairs") < 75
    assert component(result, "implausible_rows") < 75


@pytest.mark.slow
def test_shuffled_columns_are_the_bottom(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    shuffled = fresh.select(pl.all().shuffle(seed=4))
    own = pl.DataFrame([fresh[name].sample(fraction=1.0, shuffle=True, seed=i) for i, name in enumerate(fresh.columns)])
    assert answer(own, real).score <= 8
    assert answer(shuffled, real).score >= 97  # one permutation for all columns only reorders the rows


def test_rare_values_alone_are_not_incoherent(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    """A margin that moved is the business of distribution fidelity."""
    active = fresh.filter(pl.col("active"))
    assert answer(pl.concat([active, active])[:ROWS], real).score >= 90


def test_healthy_tables_blame_nobody(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    assert answer(fresh, real).blame == ()


def test_one_column_makes_no_sense_to_ask_about() -> None:
    frame = pl.DataFrame({"a": np.random.default_rng(0).normal(size=600)})
    result = measure(evidence_from_frames(frame, frame))
    assert isinstance(result, NotApplicable)
    assert "fewer than two columns" in result.reason


@pytest.mark.slow
def test_wide_tables_are_looked_at_where_columns_tell_about_others() -> None:
    rng = np.random.default_rng(0)
    wide = {f"noise_{j}": rng.normal(size=1_200).round(3) for j in range(MOST_COLUMNS)}
    both = pl.DataFrame(wide | {"a": (base := rng.integers(0, 5, 1_200)), "b": base * 2})
    made = both[600:].with_columns(pl.col("b").shuffle(seed=1))
    result = answer(made, both[:600])
    assert any("columns that tell most" in note for note in result.notes)
    assert result.score < 20
    assert {"a", "b"} <= set(result.blame[0].columns)


def test_nulls_in_every_column_are_borne(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    def holed(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        return frame.with_columns(
            pl.when(pl.Series(rng.random(frame.height) < 0.9)).then(pl.col(name)).otherwise(None).alias(name)
            for name in frame.columns
        )

    assert answer(holed(fresh, 1), holed(real, 2)).score >= 97
