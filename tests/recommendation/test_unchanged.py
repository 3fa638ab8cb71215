"""Of a table that was repaired only what was changed is read again, and the answer is that of reading all of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tall_people import advice

from synthos.advice import Recommendation
from synthos.profiling import full_pass
from synthos.profiling.full_pass import FullPass
from synthos.profiling.scan import Scanned, ScanPlan
from synthos.profiling.spans import scan_span
from synthos.progress import silent
from synthos.recommendation.repair import repair_table
from synthos.recommendation.unchanged import remember
from synthos.results import Kind
from synthos.tables import parquet, reader
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import Source, open_table

ROWS, UNIT = 20_000, 100
KINDS: dict[str, Kind] = {"town": "category", "height": "number"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of 100 rows, two to a span, of tables that are worth keeping."""
    for module, name, size in ((parquet, "SHARD_ROWS", 100), (reader, "UNIT_ROWS", 50), (full_pass, "KEPT_BYTES", 1)):
        monkeypatch.setattr(module, name, size)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"town": rng.choice(["Aa", "Bo", "Ce"], ROWS), "height": rng.normal(170.0, 10.0, ROWS)})
    path = tmp_path / "table.parquet"
    frame.write_parquet(path, row_group_size=UNIT)
    return path


def plan_of(source: Source) -> ScanPlan:
    schema = Schema(tuple(Column(name, KINDS[name], str(dtype)) for name, dtype in source.dtypes.items()))
    real = pl.DataFrame({"town": ["Aa", "Bo"] * 50, "height": np.linspace(140.0, 200.0, 100)})
    return ScanPlan(schema, Codec.fit(real, schema), 500, total_rows=source.planned_rows)


def read(path: Path, folder: Path | None) -> tuple[int, Scanned]:
    """How many rows were read, and the scan."""
    source = open_table(path)
    going = FullPass(source, plan_of(source), "table", folder, silent)
    rows = sum(unit.rows for span in going.missing for unit in span)
    for span in going.missing:
        going.take(span, scan_span(source, span, going.plan))
    return rows, going.finished()


def mended(path: Path, folder: Path, out: str, *recommendations: Recommendation) -> Path:
    report = repair_table(open_table(path), recommendations, path.with_name(out))
    unchanged = remember(open_table(path), open_table(report.out), report.left, folder)
    assert unchanged <= report.rows_after
    return Path(report.out)


def require_same(found: Scanned, wanted: Scanned) -> None:
    assert replace(found.profile, name="") == replace(wanted.profile, name="")
    assert found.frame.equals(wanted.frame) and np.array_equal(found.rows, wanted.rows)
    assert np.array_equal(found.scan.blocks.counts, wanted.scan.blocks.counts)
    assert np.array_equal(found.scan.blocks.starts, wanted.scan.blocks.starts)


@pytest.mark.parametrize(
    ("removed", "again"),
    [((5_050, 6_250), 200), ((0, 4_000), 0), ((0, 4_050), 150), ((15_930, 20_000), 130), ((9_999, 10_001), 398)],
)
def test_of_a_table_without_a_region_the_spans_at_its_ends_are_read(
    table: Path, tmp_path: Path, removed: tuple[int, int], again: int
) -> None:
    cache = tmp_path / "cache"
    assert read(table, cache)[0] == ROWS
    fixed = mended(table, cache, "fixed.parquet", advice("remove_rows", row_range=removed))
    rows, found = read(fixed, cache)
    assert rows == again
    require_same(found, read(fixed, None)[1])
    assert read(fixed, cache)[0] == 0


def test_what_a_second_repair_leaves_is_not_read_either(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    read(table, cache)
    first = mended(table, cache, "first.parquet", advice("remove_rows", row_range=(1_000, 2_000)))
    second = mended(first, cache, "second.parquet", advice("remove_rows", row_range=(3_010, 3_020)))
    rows, found = read(second, cache)
    assert rows == 190
    require_same(found, read(second, None)[1])


def test_other_steps_leave_what_they_do_not_touch(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    frame = pl.read_parquet(table)
    pl.concat([frame[:-200], frame[:200]]).write_parquet(table, row_group_size=UNIT)
    read(table, cache)
    columns = ("town", "height")
    fixed = mended(table, cache, "fixed.parquet", advice("deduplicate", columns=columns, most_copies=1))
    rows, found = read(fixed, cache)
    assert rows == 0 and found.profile.rows == ROWS - 200
    require_same(found, read(fixed, None)[1])


def test_a_file_that_was_changed_after_its_repair_is_read_whole(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    read(table, cache)
    fixed = mended(table, cache, "fixed.parquet", advice("remove_rows", row_range=(0, 200)))
    os.utime(fixed, ns=(1, 1))
    assert read(fixed, cache)[0] == ROWS - 200


@pytest.mark.parametrize(
    ("out", "recommendation"),
    [
        ("fixed.csv", advice("remove_rows", row_range=(0, 200))),
        ("fixed.parquet", advice("remove_rows", row_range=(0, 17_000))),
        ("fixed.parquet", advice("drop_column", columns=("town",))),
        ("fixed.parquet", advice("resort", by="height")),
    ],
)
def test_where_all_has_to_be_read_again_nothing_is_said_of_cutting(
    table: Path, tmp_path: Path, out: str, recommendation: Recommendation
) -> None:
    fixed = mended(table, tmp_path / "cache", out, recommendation)
    assert open_table(fixed).cut is None and not (tmp_path / "cache").exists()


def test_of_a_small_table_nothing_is_kept(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_pass, "KEPT_BYTES", 2**30)
    fixed = mended(table, tmp_path / "cache", "fixed.parquet", advice("remove_rows", row_range=(0, 200)))
    assert open_table(fixed).cut is None and not (tmp_path / "cache").exists()
