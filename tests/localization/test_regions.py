"""Every planted damage is found, bounded and named; a table whose rows are alike has no region, however bad it is."""

from __future__ import annotations

import numpy as np
import planted
import polars as pl
import pytest

from synthos.localization.regions import find_regions, resolution_rows
from synthos.progress import Event
from synthos.results import Kind, Region


@pytest.fixture(scope="module")
def reference() -> pl.DataFrame:
    return planted.table(4_000, 99)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("defect", sorted(planted.DEFECTS))
def test_planted_damage_is_found_bounded_and_named(defect: str, share: float, reference: pl.DataFrame) -> None:
    synthetic, where = planted.plant(defect, share)
    regions = find_regions(planted.evidence(synthetic, reference))
    assert [region.issue for region in regions] == [defect]
    assert planted.overlap(regions[0].row_range, where) > 0.75
    assert 0.05 <= regions[0].impact <= 1.0
    assert set(regions[0].columns) <= set(planted.KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("defect", ["duplicates", "mode", "nulls", "shift", "drift"])
def test_damage_shows_without_a_reference(defect: str) -> None:
    synthetic, where = planted.plant(defect, 0.3, seed=5)
    regions = find_regions(planted.evidence(synthetic, None))
    assert [region.issue for region in regions] == [defect]
    assert planted.overlap(regions[0].row_range, where) > 0.75


def test_copied_rows_are_told_from_repeated_ones(reference: pl.DataFrame) -> None:
    sound = planted.table(4_000, 7)
    copied = pl.concat([sound[:1_000], reference[500:1_700], sound[2_200:]])
    (region,) = find_regions(planted.evidence(copied, reference))
    assert region.issue == "copied"
    assert planted.overlap(region.row_range, (1_000, 2_200)) > 0.95


def test_a_rule_that_is_broken_names_its_two_columns() -> None:
    def ruled(rows: int, seed: int) -> pl.DataFrame:
        frame = planted.table(rows, seed)
        return frame.with_columns(pl.col("town").replace({"Bo": "Bo", "Aa": "Aa"}).alias("twin"))

    synthetic, reference = ruled(4_000, 7), ruled(4_000, 8)
    block = synthetic["twin"][1_000:2_000]
    broken = block.gather(np.random.default_rng(0).permutation(1_000))
    twin = pl.concat([synthetic["twin"][:1_000], broken, synthetic["twin"][2_000:]])
    kinds = {**planted.KINDS, "twin": "category"}
    damaged = planted.evidence_from_frames(synthetic.with_columns(twin), reference, kinds=kinds)
    (region,) = find_regions(damaged)
    assert region.issue == "rule_break"
    assert set(region.columns) == {"town", "twin"}


@pytest.mark.slow
def test_the_columns_to_blame_are_those_that_were_damaged(reference: pl.DataFrame) -> None:
    for defect, columns in (("nulls", {"income", "job"}), ("label_flip", {"job"}), ("drift", set(planted.NUMBERS))):
        synthetic, _ = planted.plant(defect, 0.3, seed=3)
        (region,) = find_regions(planted.evidence(synthetic, reference))
        assert set(region.columns) == columns, defect


@pytest.mark.slow
def test_two_regions_are_told_apart(reference: pl.DataFrame) -> None:
    rng = np.random.default_rng(1)
    sound = planted.table(6_000, 3)
    first, second = planted.duplicates(sound[800:1_700], rng), planted.shuffled(sound[3_500:4_700], rng)
    synthetic = pl.concat([sound[:800], first, sound[1_700:3_500], second, sound[4_700:]])
    regions = find_regions(planted.evidence(synthetic, reference))
    assert [region.issue for region in regions] == ["duplicates", "shuffled"]
    assert planted.overlap(regions[0].row_range, (800, 1_700)) > 0.95
    assert planted.overlap(regions[1].row_range, (3_500, 4_700)) > 0.9


def _regions_of_many(tables: list[pl.DataFrame], reference: pl.DataFrame) -> list[tuple[Region, ...]]:
    return [find_regions(planted.evidence(table, reference)) for table in tables]


@pytest.mark.slow
def test_sound_tables_have_no_region() -> None:
    reference = planted.table(800, 99)
    found = _regions_of_many([planted.table(800, seed) for seed in range(20)], reference)
    assert sum(bool(regions) for regions in found) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("defect", ["shuffled", "mode", "noise", "tailcut"])
def test_a_table_that_is_bad_throughout_has_no_region(defect: str, reference: pl.DataFrame) -> None:
    bad = planted.DEFECTS[defect](planted.table(3_000, 4), np.random.default_rng(0))
    assert find_regions(planted.evidence(bad, reference)) == ()


def test_a_sorted_table_is_not_damaged(reference: pl.DataFrame) -> None:
    assert find_regions(planted.evidence(planted.table(3_000, 5).sort("income"), reference)) == ()


def test_the_order_of_a_reference_in_time_is_no_damage() -> None:
    """Where the reference drifts along its own rows, a table that drifts alike must not be blamed, even with a bias."""
    reference = planted.table(4_000, 99).sort("income")
    biased = planted.table(4_000, 5).sort("income").with_columns(pl.col("income") * 0.95)
    assert [r.issue for r in find_regions(planted.evidence(biased, reference)) if "income" in r.columns] == []


def test_the_worse_part_is_blamed_even_where_it_is_the_larger(reference: pl.DataFrame) -> None:
    sound, rng = planted.table(4_000, 6), np.random.default_rng(2)
    synthetic = pl.concat([sound[:1_000], planted.shuffled(sound[1_000:], rng)])
    (region,) = find_regions(planted.evidence(synthetic, reference))
    assert region.row_range[1] == 4_000
    assert region.row_range[0] == pytest.approx(1_000, abs=60)


def test_a_better_block_in_a_bad_table_is_not_the_one_to_remove(reference: pl.DataFrame) -> None:
    sound, rng = planted.table(4_000, 6), np.random.default_rng(2)
    bad = planted.noise(sound, rng)
    parts = [part.cast(dict.fromkeys(planted.NUMBERS, pl.Float64)) for part in (sound[:1_200], bad[1_200:])]
    for region in find_regions(planted.evidence(pl.concat(parts), reference)):
        assert planted.overlap(region.row_range, (0, 1_200)) < 0.05


@pytest.mark.slow
def test_the_answer_is_the_same_every_time_and_told_to_the_listener(reference: pl.DataFrame) -> None:
    heard: list[Event] = []
    evidence = planted.evidence(planted.plant("noise", 0.3)[0], reference)
    assert find_regions(evidence) == find_regions(evidence, listener=heard.append)
    assert {event.stage for event in heard} == {"regions"}
    assert (heard[-1].done, heard[-1].total) == (1, 1)


def test_the_resolution_limit_is_stated(reference: pl.DataFrame) -> None:
    synthetic, _ = planted.plant("nulls", 0.3)
    evidence = planted.evidence(synthetic, reference)
    (region,) = find_regions(evidence)
    assert 24 <= resolution_rows(evidence) <= 100
    assert f"fewer than {resolution_rows(evidence)} rows" in region.detail
    assert region.row_range[1] - region.row_range[0] >= resolution_rows(evidence)


def test_damage_in_fewer_rows_than_the_limit_is_not_blamed(reference: pl.DataFrame) -> None:
    sound = planted.table(4_000, 8)
    few = planted.nulls(sound[2_000:2_008], np.random.default_rng(0))
    assert find_regions(planted.evidence(pl.concat([sound[:2_000], few, sound[2_008:]]), reference)) == ()


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (pl.DataFrame({"x": [str(i) for i in range(600)]}), "key"),
        (pl.DataFrame({"x": [1] * 600}), "integer"),
        (pl.DataFrame({"x": [None] * 600}, schema={"x": pl.Float64}), "number"),
        (pl.DataFrame({"x": np.random.default_rng(0).normal(size=600)}), "number"),
        (pl.DataFrame({"x": ["ab" * (i * 7 % 13) for i in range(600)]}), "text"),
    ],
    ids=["keys only", "constant", "all null", "one column", "text"],
)
def test_tables_with_little_in_them_are_no_trouble(frame: pl.DataFrame, kind: Kind) -> None:
    for reference in (frame, None):
        assert find_regions(planted.evidence_from_frames(frame, reference, kinds={"x": kind})) == ()
