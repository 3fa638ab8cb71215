"""In a table of which only a sample was looked at the ends of a region are exact all the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import planted
import polars as pl
import pytest

import synthos
from synthos.localization.ends import Look, sharpened
from synthos.localization.regions import find_regions
from synthos.tables.sources import open_table

ROWS, SAMPLED = 60_000, 6_000
WHERE = (20_123, 31_457)


def damaged(defect: str) -> pl.DataFrame:
    sound = planted.table(ROWS, 1)
    first, last = WHERE
    block = planted.DEFECTS[defect](sound[first:last], np.random.default_rng(3))
    whole = [part.cast(dict.fromkeys(planted.NUMBERS, pl.Float64)) for part in (sound[:first], block, sound[last:])]
    return pl.concat(whole)


@pytest.fixture(scope="module")
def reference() -> pl.DataFrame:
    return planted.table(10_000, 99).cast(dict.fromkeys(planted.NUMBERS, pl.Float64))


@pytest.mark.parametrize("defect", ["mode", "noise", "nulls", "shift", "shuffled"])
def test_the_rows_around_an_end_settle_it(defect: str, reference: pl.DataFrame) -> None:
    synthetic = damaged(defect)
    evidence = planted.sampled(synthetic, reference, SAMPLED)
    read: list[tuple[int, int]] = []

    def look(first: int, last: int) -> list[pl.DataFrame]:
        read.append((first, last))
        return [synthetic[first:last]]

    (blurred,) = find_regions(evidence)
    (region,) = sharpened(evidence, [blurred], look)
    assert region.issue == blurred.issue == defect
    assert region.boundary_error < blurred.boundary_error
    assert max(abs(found - true) for found, true in zip(region.row_range, WHERE, strict=True)) <= 8
    assert len(read) == 2 and sum(last - first for first, last in read) < ROWS / 10


def rows_of(table: pl.DataFrame) -> Look:
    return lambda first, last: [table[first:last]]


@pytest.mark.parametrize("defect", ["drift", "duplicates"])
def test_what_no_row_shows_by_itself_keeps_its_ends_and_says_how_far_they_may_be_off(
    defect: str, reference: pl.DataFrame
) -> None:
    """A drift begins nowhere in particular; copies begin somewhere behind their originals."""
    synthetic = damaged(defect)
    evidence = planted.sampled(synthetic, reference, SAMPLED)
    (blurred,) = find_regions(evidence)
    (region,) = sharpened(evidence, [blurred], rows_of(synthetic))
    assert region.row_range[0] == blurred.row_range[0] and region.boundary_error == blurred.boundary_error
    assert defect == "duplicates" or region == blurred


@pytest.mark.parametrize(("one", "other"), [("nulls", "shift"), ("shuffled", "noise"), ("shuffled", "mode")])
def test_neighbours_do_not_overlap_and_no_end_is_stated_surer_than_it_is(
    one: str, other: str, reference: pl.DataFrame
) -> None:
    first, meet, last = 20_123, 31_457, 42_011
    sound, rng = planted.table(ROWS, 1), np.random.default_rng(3)
    parts = [
        sound[:first],
        planted.DEFECTS[one](sound[first:meet], rng),
        planted.DEFECTS[other](sound[meet:last], rng),
        sound[last:],
    ]
    synthetic = pl.concat([part.cast(dict.fromkeys(planted.NUMBERS, pl.Float64)) for part in parts])
    evidence = planted.sampled(synthetic, reference, SAMPLED)
    blurred = find_regions(evidence)
    found = sharpened(evidence, blurred, rows_of(synthetic))
    assert all(a.row_range[1] <= b.row_range[0] for a, b in pairwise(found))
    true = np.array([first, meet, last])
    for region, before in zip(found, blurred, strict=True):
        for end, was in zip(region.row_range, before.row_range, strict=True):
            off = int(np.abs(true - end).min())
            assert off <= max(8, region.boundary_error, int(np.abs(true - was).min()))
            assert region.boundary_error == before.boundary_error or off <= 8


def test_a_table_that_was_read_whole_or_in_part_is_not_read_again(reference: pl.DataFrame) -> None:
    def look(first: int, last: int) -> list[pl.DataFrame]:
        raise AssertionError("was read")

    small = planted.evidence(damaged("noise")[15_000:40_000], reference)
    regions = find_regions(small)
    assert regions and sharpened(small, regions, look) == regions


@pytest.mark.slow
def test_a_validation_reads_the_ends_from_the_file(tmp_path: Path, reference: pl.DataFrame) -> None:
    first, last = 30_001, 50_003
    sound = planted.table(80_000, 2)
    block = planted.noise(sound[first:last], np.random.default_rng(0))
    parts = [part.cast(dict.fromkeys(planted.NUMBERS, pl.Float64)) for part in (sound[:first], block, sound[last:])]
    pl.concat(parts).write_parquet(tmp_path / "synthetic.parquet", row_group_size=7_000)
    reference.write_parquet(tmp_path / "real.parquet")
    found = synthos.validate(tmp_path / "synthetic.parquet", tmp_path / "real.parquet", quick=True, cache=False)
    (region,) = found.regions
    assert region.row_range == (first, last) and region.boundary_error <= 2


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.jsonl"])
def test_rows_are_read_from_the_middle_of_a_table(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.text.SHARD_BYTES", 400)
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", 100)
    folder = tmp_path / "table"
    folder.mkdir()
    write = {"t.parquet": pl.DataFrame.write_parquet, "t.csv": pl.DataFrame.write_csv}.get(
        name, pl.DataFrame.write_ndjson
    )
    table = pl.DataFrame({"at": list(range(300)), "text": [f"row {row}" for row in range(300)]})
    for part in range(3):
        write(table[100 * part : 100 * part + 100], folder / f"{part}{name}")
    source = open_table(folder)
    for first, last in ((0, 300), (99, 101), (150, 151), (295, 400), (7, 7)):
        rows = [row for frame in source.rows_between(first, last, ["at"]) for row in frame["at"]]
        assert rows == list(range(300))[first:last]
