"""In a table of which only a sample was looked at the ends of a region are exact all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import planted
import polars as pl
import pytest

import synthos
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

    def look(first: int, last: int) -> pl.DataFrame:
        read.append((first, last))
        return synthetic[first:last]

    (blurred,) = find_regions(evidence)
    (region,) = find_regions(evidence, look=look)
    assert region.issue == blurred.issue == defect
    assert region.boundary_error < blurred.boundary_error
    assert max(abs(found - true) for found, true in zip(region.row_range, WHERE, strict=True)) <= 8
    assert len(read) == 2 and sum(last - first for first, last in read) < ROWS / 10


def test_what_no_row_shows_by_itself_keeps_its_ends(reference: pl.DataFrame) -> None:
    """A drift begins nowhere in particular."""
    synthetic = damaged("drift")
    evidence = planted.sampled(synthetic, reference, SAMPLED)
    assert find_regions(evidence, look=lambda first, last: synthetic[first:last]) == find_regions(evidence)


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
        assert source.rows_between(first, last, ["at"])["at"].to_list() == list(range(300))[first:last]
