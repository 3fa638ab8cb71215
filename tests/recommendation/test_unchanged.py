"""Of a table that was repaired only what was changed is read again, and the answer is that of reading all of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tall_people import advice

from synthos import flow
from synthos.advice import Recommendation
from synthos.errors import ConfigError
from synthos.profiling import full_pass
from synthos.profiling.full_pass import FullPass
from synthos.profiling.scan import Scanned, ScanPlan
from synthos.profiling.spans import scan_span
from synthos.progress import Event, silent
from synthos.recommendation.repair import repair_table
from synthos.recommendation.reweighting import Factor, Weights
from synthos.recommendation.unchanged import remember
from synthos.results import Kind
from synthos.tables import parquet, reader
from synthos.tables.codec import CategoryBins, Codec
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import Source, open_table

ROWS, UNIT = 20_000, 100
THINNED = Weights(
    (Factor("town", "category", CategoryBins(("Aa", "Bo", "Ce")), (1.0, 0.9, 0.9, 0.9, 1.0)),), 1.0
).to_json()
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


def mended(path: Path, folder: Path, out: str, *recommendations: Recommendation) -> tuple[Path, int]:
    """The new table, and how many of its rows were said to have been left as they were."""
    report = repair_table(open_table(path), recommendations, path.with_name(out))
    left = remember(open_table(path), report.out, report.left, folder, silent) if report.left else 0
    return Path(report.out), left


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
    fixed, left = mended(table, cache, "fixed.parquet", advice("remove_rows", row_range=removed))
    rows, found = read(fixed, cache)
    assert (rows, rows + left) == (again, found.profile.rows)
    require_same(found, read(fixed, None)[1])
    assert read(fixed, cache)[0] == 0


def test_what_a_second_repair_leaves_is_not_read_either(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    read(table, cache)
    first, _ = mended(table, cache, "first.parquet", advice("remove_rows", row_range=(1_000, 2_000)))
    second, _ = mended(first, cache, "second.parquet", advice("remove_rows", row_range=(3_010, 3_020)))
    rows, found = read(second, cache)
    assert rows == 190
    require_same(found, read(second, None)[1])


def test_other_steps_leave_what_they_do_not_touch(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    frame = pl.read_parquet(table)
    pl.concat([frame[:-200], frame[:200]]).write_parquet(table, row_group_size=UNIT)
    read(table, cache)
    columns = ("town", "height")
    fixed, _ = mended(table, cache, "fixed.parquet", advice("deduplicate", columns=columns, most_copies=1))
    rows, found = read(fixed, cache)
    assert rows == 0 and found.profile.rows == ROWS - 200
    require_same(found, read(fixed, None)[1])


def test_a_file_that_was_changed_after_its_repair_is_read_whole(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    read(table, cache)
    fixed, _ = mended(table, cache, "fixed.parquet", advice("remove_rows", row_range=(0, 200)))
    os.utime(fixed, ns=(1, 1))
    assert read(fixed, cache)[0] == ROWS - 200


@pytest.mark.parametrize(
    ("out", "recommendation"),
    [
        ("fixed.csv", advice("remove_rows", row_range=(0, 200))),
        ("fixed.parquet", advice("remove_rows", row_range=(0, 17_000))),
        ("fixed.parquet", advice("drop_column", columns=("town",))),
        ("fixed.parquet", advice("reweight", columns=("town",), weights=THINNED)),
        ("fixed.parquet", advice("resort", by="height")),
    ],
)
def test_where_all_has_to_be_read_again_nothing_is_said_of_cutting(
    table: Path, tmp_path: Path, out: str, recommendation: Recommendation
) -> None:
    fixed, left = mended(table, tmp_path / "cache", out, recommendation)
    assert left == 0 and open_table(fixed).cut is None and not (tmp_path / "cache").exists()


def test_of_a_small_table_nothing_is_kept(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_pass, "KEPT_BYTES", 2**30)
    fixed, left = mended(table, tmp_path / "cache", "fixed.parquet", advice("remove_rows", row_range=(0, 200)))
    assert left == 0 and open_table(fixed).cut is None and not (tmp_path / "cache").exists()


def test_values_that_look_otherwise_in_the_new_file_are_read_again_as_text(table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prices = pl.Series("height", [f"{number % 7}.50" for number in range(ROWS)]).cast(pl.Decimal(10, 2))
    pl.read_parquet(table).with_columns(prices).write_parquet(table, row_group_size=UNIT)
    removal = advice("remove_rows", row_range=(0, 200))
    as_text = {"town": pl.String(), "height": pl.String()}

    def read_as(path: Path, types: dict[str, pl.DataType], folder: Path | None) -> tuple[int, Scanned]:
        source = open_table(path).with_types(types)
        schema = Schema(tuple(Column(name, "category", str(dtype)) for name, dtype in types.items()))
        plan = ScanPlan(schema, Codec.fit(source.peek(500, 0), schema), 500, total_rows=source.planned_rows)
        going = FullPass(source, plan, "table", folder, silent)
        for span in going.missing:
            going.take(span, scan_span(source, span, going.plan))
        return len(going.missing), going.finished()

    read_as(table, as_text, cache)
    fixed, left = mended(table, cache, "fixed.parquet", removal)
    assert left == ROWS - 200
    missing, found = read_as(fixed, as_text, cache)
    assert missing == 99
    require_same(found, read_as(fixed, as_text, None)[1])


def test_what_cannot_be_noted_is_told_and_the_repair_stands(table: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", encoding="ascii")
    told: list[Event] = []
    report = repair_table(open_table(table), [advice("remove_rows", row_range=(0, 200))], tmp_path / "fixed.parquet")
    assert remember(open_table(table), report.out, report.left, tmp_path / "cache", told.append) == 0
    assert "will be read again" in told[0].message and open_table(report.out).rows == ROWS - 200


def test_only_spans_that_were_left_whole_count(table: Path, tmp_path: Path) -> None:
    removals = [advice("remove_rows", at, row_range=(row, row + 1)) for at, row in enumerate(range(0, ROWS, 200), 1)]
    fixed, left = mended(table, tmp_path / "cache", "fixed.parquet", *removals)
    assert left == 0 and open_table(fixed).cut is None


def test_a_table_of_several_files_comes_out_as_it_does_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder, cache = tmp_path / "table", tmp_path / "cache"
    folder.mkdir()
    for number in range(100):
        frame = pl.DataFrame({"town": rng.choice(["Aa", "Bo"], 30), "height": rng.integers(140, 200, 30) / 1.0})
        frame.write_parquet(folder / f"{number:03}.parquet")
    read(folder, cache)
    fixed, left = mended(folder, cache, "fixed.parquet", advice("remove_rows", row_range=(10, 20)))
    rows, found = read(fixed, cache)
    assert rows + left == 2_990 and left > 2_500
    require_same(found, read(fixed, None)[1])


def test_a_usual_folder_that_cannot_be_had_is_told_and_one_that_was_asked_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    told: list[Event] = []
    assert flow._noting_folder(None, told.append) is None and "will be read again" in told[0].message
    with pytest.raises(ConfigError, match="cannot be kept there"):
        flow._noting_folder(tmp_path / "file", told.append)
