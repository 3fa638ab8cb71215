"""Variety: its loss counts, its gain does not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import exchangeable, repeated, unlinked

from synthos.dimensions.registry import evaluate
from synthos.results import Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 2_000


def measured(made: pl.DataFrame, real: pl.DataFrame | None = None) -> Scored:
    reference = exchangeable(ROWS, 1) if real is None else real
    result = evaluate("diversity_retention", evidence_from_frames(made, reference))
    assert isinstance(result, Scored), result
    return result


def values(result: Scored) -> dict[str, float]:
    return {part.name: part.value for part in result.components}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_noise_adds_variety_and_is_not_its_business(share: float) -> None:
    made = unlinked(exchangeable(ROWS, 2), share, np.random.default_rng(0))
    assert measured(made).score >= 97


@pytest.mark.slow
def test_a_column_that_lost_half_of_its_values_is_blamed_for_one_bit() -> None:
    rng = np.random.default_rng(0)
    real, made = (pl.DataFrame(rng.integers(0, 8, (ROWS, 4)).astype(str), schema=list("abcd")) for _ in range(2))
    halved = made.with_columns((pl.col("b").cast(pl.Int64) % 4).cast(pl.String))
    result = measured(halved, real)
    assert result.blame[0].columns == ("b",)
    assert values(result)["columns_mean"] == pytest.approx(1 / 4, abs=0.03)
    assert values(result)["groups_mean"] == pytest.approx(0.9, abs=0.2)  # groups are coarser than columns


@pytest.mark.slow
def test_copies_of_ten_rows_leave_nothing() -> None:
    result = measured(repeated(exchangeable(ROWS, 2), 1.0, np.random.default_rng(0)))
    assert result.score < 5
    assert values(result)["distinct_rows"] > 0.98


@pytest.mark.slow
def test_drawing_with_replacement_loses_a_known_share_of_rows() -> None:
    """Halves of a bootstrap of n rows hold ``1 - exp(-1/2)`` of n distinct ones, against n / 2 of real rows."""
    rng = np.random.default_rng(1)
    real = pl.DataFrame(rng.normal(size=(ROWS, 6)).round(6), schema=list("abcdef"))
    found = values(measured(real[rng.integers(0, ROWS, ROWS)], real))
    assert found["distinct_rows"] == pytest.approx(1 - 2 * (1 - np.exp(-0.5)), abs=0.02)


@pytest.mark.slow
def test_vendi_counts_the_modes_that_are_gone() -> None:
    rng = np.random.default_rng(2)

    def modes(count: int) -> pl.DataFrame:
        chosen = rng.integers(0, count, ROWS)
        return pl.DataFrame({f"x{i}": (chosen * (7 + 2 * i) % 16 + rng.normal(0, 0.05, ROWS)) for i in range(5)})

    found = values(measured(modes(4), modes(16)))
    assert found["vendi"] > 1.0


@pytest.mark.slow
def test_one_column_is_enough() -> None:
    made, real = (exchangeable(ROWS, seed).select("age") for seed in (2, 1))
    assert measured(made, real).score >= 97
    assert measured(made.with_columns(pl.col("age") // 20), real).score < 97


def test_a_bin_that_the_reference_leaves_empty_is_a_bin() -> None:
    """The bins come from a sample of the reference's values, and the highest holds what lies above all of them."""
    real = exchangeable(500, 1)
    made = exchangeable(500, 2).with_columns(pl.lit(10_000_000).alias("age"), pl.lit(-1e12).alias("spend"))
    assert measured(made, real).score < 97


@pytest.mark.parametrize("seed", range(2, 5))
def test_other_labels_of_many_are_no_loss(seed: int) -> None:
    real, made = (
        pl.DataFrame(
            {name: np.random.default_rng([s, k]).integers(0, 300, 500).astype(str) for k, name in enumerate("ab")}
        )
        for s in (1, seed)
    )
    assert measured(made, real).score >= 97
