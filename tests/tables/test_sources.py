"""Opening, reading and peeking at tables of every format and origin."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from typed_tables import WRITERS, rows_of

from synthos.errors import SchemaError, SourceError
from synthos.tables import reader, sources
from synthos.tables.sources import open_table


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_back_what_was_written(tmp_path: Path, typed: pl.DataFrame, name: str) -> None:
    WRITERS[name](typed, tmp_path / name)
    source = open_table(tmp_path / name)
    assert (source.rows, source.bytes) == (typed.height, (tmp_path / name).stat().st_size)
    # JSON has no dates, so days come back as the datetimes they begin with.
    expected = typed.with_columns(pl.col("day").cast(source.dtypes["day"]))
    assert_frame_equal(rows_of(source), expected)
    assert_frame_equal(rows_of(source, ["flag", "amount"]), expected.select("flag", "amount"))
    assert source.dtypes == dict(expected.schema)


def test_tables_in_memory_are_the_same_table(typed: pl.DataFrame) -> None:
    for table in (typed, typed.lazy(), typed.to_arrow()):
        assert_frame_equal(rows_of(open_table(table)), typed)
    from_pandas = rows_of(open_table(typed.select("count", "amount", "group", "flag", "at").to_pandas()))
    assert_frame_equal(from_pandas, typed.select("count", "amount", "group", "flag", "at"))


def test_pandas_indices_are_left_out_and_names_become_strings() -> None:
    table = pd.DataFrame({0: [1, 2], "b": ["x", None]}, index=[5, 6])
    assert_frame_equal(rows_of(open_table(table)), pl.DataFrame({"0": [1, 2], "b": ["x", None]}))


def test_an_open_source_is_returned_as_it_is(typed: pl.DataFrame) -> None:
    source = open_table(typed)
    assert open_table(source) is source


def test_sources_and_shards_travel(tmp_path: Path, typed: pl.DataFrame) -> None:
    for name in WRITERS:
        WRITERS[name](typed, tmp_path / name)
    for table in (*(tmp_path / name for name in WRITERS), typed):
        source = open_table(table)
        there = pickle.loads(pickle.dumps(source))
        assert there.shards() == pickle.loads(pickle.dumps(source.shards())) == source.shards()
        assert_frame_equal(rows_of(there), rows_of(source))


def test_folders_and_globs_are_one_table_in_order_of_names(tmp_path: Path, typed: pl.DataFrame) -> None:
    for position in (2, 0, 1):
        typed.slice(position * 500, 500).write_parquet(tmp_path / f"part-{position}.parquet")
    for name in ("_SUCCESS", ".part-0.parquet.crc"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    for table in (tmp_path, str(tmp_path), f"file://{tmp_path}", tmp_path / "*.parquet", str(tmp_path / "part-[0-2]*")):
        assert_frame_equal(rows_of(open_table(table)), typed)
    typed.slice(500, 500).write_parquet(tmp_path / "deeper" / "more.parquet")
    assert_frame_equal(rows_of(open_table(tmp_path / "*" / "more.parquet")), typed.slice(500, 500))


def test_relative_globs_start_at_the_working_folder(
    tmp_path: Path, typed: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed.write_parquet(tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    assert open_table("*.parquet").rows == typed.height


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path: Path, typed: pl.DataFrame) -> None:
    typed.write_parquet(tmp_path / "run[1].parquet")
    assert open_table(tmp_path / "run[1].parquet").rows == typed.height


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_files_of_one_table_may_order_columns_and_size_numbers_differently(tmp_path: Path, ending: str) -> None:
    small = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}, schema={"a": pl.Int32, "b": pl.String})
    large = pl.DataFrame({"b": ["z"], "a": [2.5]})
    for name, frame in (("1", small), ("2", large)):
        path = tmp_path / f"{name}.{ending}"
        frame.write_parquet(path) if ending == "parquet" else frame.write_csv(path)
    assert_frame_equal(rows_of(open_table(tmp_path)), pl.DataFrame({"a": [1.0, 2.0, 2.5], "b": ["x", "y", "z"]}))


def test_types_are_few(tmp_path: Path) -> None:
    moment = dt.datetime(2024, 3, 1, 12)
    table = pl.DataFrame(
        {
            "decimal": pl.Series(["1.50"]).cast(pl.Decimal(10, 2)),
            "clock": [dt.time(1, 0, 0, 500_000)],
            "span": [dt.timedelta(minutes=2)],
            "zoned": pl.Series([moment]).dt.replace_time_zone("Asia/Tokyo"),
            "coarse": pl.Series([moment]).cast(pl.Datetime("ms")),
            "category": pl.Series(["x"], dtype=pl.Categorical),
            "empty": pl.Series([None], dtype=pl.Null),
            "hole": [float("nan")],
        }
    )
    expected = pl.DataFrame(
        {
            "decimal": [1.5],
            "clock": [3600.5],
            "span": [120.0],
            "zoned": [dt.datetime(2024, 3, 1, 3)],
            "coarse": [moment],
            "category": ["x"],
            "empty": pl.Series([None], dtype=pl.String),
            "hole": pl.Series([None], dtype=pl.Float64),
        }
    )
    assert_frame_equal(rows_of(open_table(table)), expected)
    table.drop("empty").write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(rows_of(open_table(tmp_path / "t.parquet")), expected.drop("empty"))


def test_frames_stay_small_and_long_tables_have_many_shards() -> None:
    table = pl.DataFrame({"row": np.arange(2 * reader.SHARD_ROWS + 7)})
    source = open_table(table)
    assert [shard.rows for shard in source.shards()] == [reader.SHARD_ROWS, reader.SHARD_ROWS, 7]
    heights = [frame.height for frame in source.read(source.shards()[0])]
    assert max(heights) <= reader.BATCH_ROWS and sum(heights) == reader.SHARD_ROWS
    assert_frame_equal(rows_of(source), table)


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.arrow", "t.jsonl"])
def test_peek_is_spread_ordered_and_repeatable(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.text.SHARD_BYTES", 4096)
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", 1024)
    monkeypatch.setattr("synthos.tables.parquet.SHARD_ROWS", 400)
    monkeypatch.setattr("synthos.tables.arrow.SHARD_ROWS", 400)
    table = pl.DataFrame({"row": np.arange(4_000), "noise": np.arange(4_000) % 7})
    match name:
        case "t.parquet":
            table.write_parquet(tmp_path / name, row_group_size=200)
        case "t.csv":
            table.write_csv(tmp_path / name)
        case "t.arrow":
            table.write_ipc(tmp_path / name, record_batch_size=100)
        case _:
            table.write_ndjson(tmp_path / name)
    source = open_table(tmp_path / name)
    assert len(source.shards()) >= 8
    peek = source.peek(300, seed=3)
    rows = peek["row"].to_numpy()
    assert 290 <= len(rows) <= 300 and (np.diff(rows) > 0).all()
    assert rows.min() < 400 and rows.max() >= 3_600
    assert_frame_equal(peek, source.peek(300, seed=3))
    assert not peek.equals(source.peek(300, seed=4))
    assert_frame_equal(peek.select(pl.col("row") % 7)["row"].alias("noise").to_frame(), peek.select("noise"))
    assert_frame_equal(source.peek(4_000, seed=3), table)


def test_a_peek_covers_the_whole_of_each_shard() -> None:
    rows = open_table(pl.DataFrame({"row": np.arange(200_000)})).peek(2_000, seed=0)["row"].to_numpy()
    counts, _ = np.histogram(rows, bins=10, range=(0, 200_000))
    assert counts.min() > 120


def test_columns_that_are_not_there_cannot_be_read(typed: pl.DataFrame) -> None:
    source = open_table(typed)
    with pytest.raises(SchemaError, match="has no column 'nothing'"):
        list(source.read(source.shards()[0], ["nothing"]))


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path, typed: pl.DataFrame) -> None:
    path = tmp_path / "t.parquet"
    typed.write_parquet(path)
    source = open_table(path)
    typed.head(10).write_parquet(path)
    with pytest.raises(SourceError, match="has 10 rows where 1500 were found when it was opened"):
        rows_of(source)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_goes_away_while_it_is_read_is_named(tmp_path: Path, typed: pl.DataFrame, name: str) -> None:
    WRITERS[name](typed, tmp_path / name)
    source = open_table(tmp_path / name)
    (tmp_path / name).unlink()
    with pytest.raises(SourceError, match=rf"{name}: does not exist"):
        rows_of(source)


def test_narrowed_sources_have_the_columns_order_and_types_asked_for(typed: pl.DataFrame) -> None:
    source = open_table(typed).with_types({"flag": pl.Boolean(), "count": pl.Float64()})
    assert_frame_equal(rows_of(source), typed.select("flag", pl.col("count").cast(pl.Float64)))
    assert_frame_equal(rows_of(source, ["count"]), typed.select(pl.col("count").cast(pl.Float64)))


def test_a_value_that_does_not_convert_is_named_with_its_row() -> None:
    table = pl.DataFrame({"n": ["1", None, "3", "four"]})
    source = open_table(pl.concat([table] * 2)).with_types({"n": pl.Int64()})
    with pytest.raises(
        SchemaError, match=r"value 'four' in column 'n' at row 3 \(counted from 0\) cannot be read as an int"
    ):
        rows_of(source)


def test_the_limit_of_columns_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = {f"c{i}": [0] for i in range(sources.MAXIMUM_COLUMNS + 1)}
    with pytest.raises(SchemaError, match="has 10001 columns, more than the 10000 that can be judged; drop some"):
        open_table(pa.table(wide))


def test_kinds_declared_at_opening_decide_how_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("code,share\n12,1\n345,2\n")
    source = open_table(tmp_path / "t.csv", kinds={"code": "category", "share": "number"})
    assert_frame_equal(rows_of(source), pl.DataFrame({"code": ["12", "345"], "share": [1.0, 2.0]}))
