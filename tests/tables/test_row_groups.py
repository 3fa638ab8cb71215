"""Parquet and Arrow: how row groups and record batches become shards."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal
from typed_tables import rows_of

from synthos.tables.parquet import ParquetReader
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


def test_bytes_of_shards_add_up_to_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.parquet.SHARD_ROWS", 100)
    for part in range(3):
        table(700).write_parquet(tmp_path / f"{part}.parquet", row_group_size=100)
    source = open_table(tmp_path)
    footers = [pq.ParquetFile(path).metadata for path in sorted(tmp_path.iterdir())]
    groups = [footer.row_group(number) for footer in footers for number in range(footer.num_row_groups)]
    assert sum(shard.bytes for shard in source.shards()) == sum(group.total_byte_size for group in groups)
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


def texts(rows: int, length: int) -> pl.DataFrame:
    """Rows with a text each that does not compress to nothing, and no text twice."""
    rng = np.random.default_rng(3)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
    made = [rng.choice(letters, length).tobytes().decode() for _ in range(rows)]
    return pl.DataFrame({"row": np.arange(rows), "text": made})


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_groups_of_large_rows_are_gathered_by_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(f"synthos.tables.{form}.SHARD_BYTES", 100_000)
    whole = texts(195, 5_000)
    if form == "parquet":
        pq.write_table(whole.to_arrow(), tmp_path / "t.parquet", row_group_size=5)
    else:
        with pa.ipc.new_file(tmp_path / "t.arrow", whole.to_arrow().schema) as writer:
            writer.write_table(whole.to_arrow(), max_chunksize=5)
    source = open_table(tmp_path / f"t.{form}")
    assert {shard.rows for shard in source.shards()} == {15}
    assert_frame_equal(rows_of(source), whole)
    assert source.row_bytes == pytest.approx(5_000, rel=0.1)


@pytest.mark.parametrize("compression", ["zstd", "uncompressed"])
def test_a_large_group_is_streamed_and_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: Any
) -> None:
    monkeypatch.setattr("synthos.tables.parquet.STREAMED_BYTES", 500_000)
    monkeypatch.setattr("synthos.tables.parquet.BATCH_BYTES", 100_000)
    whole = texts(300, 5_000).with_columns(gap=pl.when(pl.col("row") % 3 > 0).then(pl.col("text")))
    whole.write_parquet(tmp_path / "t.parquet", compression=compression)
    source = open_table(tmp_path / "t.parquet")
    (shard,) = source.shards()
    frames = list(source.read(shard))
    assert_frame_equal(pl.concat(frames), whole)
    assert max(frame.height for frame in frames) <= 10


def test_a_large_group_of_many_rows_is_cut_and_not_streamed_from_its_beginning_for_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthos.tables.parquet.STREAMED_BYTES", 500_000)
    monkeypatch.setattr("synthos.tables.parquet.SHARD_ROWS", 60)
    whole = texts(300, 5_000)
    whole.write_parquet(tmp_path / "t.parquet")
    source = open_table(tmp_path / "t.parquet")
    assert [shard.rows for shard in source.shards()] == [60] * 5
    assert isinstance(source.reader, ParquetReader) and not source.reader.streamed
    (frame,) = source.read(source.shards()[3])
    assert_frame_equal(frame, whole[180:240])


def test_frames_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = texts(90, 10_000)
    source = open_table(whole)
    monkeypatch.setattr("synthos.tables.sources.BATCH_BYTES", 205_000)
    frames = list(source.read_unit(source.shards()))
    assert max(frame.height for frame in frames) == 20
    assert_frame_equal(pl.concat(frames), whole)


@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz", "jsonl", "arrow"])
def test_where_memory_is_short_rows_are_read_in_small_steps(tmp_path: Path, ending: str) -> None:
    whole = texts(200, 50)
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        whole.write_parquet(path)
    elif ending == "arrow":
        whole.write_ipc(path)
    elif ending == "jsonl":
        whole.write_ndjson(path)
    else:
        path.write_bytes(whole.write_csv().encode() if ending == "csv" else gzip.compress(whole.write_csv().encode()))
    source = open_table(path)
    for step in (70, 1):
        short = replace(source, step=step)
        frames = [frame for shard in short.shards() for frame in short.read(shard)]
        assert max(frame.height for frame in frames) <= step
        assert_frame_equal(pl.concat(frames), whole, check_dtypes=False)
