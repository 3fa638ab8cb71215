"""One column at a time: what it sees, what it leaves to others, and whom it blames."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import exchangeable, unlinked

from synthos.dimensions.registry import evaluate
from synthos.results import NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 2_000


def measured(made: pl.DataFrame, real: pl.DataFrame | None = None) -> Scored:
    reference = exchangeable(ROWS, 1) if real is None else real
    result = evaluate("distribution_fidelity", evidence_from_frames(made, reference))
    assert isinstance(result, Scored), result
    return result


def score_of(result: Scored, name: str) -> float:
    found = next(part.score for part in result.components if part.name == name)
    assert found is not None
    return found


def test_lost_dependence_is_not_its_business() -> None:
    shuffled = unlinked(exchangeable(ROWS, 2), 1.0, np.random.default_rng(0))
    assert measured(shuffled).score >= 97


def test_the_changed_column_is_blamed() -> None:
    result = measured(exchangeable(ROWS, 2).with_columns(pl.lit("pro").alias("plan")))
    assert result.score < 70
    assert result.blame[0].columns == ("plan",)
    assert result.blame[0].share > 0.95


def test_new_nulls_are_a_change_of_distribution() -> None:
    made = exchangeable(ROWS, 2)
    holes = made.with_columns(pl.when(pl.int_range(ROWS) % 3 == 0).then(None).otherwise(pl.col("age")).alias("age"))
    result = measured(holes)
    assert score_of(result, "jsd_worst") < 75
    assert result.blame[0].columns == ("age",)


def test_values_beyond_the_reference_show_in_distance_though_not_in_bins() -> None:
    """All of them fall into the outermost bin, which is as full as before."""
    made = exchangeable(ROWS, 2)
    income = pl.col("income")
    far = made.with_columns(pl.when(income > income.quantile(0.97)).then(10 * income).otherwise(income).alias("income"))
    result = measured(far)
    assert score_of(result, "jsd_worst") > 90
    assert score_of(result, "w1_worst") < 60


def test_a_constant_column_that_comes_alive_is_seen() -> None:
    real = exchangeable(ROWS, 1).with_columns(pl.lit("same").alias("dull"))
    made = exchangeable(ROWS, 2).with_columns(pl.Series("dull", ["same", "other"] * (ROWS // 2)))
    result = measured(made, real)
    assert result.score < 60
    assert result.blame[0].columns == ("dull",)


def test_collapse_of_one_column_costs_less_than_of_all() -> None:
    made = exchangeable(ROWS, 2)
    modes = [pl.lit(made[name].mode().sort()[0]).alias(name) for name in made.columns]
    one, everything = measured(made.with_columns(modes[4])), measured(made.with_columns(modes))
    assert everything.score < one.score < 75
    assert score_of(everything, "jsd_mean") == pytest.approx(0, abs=3)


def test_columns_nearly_all_null_are_left_out_of_distances_and_named() -> None:
    gone = pl.Series("seldom", [1.0] * 20 + [None] * (ROWS - 20))
    result = measured(exchangeable(ROWS, 2).with_columns(gone), exchangeable(ROWS, 1).with_columns(gone))
    assert any("seldom" in note for note in result.notes)
    assert result.score >= 97


def test_categories_alone_have_no_distances() -> None:
    words = [exchangeable(ROWS, seed).select("city", "plan") for seed in (2, 1)]
    assert {part.name for part in measured(*words).components} == {"jsd_mean", "jsd_worst"}


def test_distance_of_a_shift_is_its_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    real, made = (pl.DataFrame({"x": rng.normal(size=20_000), "y": rng.normal(size=20_000)}) for _ in range(2))
    result = measured(made.with_columns(pl.col("x") + 0.5, pl.col("y") + 0.5), real)
    value = next(part.value for part in result.components if part.name == "w1_mean")
    assert value == pytest.approx(0.5, abs=0.02)


def test_a_row_far_out_in_a_heavy_tail_is_no_change(seed: int = 0) -> None:
    """Such columns have no variance: half of all fresh samples hold a row beyond anything that the reference has."""
    rng = np.random.default_rng(seed)
    draws = [pl.DataFrame({"amount": np.exp(1.5 * rng.standard_t(4, 500)), "age": rng.normal(size=500)}) for _ in "ab"]
    real, fresh = sorted(draws, key=lambda frame: frame["amount"].max())
    assert fresh["amount"].max() > 2.0 * real["amount"].max()
    assert measured(fresh, real).score >= 97.0
    beyond = fresh.with_columns(amount=pl.col("amount") + 2.0 * real["amount"].max())
    assert score_of(measured(beyond, real), "w1_worst") == 0.0


def test_keys_alone_leave_nothing_to_judge() -> None:
    keys = pl.DataFrame({"id": [f"k{i}" for i in range(600)]})
    evidence = evidence_from_frames(keys, keys, kinds={"id": "key"})
    assert isinstance(evaluate("distribution_fidelity", evidence), NotApplicable)


@pytest.mark.parametrize("seed", range(3))
def test_a_few_values_off_the_commonest_make_no_scale(seed: int) -> None:
    """Of forty columns that are 0 but for some two rows, one is bound to differ in them by many of its deviations."""
    rng = np.random.default_rng(seed)
    real, made = (
        pl.DataFrame(
            {f"c{j}": np.where(rng.random(500) < 0.004, rng.integers(1, 16, 500), 0) for j in range(40)}
            | {"level": rng.normal(size=500)}
        )
        for _ in range(2)
    )
    result = measured(made, real)
    assert result.score >= 97


def test_a_constant_number_that_becomes_another_or_comes_alive_is_seen() -> None:
    real = exchangeable(ROWS, 1).with_columns(pl.lit(1.5).alias("dull"))
    other = exchangeable(ROWS, 2).with_columns(pl.lit(1.4).alias("dull"))
    alive = exchangeable(ROWS, 2).with_columns(
        pl.when(pl.int_range(ROWS) % 5 == 0).then(9.0).otherwise(1.5).alias("dull")
    )
    assert score_of(measured(other, real), "w1_worst") < 5
    assert 70 < score_of(measured(alive, real), "w1_worst") < 90


def test_frequent_labels_of_a_small_table_are_frequent_by_chance() -> None:
    real, made = (
        pl.DataFrame({"label": np.random.default_rng(s).integers(0, 300, 500).astype(str), "flag": [1, 2] * 250})
        for s in (1, 2)
    )
    assert measured(made, real).score >= 97
