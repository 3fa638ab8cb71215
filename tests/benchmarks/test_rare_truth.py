"""The measured rare loss: nothing for a fresh sample, all of it where nothing rare is left, and the planted share."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from benchmarks.rare_truth import rare_mass_gone

ROWS = 4_000


def real(seed: int, rows: int = ROWS) -> pl.DataFrame:
    """A common and some sixty rare labels beside a number with two long tails."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(rows) < 0.7, "usual", rng.integers(0, 60, rows).astype(str))
    return pl.DataFrame({"label": labels, "size": rng.standard_t(3, rows)})


REFERENCE, HOLDOUT = real(0), real(1)


def without_rare(frame: pl.DataFrame, share: float) -> pl.DataFrame:
    """``share`` of the rows with a rare label or an extreme number take a usual row's place."""
    low, high = REFERENCE["size"].quantile(0.02), REFERENCE["size"].quantile(0.98)
    rare = (frame["label"] != "usual") | (frame["size"] < low) | (frame["size"] > high)
    hit = rare.to_numpy() & (np.random.default_rng(5).random(frame.height) < share)
    usual = frame.filter(~rare)
    fill = usual.sample(int(hit.sum()), with_replacement=True, seed=6)
    return pl.concat([frame.filter(~pl.Series(hit)), fill])


@pytest.mark.slow
def test_fresh_samples_have_lost_nothing_in_the_mean() -> None:
    found = [rare_mass_gone(real(seed), real(seed + 1), real(seed + 2)).gone for seed in range(10, 40, 5)]
    assert min(found) < 0.0 < max(found)
    assert np.mean(found) == pytest.approx(0.0, abs=0.03)


def test_a_table_without_any_rare_row_has_lost_all() -> None:
    found = rare_mass_gone(without_rare(real(2), 1.0), REFERENCE, HOLDOUT)
    assert found.by_order[0] > 0.97
    assert found.gone <= 1.0


def test_half_gone_reads_as_half() -> None:
    found = rare_mass_gone(without_rare(real(2), 0.5), REFERENCE, HOLDOUT)
    assert found.by_order[0] == pytest.approx(0.5, abs=0.06)
    assert found.cells[0] > 60


def test_whole_numbers_that_became_fractions_are_the_same_values() -> None:
    rng = np.random.default_rng(7)

    def days(rows: int) -> pl.DataFrame:
        return pl.DataFrame({"day": np.minimum(rng.geometric(0.2, rows), 30), "open": rng.random(rows) < 0.005})

    reference, holdout, fresh = days(ROWS), days(ROWS), days(ROWS)
    turned = fresh.with_columns(pl.col("day").cast(pl.Float64))
    expected = rare_mass_gone(fresh, reference, holdout)
    assert rare_mass_gone(turned, reference, holdout) == expected
    noisy = turned.with_columns(pl.col("day") + rng.uniform(-0.4, 0.4, ROWS))
    assert rare_mass_gone(noisy, reference, holdout) == expected


def test_missing_numbers_are_cells_of_their_own() -> None:
    def holed(seed: int, share: float) -> pl.DataFrame:
        gaps = pl.Series(np.random.default_rng(100 + seed).random(ROWS) < share)
        return real(seed).select(pl.when(gaps).then(None).otherwise(pl.col("size")).alias("size"))

    reference, holdout = holed(0, 0.008), holed(1, 0.008)
    kept, filled = (rare_mass_gone(holed(2, share), reference, holdout).gone for share in (0.008, 0.0))
    assert filled > kept + 0.05


def test_a_table_without_anything_rare_is_refused() -> None:
    even = pl.DataFrame({"side": ["left", "right"] * 500})
    with pytest.raises(SystemExit, match="no value, pair or triple is rare"):
        rare_mass_gone(even, even, even)
