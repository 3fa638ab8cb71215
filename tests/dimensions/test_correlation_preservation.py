"""Dependence between columns: seen at every order, and told from changes of the margins."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import exchangeable, unlinked

from synthos.dimensions.registry import evaluate
from synthos.results import NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 3_000


def measured(made: pl.DataFrame, real: pl.DataFrame) -> Scored:
    result = evaluate("correlation_preservation", evidence_from_frames(made, real))
    assert isinstance(result, Scored), result
    return result


def scores(result: Scored) -> dict[str, float]:
    return {part.name: part.score for part in result.components if part.score is not None}


@pytest.mark.slow
def test_a_change_of_margins_alone_is_not_its_business() -> None:
    """Half of the rows of two independent sources come from a tilted margin; no odds ratio changes."""
    rng = np.random.default_rng(0)

    def source(weights: list[float]) -> pl.DataFrame:
        first = rng.choice(4, ROWS, p=weights)
        second = np.where(rng.random(ROWS) < 0.6, first, rng.integers(0, 4, ROWS))
        return pl.DataFrame(
            {"a": first.astype(str), "b": second.astype(str), "c": rng.integers(0, 4, ROWS).astype(str)}
        )

    result = scores(measured(source([0.4, 0.2, 0.2, 0.2]), source([0.25] * 4)))
    assert result["joint_mean"] >= 97
    assert result["joint_worst"] >= 97
    assert result["classifier"] >= 95


@pytest.mark.slow
def test_the_pair_that_lost_its_dependence_is_blamed() -> None:
    made, real = exchangeable(ROWS, 2), exchangeable(ROWS, 1)
    broken = made.with_columns(made["region"].sample(fraction=1.0, shuffle=True, seed=0))
    result = measured(broken, real)
    assert result.score < 50
    assert result.blame[0].columns == ("city", "region")
    assert all("region" in blame.columns for blame in result.blame[:2])


def test_fully_shuffled_columns_score_next_to_nothing() -> None:
    made = unlinked(exchangeable(ROWS, 2), 1.0, np.random.default_rng(0))
    assert measured(made, exchangeable(ROWS, 1)).score < 15


def test_dependence_that_was_never_there_counts_too() -> None:
    """Mutual information that grew is as wrong as one that fell."""
    made, real = exchangeable(ROWS, 2), exchangeable(ROWS, 1)
    tied = made.with_columns((pl.col("age") > 40).alias("active"))
    assert measured(tied, real).score < 80


def test_parity_of_three_columns_is_seen_by_the_classifier_alone() -> None:
    rng = np.random.default_rng(1)
    names = ["a", "b", "c"]
    bits = rng.integers(0, 2, (ROWS, 2))
    odd = rng.integers(0, 2, (ROWS, 3))
    # The wreck needs a pair that depends, or nothing can be judged on pairs at all.
    link = [{"d": flag, "e": flag ^ (rng.random(ROWS) < 0.1)} for flag in rng.integers(0, 2, (2, ROWS))]
    real = pl.DataFrame(np.column_stack([bits, bits.sum(axis=1) % 2]).astype(str), schema=names)
    made = pl.DataFrame(odd.astype(str), schema=names)
    frames = [
        frame.with_columns(pl.Series(k, v).cast(pl.String) for k, v in extra.items())
        for frame, extra in zip((made, real), link, strict=True)
    ]
    result = scores(measured(*frames))
    assert result["classifier"] < 50
    assert min(score for name, score in result.items() if name != "classifier") >= 95


def test_one_column_has_nothing_to_depend_on() -> None:
    frame = exchangeable(600, 1).select("age")
    result = evaluate("correlation_preservation", evidence_from_frames(frame, frame))
    assert isinstance(result, NotApplicable)
    assert "two" in result.reason


@pytest.mark.slow
def test_wide_tables_are_bounded_and_say_so() -> None:
    rng = np.random.default_rng(2)
    common = rng.normal(size=(2, 800, 1))
    values = (common + rng.normal(size=(2, 800, 40))).round(3)
    frames = [pl.DataFrame(side, schema=[f"x{i}" for i in range(40)]) for side in values]
    result = measured(*frames)
    assert result.notes == ("120 of 780 pairs of columns were looked at",)
    assert result.score >= 97
