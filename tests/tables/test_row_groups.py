"""Parquet and Arrow: how row groups and record batches become shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal
from typed_tables import rows_of

from synthos.tables.sources import open_table


def table(rows: int) -> pl.DataFrame:
    return pl.DataFrame({"row": np.arange(rows), "name": [f"n{i % 97}" for i in range(rows)]})


@pytest.mark.parametrize(
    ("group", "shards"),
    [
        (10, [50] * 20),  # small groups are taken together
        (60, [60] * 16 + [40]),  # a group of about the right size is a shard
        (250, [83, 83, 84] * 4),  # large groups are cut evenly
        (10_000, [100] * 10),
    ],
)
def test_row_groups_become_shards_of_about_one_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int, shards: list[int]
) -> None:
    monkeypatch.setattr("synthos.tables.parquet.SHARD_ROWS", 100)
    pq.write_table(table(1_000).to_arrow(), tmp_path / "t.parquet", row_group_size=group)
    source = open_table(tmp_path / "t.parquet")
    assert [shard.rows for shard in source.shards()] == shards
    assert_frame_equal(rows_of(source), table(1_000))


def test_record_batches_become_shards_of_about_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.arrow.SHARD_ROWS", 100)
    arrow = table(1_000).to_arrow()
    with pa.OSFile(str(tmp_path / "t.feather"), "wb") as sink, pa.ipc.new_file(sink, arrow.schema) as writer:
        for size, start in ((30, 0), (30, 30), (0, 60), (500, 60), (440, 560)):
            batches = arrow.slice(start, size).combine_chunks().to_batches()
            writer.write_batch(batches[0] if batches else pa.RecordBatch.from_pylist([], arrow.schema))
    source = open_table(tmp_path / "t.feather")
    assert [shard.rows for shard in source.shards()] == [60, 500, 440]
    assert_frame_equal(rows_of(source), table(1_000))


def test_bytes_of_shards_add_up_to_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.parquet.SHARD_ROWS", 100)
    for part in range(3):
        table(700).write_parquet(tmp_path / f"{part}.parquet", row_group_size=100)
    source = open_table(tmp_path)
    assert sum(shard.bytes for shard in source.shards()) == pytest.approx(source.bytes, rel=0.01)
    assert [shard.index for shard in source.shards()] == list(range(21))
    assert_frame_equal(rows_of(source), pl.concat([table(700)] * 3))


def test_an_empty_part_of_a_table_gives_no_shard(tmp_path: Path) -> None:
    for ending in ("parquet", "csv", "arrow"):
        folder = tmp_path / ending
        folder.mkdir()
        for name, frame in (("1", table(5)), ("2", table(5).clear()), ("3", table(7))):
            path = folder / f"{name}.{ending}"
            {"parquet": frame.write_parquet, "csv": frame.write_csv, "arrow": frame.write_ipc}[ending](path)
        source = open_table(folder)
        assert [shard.rows for shard in source.shards()] == [5, 7]
        assert_frame_equal(rows_of(source), pl.concat([table(5), table(7)]))


def test_hive_folders_are_not_taken_for_columns(tmp_path: Path) -> None:
    folder = tmp_path / "year=2024"
    folder.mkdir()
    table(5).write_parquet(folder / "a.parquet")
    assert list(open_table(folder).dtypes) == ["row", "name"]
