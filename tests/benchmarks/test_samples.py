"""The sample tables: disjoint real rows, damage where it is said to be, the same at every run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import samples
from benchmarks.real_tables import rand_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("samples")
    samples.make_samples(out)
    return out


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"rand_{name}.parquet")


def dependence(table: pl.DataFrame) -> float:
    """Mean absolute rank correlation of the number columns."""
    numbers = table.select(pl.selectors.numeric()).to_numpy()
    ranks = numbers.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    matrix = np.corrcoef(ranks, rowvar=False)
    return float(np.abs(matrix[np.triu_indices(len(matrix), 1)]).mean())


@pytest.mark.slow
def test_real_parts_share_out_the_whole_table(folder: Path) -> None:
    parts = [read(folder, name) for name in ("reference", "healthy", "holdout")]
    whole = rand_table()
    assert [part.height for part in parts] == [8_000, 8_000, 4_190]
    assert_frame_equal(pl.concat(parts).sort(whole.columns), whole.sort(whole.columns))


def test_health_is_one_column_of_four_answers() -> None:
    assert set(rand_table()["health"].unique()) == {"excellent", "good", "fair", "poor"}


def test_coinsurance_is_in_percent() -> None:
    assert rand_table()["coinsurance"].is_between(0, 100).all()


def test_every_table_has_the_columns_and_types_of_the_reference(folder: Path) -> None:
    schema = read(folder, "reference").schema
    assert all(read(folder, name).schema == schema for name in ("healthy", "holdout", "refit", "planted"))


def test_refit_invents_no_value_and_loses_variety(folder: Path) -> None:
    reference, refitted, healthy = (read(folder, name) for name in ("reference", "refit", "healthy"))
    for name in reference.columns:
        assert set(refitted[name].unique()) <= set(reference[name].unique())
    assert refitted["incentive"].n_unique() < 0.8 * healthy["incentive"].n_unique()
    assert not refitted.equals(reference)


def test_rows_outside_the_planted_blocks_are_untouched(folder: Path) -> None:
    healthy, planted = (read(folder, name).with_row_index() for name in ("healthy", "planted"))
    outside = ~pl.any_horizontal(pl.col("index").is_between(a, b - 1) for a, b in samples.BLOCKS.values())
    assert_frame_equal(planted.filter(outside), healthy.filter(outside))


def test_shuffled_block_keeps_its_columns_and_breaks_their_dependence(folder: Path) -> None:
    start, stop = samples.BLOCKS["shuffled"]
    before, after = (read(folder, name)[start:stop] for name in ("healthy", "planted"))
    for name in before.columns:
        assert after[name].sort().equals(before[name].sort())
    assert dependence(after) < 0.5 * dependence(before)


def test_duplicated_block_repeats_few_real_rows(folder: Path) -> None:
    start, stop = samples.BLOCKS["duplicates"]
    before, after = (read(folder, name)[start:stop] for name in ("healthy", "planted"))
    assert after.n_unique() <= samples.DUPLICATE_SOURCES
    assert after.unique().join(before.unique(), on=before.columns).height == after.n_unique()


def test_noisy_block_moves_numbers_within_what_can_be(folder: Path) -> None:
    start, stop = samples.BLOCKS["noise"]
    before, after = (read(folder, name)[start:stop] for name in ("healthy", "planted"))
    assert after["doctor_visits"].min() == 0
    assert (after["chronic_conditions"] != before["chronic_conditions"]).mean() > 0.5
    assert 0.05 < (after["health"] != before["health"]).mean() < 0.3


def test_csv_holds_the_planted_rows(folder: Path) -> None:
    planted = read(folder, "planted")
    assert_frame_equal(pl.read_csv(folder / "rand_planted.csv", schema=planted.schema), planted)


def test_what_was_done_is_written_down(folder: Path) -> None:
    done = json.loads((folder / "samples.json").read_text())
    assert {plan["issue"]: tuple(plan["row_range"]) for plan in done["planted"]} == samples.BLOCKS
    assert done["rows"]["refit"] == 8_000


@pytest.mark.slow
def test_a_second_run_writes_the_same_rows(folder: Path, tmp_path: Path) -> None:
    samples.make_samples(tmp_path)
    for path in sorted(folder.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
