"""What a region is called, and which columns it names, where several answers are near."""

from __future__ import annotations

import numpy as np
import planted
import polars as pl
import pytest

from synthos.localization import narrowing, sides
from synthos.localization.channels import measure
from synthos.localization.regions import find_regions
from synthos.localization.rules import find_rules
from synthos.results import Kind, Region

KINDS: dict[str, Kind] = {**planted.KINDS, "county": "category", "tax": "number"}
COUNTY = {
    "Aa": "north",
    "Bo": "north",
    "Ce": "south",
    "Du": "south",
    "Ep": "east",
    "Fa": "east",
    "Go": "west",
    "Hy": "west",
}


def _ruled(rows: int, seed: int) -> pl.DataFrame:
    """A town decides its county, and tax is no more than income."""
    frame = planted.table(rows, seed)
    share = np.random.default_rng(seed).beta(3, 1, rows)
    tax = pl.Series(np.where(share > 0.9, 1.0, share))
    return frame.with_columns(
        pl.col("town").replace_strict(COUNTY).alias("county"), (pl.col("income") * tax).round(1).alias("tax")
    )


@pytest.fixture(scope="module")
def reference() -> pl.DataFrame:
    return _ruled(4_000, 99)


@pytest.fixture(scope="module")
def sound() -> pl.DataFrame:
    return _ruled(4_000, 8)


def _regions(frame: pl.DataFrame, reference: pl.DataFrame | None) -> tuple[Region, ...]:
    return find_regions(planted.evidence_from_frames(frame, reference, kinds=KINDS))


def _with_block(frame: pl.DataFrame, block: pl.DataFrame, start: int) -> pl.DataFrame:
    return pl.concat([frame[:start], block.select(frame.columns), frame[start + block.height :]])


def test_the_rules_that_real_rows_keep_are_found_and_the_rows_that_break_them(
    sound: pl.DataFrame, reference: pl.DataFrame
) -> None:
    broken = sound.with_columns(pl.when(pl.int_range(pl.len()) < 100).then(pl.lit(1e9)).otherwise("tax").alias("tax"))
    evidence = planted.evidence_from_frames(broken, reference, kinds=KINDS)
    rules = find_rules(evidence)
    telling = {
        tuple(evidence.columns[c] for c in rule.columns): i for i, rule in enumerate(rules.rules) if rule.telling
    }
    assert {("town", "county"), ("tax", "income")} <= set(telling)
    assert np.flatnonzero(rules.broken[:, telling["tax", "income"]]).tolist() == list(range(100))
    assert not rules.broken[:, telling["town", "county"]].any()
    assert find_rules(planted.evidence_from_frames(sound, None, kinds=KINDS)).rules == ()


@pytest.mark.parametrize("known", [True, False], ids=["reference", "no reference"])
def test_columns_that_changed_places_break_their_rule(
    known: bool, sound: pl.DataFrame, reference: pl.DataFrame
) -> None:
    swapped = sound[1_500:2_500].with_columns(pl.col("tax").alias("income"), pl.col("income").alias("tax"))
    (region,) = _regions(_with_block(sound, swapped, 1_500), reference if known else None)
    assert (region.issue, set(region.columns)) == ("rule_break", {"tax", "income"})
    assert planted.overlap(region.row_range, (1_500, 2_500)) > 0.95


def test_a_column_torn_from_the_one_that_decides_it_breaks_the_rule(
    sound: pl.DataFrame, reference: pl.DataFrame
) -> None:
    block = sound[1_500:2_500]
    torn = block.with_columns(block["county"].gather(np.random.default_rng(0).permutation(1_000)))
    (region,) = _regions(_with_block(sound, torn, 1_500), reference)
    assert (region.issue, set(region.columns)) == ("rule_break", {"town", "county"})


def test_labels_flipped_with_their_margin_are_no_noise(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    block = sound[1_500:2_500]
    other = np.random.default_rng(0).integers(1, 6, 1_000)
    place = np.array([list(planted.JOBS).index(job) for job in block["job"]])
    flipped = block.with_columns(pl.Series("job", planted.JOBS[(place + other) % 6]))
    (region,) = _regions(_with_block(sound, flipped, 1_500), reference)
    assert (region.issue, region.columns) == ("label_flip", ("job",))


def test_one_column_displaced_is_not_flipped(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    block = sound[1_500:2_500].with_columns(pl.lit(None, pl.String).alias("job"))
    (region,) = _regions(_with_block(sound, block, 1_500), reference)
    assert (region.issue, region.columns) == ("nulls", ("job",))


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False], ids=["reference", "no reference"])
@pytest.mark.parametrize(("distinct", "far"), [(1, 0), (2, 0), (5, 60), (20, 60)])
def test_a_run_of_a_few_rows_again_and_again_is_called_that(
    distinct: int, far: int, known: bool, reference: pl.DataFrame, sound: pl.DataFrame
) -> None:
    """Wherever these rows lie: of so few rows their place and their spread are those of a few rows."""
    rows = sound[700 : 700 + distinct].with_columns(pl.col("age") + far)
    block = rows[np.random.default_rng(3).integers(0, distinct, 900)]
    (region,) = _regions(_with_block(sound, block, 700), reference if known else None)
    assert region.issue == "duplicates" and planted.overlap(region.row_range, (700, 1_600)) > 0.95
    assert f"the run holds {'one row' if distinct == 1 else f'{distinct} different rows'}" in region.detail


def test_all_columns_that_noise_reached_are_blamed() -> None:
    """But for ``owner``: its two labels stay equally frequent, and what it goes with is noise itself."""
    synthetic, _ = planted.plant("noise", 0.3, seed=4)
    (region,) = find_regions(planted.evidence(synthetic, planted.table(4_000, 99)))
    assert set(region.columns) == set(planted.KINDS) - {"owner"}


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0, 40])
def test_two_damages_side_by_side_are_two_regions(gap: int) -> None:
    rng = np.random.default_rng(3)
    sound = planted.table(6_000, 3)
    first, second = planted.shuffled(sound[1_000:2_000], rng), planted.duplicates(sound[2_000 + gap : 3_000 + gap], rng)
    synthetic = pl.concat([sound[:1_000], first, sound[2_000 : 2_000 + gap], second, sound[3_000 + gap :]])
    regions = find_regions(planted.evidence(synthetic, planted.table(4_000, 99)))
    assert [region.issue for region in regions] == ["shuffled", "duplicates"]
    assert planted.overlap(regions[0].row_range, (1_000, 2_000)) > 0.9
    assert planted.overlap(regions[1].row_range, (2_000 + gap, 3_000 + gap)) > 0.9


def test_damage_among_rows_that_recur_by_nature_is_blamed_not_the_sound_rows() -> None:
    """Damaged rows recur less than sound ones of such a table: fewer copies do not make the better side."""

    def coarse(rows: int, seed: int) -> pl.DataFrame:
        return planted.table(rows, seed).select("town", "job", "grade", "owner", pl.col("age") // 20)

    sound = coarse(4_000, 8)
    damaged = planted.label_flip(sound[1_000:1_500], np.random.default_rng(1))
    kinds: dict[str, Kind] = {**planted.KINDS, "age": "integer"}
    evidence = planted.evidence_from_frames(_with_block(sound, damaged, 1_000), coarse(4_000, 9), kinds=kinds)
    (region,) = find_regions(evidence)
    assert planted.overlap(region.row_range, (1_000, 1_500)) > 0.8
    assert (region.issue, region.columns) == ("label_flip", ("job",))


@pytest.mark.parametrize(("defect", "share"), [("shuffled", 0.6), ("noise", 0.6), ("drift", 0.6), ("shuffled", 0.3)])
def test_without_a_reference_the_part_without_structure_is_the_damaged_one(defect: str, share: float) -> None:
    sound, rng = planted.table(4_000, 6), np.random.default_rng(2)
    start = int(4_000 * (1 - share))
    cast = dict.fromkeys(planted.NUMBERS, pl.Float64)
    damaged = pl.concat([sound[:start].cast(cast), planted.DEFECTS[defect](sound[start:], rng).cast(cast)])
    evidence = planted.evidence(damaged, None)
    _, model = measure(evidence)
    every = set(range(len(planted.KINDS)))
    assert sides.by_structure(model, evidence.synthetic.codes, every, start, 4_000) == "inside"
    assert sides.by_structure(model, evidence.synthetic.codes, every, 0, start) == "outside"


def test_without_a_reference_two_halves_alike_in_structure_are_not_judged() -> None:
    evidence = planted.evidence(planted.table(4_000, 6), None)
    _, model = measure(evidence)
    assert sides.by_structure(model, evidence.synthetic.codes, {0, 1}, 0, 2_000) is None
    assert sides.by_structure(model, evidence.synthetic.codes, {0, 1}, 0, 1_000) == "inside"


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_a_cut_among_sound_rows_is_still_a_cut(share: float) -> None:
    usual = np.full(20, 1_000.0)
    cut = np.where((np.arange(20) < 4) | (np.arange(20) > 15), 0.0, 100.0)
    cut[[4, 15]] = 500.0
    gathered = np.full(20, 20.0)
    gathered[9] = 1_600.0
    for damaged, name in ((cut, "tailcut"), (gathered, "mode")):
        inside = share * damaged + (1 - share) * 100.0
        assert narrowing.mode_or_tailcut([(np.round(inside), usual)], [True]) == name
