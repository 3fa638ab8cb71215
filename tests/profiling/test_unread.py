"""Files and shards that cannot be read: an error that names them, or left out and said."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthos.errors import FormatError, SourceError
from synthos.profiling import full_pass, scan
from synthos.profiling.full_pass import FullPass
from synthos.profiling.places import located, places_of
from synthos.profiling.scan import Scanned, ScanPlan
from synthos.profiling.spans import scan_span
from synthos.progress import silent
from synthos.tables import parquet
from synthos.tables.codec import Codec
from synthos.tables.reader import Shard
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import open_table

ROWS, GROUP = 4_000, 500


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row group is a shard of its own, and no disk is waited for."""
    monkeypatch.setattr(parquet, "SHARD_ROWS", GROUP)
    monkeypatch.setattr(scan, "FIRST_WAIT", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of 4,000 rows; ``row`` counts through all of them."""
    made = tmp_path / "table"
    made.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        rows = np.arange(ROWS) + number * ROWS
        frame = pl.DataFrame({"row": rows.astype(float), "x": rng.normal(size=ROWS)})
        frame.write_parquet(made / f"part-{number}.parquet", row_group_size=GROUP)
    return made


def damage(path: Path, share: float) -> None:
    """Overwrite what lies at that share of the file, pages with their headers."""
    content = bytearray(path.read_bytes())
    at = int(len(content) * share)
    content[at : at + len(content) // 50] = b"\xff" * (len(content) // 50)
    path.write_bytes(content)


def read(folder: Path, *, skip: bool, cache: Path | None = None) -> Scanned:
    source = open_table(folder, skip_bad_shards=skip)
    schema = Schema(tuple(Column(name, "number", str(dtype)) for name, dtype in source.dtypes.items()))
    known = pl.DataFrame({"row": np.arange(10.0), "x": np.arange(10.0)})
    plan = ScanPlan(schema, Codec.fit(known, schema), total_rows=source.rows, sample_rows=100_000)
    going = FullPass(source, plan, "table", cache, silent)
    for span in going.missing:
        going.take(span, scan_span(source, span, plan))
    return going.finished()


def test_a_damaged_row_group_is_an_error_that_names_it(folder: Path) -> None:
    damage(folder / "part-1.parquet", 0.5)
    with pytest.raises(
        FormatError, match=r"part-1\.parquet: is not a sound Parquet file in rows \d,\d00 to \d,\d99"
    ) as caught:
        read(folder, skip=False)
    assert caught.value.row is not None and caught.value.row >= ROWS


def test_left_out_it_is_said_and_all_other_rows_keep_their_places(folder: Path) -> None:
    damage(folder / "part-1.parquet", 0.5)
    found = read(folder, skip=True)
    unread = found.profile.unread
    assert unread and all(item.file.endswith("part-1.parquet") and item.rows == GROUP for item in unread)
    lost = sum(item.rows or 0 for item in unread)
    assert found.profile.rows == 3 * ROWS - lost == found.scan.rows
    # The first column holds the row's own place in the table.
    assert np.array_equal(found.frame["row"].to_numpy(), found.rows)
    gone = {row for item in unread for row in range(item.first_row or 0, (item.first_row or 0) + GROUP)}
    assert gone.isdisjoint(found.rows.tolist()) and gone | set(found.rows.tolist()) == set(range(3 * ROWS))
    assert set(found.scan.blocks.starts.tolist()) <= set(found.rows.tolist())


@pytest.mark.parametrize("content", [b"PAR1 this is none PAR1", b""])
def test_files_that_cannot_be_opened_are_left_out_and_said(folder: Path, content: bytes) -> None:
    (folder / "part-0.parquet").write_bytes(content)
    with pytest.raises(SourceError, match="part-0"):
        read(folder, skip=False)
    found = read(folder, skip=True)
    (item,) = found.profile.unread
    assert (item.first_row, item.rows, found.profile.rows) == (None, None, 2 * ROWS)
    assert item.file.endswith("part-0.parquet") and "sound Parquet" in item.reason


def test_files_that_vanish_meanwhile_are_left_out_and_said(folder: Path) -> None:
    source = open_table(folder, skip_bad_shards=True)
    (folder / "part-2.parquet").unlink()
    faults = [source.check(shard) for shard in source.shards()]
    assert [fault is None for fault in faults] == [True] * 16 + [False] * 8
    strict = open_table(folder)
    (folder / "part-1.parquet").unlink()
    with pytest.raises(SourceError, match="does not exist"):
        strict.check(strict.shards()[-1])


def test_where_nothing_can_be_read_that_is_an_error_all_the_same(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"PAR1 this is none PAR1")
    with pytest.raises(SourceError, match="no file of it can be read"):
        read(folder, skip=True)


def test_what_could_not_be_read_is_tried_again_the_next_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_pass, "KEPT_BYTES", 1)
    whole = (folder / "part-1.parquet").read_bytes()
    stamp = (folder / "part-1.parquet").stat().st_mtime_ns
    damage(folder / "part-1.parquet", 0.5)
    os.utime(folder / "part-1.parquet", ns=(stamp, stamp))
    assert read(folder, skip=True, cache=tmp_path).profile.unread
    (folder / "part-1.parquet").write_bytes(whole)
    os.utime(folder / "part-1.parquet", ns=(stamp, stamp))
    assert read(folder, skip=True, cache=tmp_path).profile.unread == ()


def test_places_of_rows_that_were_read() -> None:
    shards = [Shard(index, "t", 10 * index, 10, 1) for index in (0, 1, 3, 4, 7)]
    places = places_of(shards)
    assert places == ((0, 0), (20, 30), (40, 70))
    locate = located([(50, places), (5, None)])
    assert locate(np.array([0, 19, 20, 39, 40, 49, 50, 54])).tolist() == [0, 19, 30, 49, 70, 79, 50, 54]
