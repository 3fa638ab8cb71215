"""The generators of the benches keep what they say they keep, and lose what they say they lose."""

from __future__ import annotations

from itertools import islice

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import generators
from benchmarks.small_bench import GENERATORS

ROWS = 2_000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    """Two numbers tied to each other, one that rises and falls with the first, a category and a date."""
    rng = np.random.default_rng(1)
    first = rng.normal(size=ROWS)
    return pl.DataFrame(
        {
            "a": first,
            "b": first + rng.normal(scale=0.1, size=ROWS),
            "bow": first**2,
            "kind": np.where(first > 1.5, "rare", np.where(first > 0, "some", "most")),
            "day": pl.Series(np.arange(ROWS), dtype=pl.Int32).cast(pl.Date),
        }
    )


def correlation(table: pl.DataFrame, one: str, other: str) -> float:
    return float(np.corrcoef(table[one], table[other])[0, 1])


@pytest.mark.parametrize("name", GENERATORS)
def test_columns_types_and_values_are_those_of_the_table(
    name: str, table: pl.DataFrame, rng: np.random.Generator
) -> None:
    made = GENERATORS[name](table, rng)
    assert (made.schema, made.height) == (table.schema, table.height)
    assert all(made[column].is_in(table[column].implode()).all() for column in table.columns)
    assert not made.equals(table)


@pytest.mark.parametrize("name", GENERATORS)
def test_the_seed_alone_decides(name: str, table: pl.DataFrame) -> None:
    one, same, other = (GENERATORS[name](table, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert_frame_equal(one, same)
    assert not one.equals(other)


@pytest.mark.parametrize("name", GENERATORS)
def test_monotone_dependence_is_learned(name: str, table: pl.DataFrame, rng: np.random.Generator) -> None:
    assert correlation(GENERATORS[name](table, rng), "a", "b") > 0.95


def test_cart_keeps_and_copula_loses_what_is_not_monotone(table: pl.DataFrame, rng: np.random.Generator) -> None:
    def bow(made: pl.DataFrame) -> float:
        return float(np.corrcoef(made["a"] ** 2, made["bow"])[0, 1])

    assert bow(generators.cart_generation(table, rng)) > 0.9
    assert abs(bow(generators.copula_generation(table, rng))) < 0.3


def test_narrowing_takes_spread_and_rare_categories_away(table: pl.DataFrame, rng: np.random.Generator) -> None:
    # Rare values of a column that comes late: the first is drawn as it is.
    table = table.select("kind", noise=pl.Series(rng.normal(size=ROWS)))
    plain, narrow = generators.cart_generation(table, rng), generators.narrow_generation(table, rng)
    assert narrow["noise"].std() < 0.8 * plain["noise"].std()
    tied = table.select(same=pl.lit(1.0), kind="kind")
    usual = generators.narrow_generation(tied, rng)["kind"]
    assert (usual == "rare").mean() < 0.5 * (tied["kind"] == "rare").mean()


def test_generations_are_each_fitted_on_the_one_before(table: pl.DataFrame) -> None:
    third = list(islice(generators.generations(table, generators.cart_generation, np.random.default_rng(2)), 3))[-1]
    assert_frame_equal(third, generators.refit(table, 3, np.random.default_rng(2)))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_mixture_holds_the_share_that_it_says(share: float, table: pl.DataFrame, rng: np.random.Generator) -> None:
    made = table.with_columns(pl.lit("made").alias("kind"))
    mixed = generators.mixture(table, made, share, rng)
    assert (mixed["kind"] == "made").mean() == share
    kept = mixed["kind"] != "made"
    assert_frame_equal(mixed.filter(kept), table.filter(kept))


def test_bootstrap_repeats_rows_of_the_table(table: pl.DataFrame, rng: np.random.Generator) -> None:
    made = generators.bootstrap(table, rng)
    assert made.join(table.unique(), on=table.columns, how="semi").height == ROWS
    assert 0.6 < made.n_unique() / table.n_unique() < 0.67  # 1 − 1/e
