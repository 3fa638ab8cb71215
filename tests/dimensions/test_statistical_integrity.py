"""Statistical integrity: each fault in a known share of rows, and real tables that only look faulty."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import component, exchangeable

from benchmarks.fresh_samples import sample
from synthos.dimensions.statistical_integrity import measure
from synthos.results import Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 2_000


def answer(made: pl.DataFrame, real: pl.DataFrame, holdout: pl.DataFrame | None = None) -> Scored:
    result = measure(evidence_from_frames(made, real, holdout))
    assert isinstance(result, Scored), result
    return result


def test_a_fresh_sample_has_no_fault_and_nobody_to_blame(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    result = answer(fresh, real)
    assert result.score >= 97
    assert result.blame == ()
    assert result.resolved


def test_a_larger_fresh_sample_has_no_fault_either(real: pl.DataFrame) -> None:
    assert answer(exchangeable(4 * ROWS, 3), real[:600]).score >= 97


def test_repeated_rows_cost_their_share(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    half = pl.concat([fresh[: ROWS // 2], fresh[: ROWS // 2]])
    assert component(answer(half, real), "duplicates") == pytest.approx(50, abs=2)


def test_a_bootstrap_is_copied_and_repeats_itself(real: pl.DataFrame) -> None:
    result = answer(real.sample(ROWS, with_replacement=True, seed=1), real)
    assert component(result, "copies") == 0
    assert component(result, "duplicates") == pytest.approx(100 / np.e + 27, abs=3)  # 1 - 1/e of the rows are distinct


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_copies_of_the_reference_cost_their_share(real: pl.DataFrame, fresh: pl.DataFrame, share: float) -> None:
    cut = round(share * ROWS)
    result = answer(pl.concat([real[:cut], fresh[cut:]]), real)
    assert component(result, "copies") == pytest.approx(100 * (1 - share), abs=2)
    assert component(result, "duplicates") >= 99


def small_table(rows: int, seed: int) -> pl.DataFrame:
    """So few possible rows that nearly every one is repeated and known."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({name: rng.integers(0, 4, rows).astype(str) for name in "abcd"})


def test_collisions_of_few_columns_are_no_copies() -> None:
    result = answer(small_table(1_500, 2), small_table(1_500, 1))
    assert result.score >= 97
    assert next(item.value for item in result.components if item.name == "copies") > 0.9


def test_a_holdout_says_how_many_copies_are_natural(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    """Half of the holdout comes from the reference: then so may half of the synthetic rows."""
    half = ROWS // 2
    made = pl.concat([real[:half], fresh[half:]])
    holdout = pl.concat([real[half:], exchangeable(half, 5)])
    assert component(answer(made, real), "copies") < 55
    assert component(answer(made, real, holdout), "copies") >= 97


def test_rows_that_differ_in_one_column_are_near_duplicates(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    few = fresh[:50].sample(ROWS, with_replacement=True, seed=1)
    jittered = few.with_columns(pl.Series("debt", np.random.default_rng(1).gamma(2, 500, ROWS).round(2)))
    result = answer(jittered, real)
    assert component(result, "duplicates") >= 97
    assert component(result, "near_duplicates") < 60


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.3), (0.3, 0.0)])
def test_null_rates_may_change_neither_way(
    real: pl.DataFrame, fresh: pl.DataFrame, before: float, after: float
) -> None:
    def holed(frame: pl.DataFrame, share: float, seed: int) -> pl.DataFrame:
        gone = pl.Series(np.random.default_rng(seed).random(frame.height) < share)
        return frame.with_columns(pl.when(gone).then(None).otherwise(pl.col("age")).alias("age"))

    result = answer(holed(fresh, after, 1), holed(real, before, 2))
    assert component(result, "nulls") == pytest.approx(71, abs=4)
    assert result.blame[0].columns == ("age",)
    assert "null rate" in result.blame[0].detail
    assert component(answer(holed(fresh, before, 1), holed(real, before, 2)), "nulls") >= 97


def test_labels_that_real_rows_do_not_have_are_outside_the_domain(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    strange = fresh.with_columns(
        pl.when(pl.int_range(ROWS) % 4 == 0).then(pl.lit("Oz")).otherwise("city").alias("city")
    )
    result = answer(strange, real)
    assert component(result, "domain") == pytest.approx(75, abs=3)
    assert result.blame[0].columns == ("city",)


def test_labels_that_are_ever_new_are_no_fault() -> None:
    def names(seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        return pl.DataFrame({"name": (rng.zipf(1.4, 1_500) % 10**6).astype(str), "x": rng.normal(size=1_500)})

    kinds = {"name": "category", "x": "number"}
    result = measure(evidence_from_frames(names(2), names(1), kinds=kinds))
    assert isinstance(result, Scored)
    assert result.score >= 97


def test_values_beyond_the_real_range_are_outside_the_domain(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    stretched = fresh.with_columns(pl.when(pl.int_range(ROWS) % 2 == 0).then(pl.lit(200)).otherwise("age").alias("age"))
    assert component(answer(stretched, real), "domain") == pytest.approx(50, abs=3)


def test_negative_values_where_there_are_none_are_impossible(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    negative = fresh.with_columns(
        pl.when(pl.int_range(ROWS) % 5 == 0).then(-pl.col("income")).otherwise("income").alias("income")
    )
    result = answer(negative, real)
    assert component(result, "impossible") == pytest.approx(80, abs=2)
    assert ("income",) in [blame.columns for blame in result.blame]


def test_negative_values_where_real_rows_have_them_are_possible(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    turned = [frame.with_columns(-pl.col("income")) for frame in (fresh, real)]
    assert component(answer(*turned), "impossible") >= 97


def test_fractions_of_whole_numbers_are_told_and_not_scored(real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    result = answer(fresh.with_columns(pl.col("age") + 0.25), real)
    (fractions,) = [item for item in result.components if item.name == "fractions"]
    assert fractions.value == 1.0
    assert fractions.score is None
    assert any("fractions in whole-number columns: age" in note for note in result.notes)


def test_tables_of_one_column_are_judged_by_what_they_have() -> None:
    rng = np.random.default_rng(0)
    real, fresh = (pl.DataFrame({"x": rng.normal(size=800)}) for _ in range(2))
    result = answer(fresh, real)
    assert result.score >= 97
    assert "near_duplicates" not in [item.name for item in result.components]
    assert answer(real, real).score == 0


@pytest.mark.parametrize(("table", "size", "split"), [("rand", "500:8000", 0), ("births", "500", 2)])
def test_neither_repeats_of_a_larger_table_nor_labels_it_lacks_are_near_duplicates(
    table: str, size: str, split: int
) -> None:
    """Half of the rows of rand repeat another; of the countries of births each half lacks many."""
    pair = sample(table, size, split, None)
    assert pair is not None
    assert component(answer(*pair), "near_duplicates") >= 97
