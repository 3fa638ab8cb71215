"""Figures that say in which direction a table went: about 0 for real rows, and each moved by its own damage."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.results import Region
from synthos.sampling.assemble import evidence_from_frames
from synthos.verdict.fingerprint import MEANINGS, Fingerprint, fingerprint, first_seen

ROWS = 3_000


def table(seed: int, rows: int = ROWS) -> pl.DataFrame:
    """Two bound numbers, one with two decimals and one whole, and two bound labels, one with rare values."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=rows)
    city = np.minimum(rng.geometric(0.35, rows), 14)
    return pl.DataFrame(
        {
            "height": np.round(170 + 9 * size, 2),
            "price": np.round(np.exp(7 + 0.8 * size + 0.3 * rng.normal(size=rows))).astype(int),
            "city": [f"c{value}" for value in city],
            "tram": [f"t{(value + lot) % 3}" for value, lot in zip(city, rng.random(rows) < 0.1, strict=True)],
        }
    )


def figures(synthetic: pl.DataFrame, reference: pl.DataFrame | None, *regions: Region) -> Fingerprint:
    return fingerprint(evidence_from_frames(synthetic, reference), regions)


@pytest.fixture(scope="module")
def real() -> pl.DataFrame:
    return table(0)


@pytest.fixture(scope="module")
def calm(real: pl.DataFrame) -> Fingerprint:
    return figures(table(1), real)


def test_a_fresh_real_sample_has_small_figures_and_all_of_them(calm: Fingerprint):
    assert set(calm) == set(MEANINGS) - {"old_triples"}  # fresh rows bring no new triples of so few levels either
    ratios = {"tails", "rare_labels", "heaps", "distinct", "repeated_rows"}
    assert max(abs(value) for name, value in calm.items() if name not in ratios) < 0.1
    assert max(abs(calm[name]) for name in ratios) < 0.35


def test_memorised_rows_bring_nothing_new(real: pl.DataFrame, calm: Fingerprint):
    found = figures(real.sample(ROWS, with_replacement=True, seed=1), real)
    assert found["old_values"] > 0.8 and found["old_rows"] > 0.99
    assert found["distinct"] < calm["distinct"] - 0.2
    assert found["loosened_numbers"] < 0.05


def test_memorised_rows_show_where_the_reference_is_larger(real: pl.DataFrame):
    copied, new = (figures(some, real) for some in (real.sample(600, seed=1), table(1, 600)))
    assert copied["old_values"] > 0.8 and copied["old_rows"] == 1.0
    assert new["old_values"] < 0.2 and new["old_rows"] < 0.2


@pytest.mark.parametrize("rows", [500, 1_000, 2_000])
def test_small_fresh_samples_do_not_seem_damaged(rows: int):
    found = figures(table(21, rows), table(22, rows))
    assert abs(found["tails"]) < 0.2 and abs(found["rare_labels"]) < 0.2
    assert found["loosened_mixed"] < 0.1 and found["bound_mixed"] < 0.1


def test_shuffled_columns_lose_dependence_and_nothing_else(real: pl.DataFrame):
    fresh = table(1)
    shuffled = pl.DataFrame([fresh[name].shuffle(seed=i) for i, name in enumerate(fresh.columns)])
    found = figures(shuffled, real)
    assert found["loosened_numbers"] > 0.9 and found["loosened_mixed"] > 0.8
    assert found["ranks"] == pytest.approx(-1.0, abs=0.1)
    assert found["bound_numbers"] == 0.0
    assert abs(found["shift_numbers"]) < 0.01 and abs(found["entropy_labels"]) < 0.05


def test_noise_widens_and_narrowing_empties_tails(real: pl.DataFrame):
    rng = np.random.default_rng(2)
    wide = table(1).with_columns(
        pl.col("height") + pl.Series(rng.normal(0, 9, ROWS)), pl.col("price") + pl.Series(rng.normal(0, 900, ROWS))
    )
    noisy = figures(wide, real)
    assert noisy["finer"] > 0.95 and noisy["new_values"] > 0.95
    assert noisy["tails"] > 1.0 and noisy["outside"] > 0.01

    pool = table(1, 3 * ROWS)
    middle = pool.filter(
        pl.col("height").is_between(160, 180) & pl.col("price").is_between(300, 3_000) & ~pl.col("city").is_in(["c9"])
    )
    narrow = figures(middle[:ROWS].filter(pl.col("city").str.len_chars() == 2), real)
    assert narrow["tails"] < -1.0 and narrow["rare_labels"] < -1.0
    assert narrow["entropy_numbers"] < 0.0 and narrow["finer"] == 0.0 and narrow["outside"] == 0.0


def test_labels_drawn_evenly_gain_entropy(real: pl.DataFrame):
    rng = np.random.default_rng(3)
    even = table(1).with_columns(pl.Series("city", [f"c{value}" for value in rng.integers(1, 15, ROWS)]))
    found = figures(even, real)
    assert found["entropy_labels"] > 0.2 and found["rare_labels"] > 1.0 and found["shift_labels"] > 0.05


def test_regions_count_by_issue_with_their_largest_impact_and_their_rows(real: pl.DataFrame):
    def region(start: int, stop: int, impact: float) -> Region:
        return Region(
            row_range=(start, stop), columns=("city",), issue="noise", impact=impact, detail="", boundary_error=5
        )

    found = figures(table(1), real, region(0, 300, 0.4), region(600, 900, 0.7))
    assert found["region_noise"] == 0.7 and found["region_drift"] == 0.0
    assert found["region_rows"] == 0.2


def test_without_a_reference_only_regions_are_told():
    found = figures(table(1), None)
    assert set(found) == {name for name in MEANINGS if name.startswith("region_")}


def test_what_a_table_cannot_show_is_left_out(real: pl.DataFrame):
    labels = figures(table(1).select("city", "tram"), real.select("city", "tram"))
    assert {"new_values", "tails", "ranks", "shift_numbers", "cells_numbers"} & set(labels) == set()
    assert "loosened_mixed" in labels and "rare_labels" in labels
    numbers = figures(table(1).select("height"), real.select("height"))
    assert {"rare_labels", "shift_labels", "cells_mixed", "new_pairs", "ranks"} & set(numbers) == set()
    assert "tails" in numbers


def test_the_same_tables_give_the_same_figures(real: pl.DataFrame, calm: Fingerprint):
    assert figures(table(1), real) == calm


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [1.5] * 600),
        pl.Series("x", [None] * 599 + [2.0], dtype=pl.Float64),
        pl.Series("x", ["one"] * 600),
        pl.Series("x", [1e60, -1e60] * 300),
        pl.Series("x", [None, 1, 2, 3] * 150, dtype=pl.Int64),
    ],
    ids=["constant", "null", "one label", "huge", "some null"],
)
def test_odd_columns_give_finite_figures(column: pl.Series):
    rest = table(4, 600).select("height", "city")
    found = figures(rest.with_columns(column), table(5, 600).select("height", "city").with_columns(column))
    assert all(math.isfinite(value) for value in found.values())


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_shares_seen_first_lie_in_0_and_1(real: list[int], other: list[int]):
    seen, expected = first_seen(np.array(real), np.array(other))
    assert 0.0 <= seen <= 1.0 and 0.0 <= expected <= 1.0
    assert first_seen(np.array(real), np.array(real))[0] == 0.0
