"""CSV and JSON lines: where records end, which types are inferred, what is null, compression."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from typed_tables import rows_of, typed_frame

from synthos.errors import FormatError
from synthos.tables import text
from synthos.tables.files import File
from synthos.tables.sources import open_table
from synthos.tables.text import Style

MOMENT = dt.datetime(2024, 1, 2, 3, 4, 5)
FIELDS = st.text(alphabet='ab ,"\n\r;é', max_size=6)


def opened(tmp_path: Path, content: str, name: str = "t.csv") -> pl.DataFrame:
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    return rows_of(open_table(tmp_path / name))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=12),
    chunk=st.integers(1, 40),
    shard=st.integers(1, 60),
    feed=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
)
def test_records_end_where_the_csv_module_ends_them(
    rows: list[tuple[str, str]], chunk: int, shard: int, feed: str, closed: bool
) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator=feed, quoting=csv.QUOTE_ALL).writerows(rows)
    content = written.getvalue() if closed else written.getvalue().removesuffix(feed)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(text, "CHUNK_BYTES", chunk)
        patch.setattr(text, "SHARD_BYTES", shard)
        path = Path(folder) / "t.csv"
        path.write_bytes(content.encode())
        file = File(str(path), path.stat().st_size)
        shards, _ = text.survey(file, 0, 1, Style(","))
        assert sum(piece.rows for piece in shards) == len(rows)
        data = path.read_bytes()
        assert b"".join(data[piece.start : piece.stop] for piece in shards) == data
        seen: list[tuple[str, ...]] = []
        for piece in shards:
            assert piece.line == 1 + data[: piece.start].count(b"\n")
            parsed = list(csv.reader(io.StringIO(data[piece.start : piece.stop].decode(), newline="")))
            assert (piece.offset, piece.rows) == (len(seen), len(parsed))
            seen += [tuple(row) for row in parsed]
        assert seen == rows


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [7, 64, 1000])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.zst", "t.jsonl", "t.jsonl.gz"])
def test_rows_do_not_depend_on_how_a_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, chunk: int
) -> None:
    frame = typed_frame(150).drop("flag")
    plain = tmp_path / name.removesuffix(".gz").removesuffix(".zst")
    frame.write_csv(plain) if ".csv" in name else frame.write_ndjson(plain)
    if name.endswith(("gz", "zst")):
        codec = "gzip" if name.endswith("gz") else "zstd"
        (tmp_path / name).write_bytes(pa.compress(plain.read_bytes(), codec, asbytes=True))
    whole = rows_of(open_table(tmp_path / name))
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", chunk)
    monkeypatch.setattr("synthos.tables.text.SHARD_BYTES", 4 * chunk)
    source = open_table(tmp_path / name)
    assert (len(source.shards()) == 1) == name.endswith(("gz", "zst"))
    assert_frame_equal(rows_of(source), whole)
    assert whole.height == 150


def test_samples_are_spread_over_a_long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value in (("CHUNK_BYTES", 100), ("SHARD_BYTES", 400), ("SAMPLE_BYTES", 30), ("SAMPLES", 4)):
        monkeypatch.setattr(text, limit, value)
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"a":{value}}}\n' for value in range(10_000, 12_000)))
    _, samples = text.survey(File(str(path), path.stat().st_size), 0, 1, Style())
    starts = [sample.start / path.stat().st_size for sample in samples]
    assert 4 <= len(samples) <= 9 and starts[0] == 0 and starts[-1] > 0.75
    assert max(b - a for a, b in pairwise(starts)) < 0.3
    assert all(len(sample.data) <= 30 and sample.data.endswith(b"}\n") for sample in samples)


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    parts = ["a,b\n1,x\n", "2,y\n", "3,z\n"]
    (tmp_path / "t.csv.gz").write_bytes(b"".join(gzip.compress(part.encode()) for part in parts))
    assert rows_of(open_table(tmp_path / "t.csv.gz"))["a"].to_list() == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["1", "-2", ""], pl.Int64(), [1, -2, None]),
        (["1", "2.5", "NaN"], pl.Float64(), [1.0, 2.5, None]),
        (["1e3", "NA", "null"], pl.Float64(), [1000.0, None, None]),
        (["true", "False", ""], pl.Boolean(), [True, False, None]),
        (["0", "1", "nan"], pl.Int64(), [0, 1, None]),
        (["2024-01-02", "", "NA"], pl.Date(), [dt.date(2024, 1, 2), None, None]),
        (["2024-01-02 03:04", "2024-01-02", ""], pl.Datetime("us"), None),
        (["2024-01-02T03:04:05Z", "2024-01-02 05:04:05+02:00", ""], pl.Datetime("us"), [MOMENT, MOMENT, None]),
        (["2024-01-02 03:04:05.25", "2024-01-02 03:04:05", ""], pl.Datetime("us"), None),
        (["01:00:00", "00:00:30", ""], pl.Float64(), [3600.0, 30.0, None]),
        (["00123", "45678", ""], pl.String(), ["00123", "45678", None]),
        (["NA", "null", '""'], pl.String(), None),
        (["NA", "x", '""'], pl.String(), ["NA", "x", None]),
        (["1", "x", ""], pl.String(), ["1", "x", None]),
        (["true", "1", "maybe"], pl.String(), ["true", "1", "maybe"]),
        (['"a, b"', '"say ""no"""', '"two\nlines"'], pl.String(), ["a, b", 'say "no"', "two\nlines"]),
    ],
)  # fmt: skip
def test_types_and_nulls_of_csv(
    tmp_path: Path, values: list[str], dtype: pl.DataType, expected: list[object] | None
) -> None:
    frame = opened(tmp_path, "id,v\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values)))
    assert frame.schema["v"] == dtype
    assert frame["id"].to_list() == [0, 1, 2]
    if expected is not None:
        assert frame["v"].to_list() == expected


def test_a_type_found_only_at_the_end_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK_BYTES", 64)
    monkeypatch.setattr(text, "SHARD_BYTES", 256)
    frame = opened(tmp_path, "a,b\n" + "1,\n" * 50 + "2.5,x\n" * 20)
    assert frame.schema == {"a": pl.Float64(), "b": pl.String()}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_header_tells_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    frame = opened(
        tmp_path, delimiter.join("abc") + "\n" + delimiter.join(["1", "2,5", "x"]).replace(",5", ".5") + "\n"
    )
    assert frame.row(0) == (1, 2.5, "x")


def test_one_column_blank_lines_byte_order_mark_and_missing_last_feed(tmp_path: Path) -> None:
    assert opened(tmp_path, '\ufeffa\r\n1\r\n\r\n""\r\n3')["a"].to_list() == [1, None, 3]


def test_names_in_quotes_may_hold_anything(tmp_path: Path) -> None:
    assert opened(tmp_path, '"a,1","two\nlines"\n1,2\n').to_dict(as_series=False) == {"a,1": [1], "two\nlines": [2]}


def test_columns_may_be_read_as_other_types(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\n10,1,2024-01-01\n20,0,\n")
    source = open_table(tmp_path / "t.csv")
    as_text = source.with_types({"a": pl.String(), "b": pl.Float64(), "c": pl.Datetime("us")})
    assert rows_of(as_text).rows() == [("10", 1.0, dt.datetime(2024, 1, 1)), ("20", 0.0, None)]
    with pytest.raises(FormatError, match="'10' on line 2 in column 'a' is not true or false"):
        rows_of(source.with_types({"a": pl.Boolean()}))


def test_json_names_may_be_absent_and_numbers_mixed(tmp_path: Path) -> None:
    lines = [{"a": 1, "b": "x"}, {}, {"b": None, "a": 2.5, "c": True}]
    frame = opened(tmp_path, "\n \n".join(json.dumps(line) for line in lines), "t.ndjson")
    expected = {"a": [1.0, None, 2.5], "b": ["x", None, None], "c": [None, None, True]}
    assert frame.to_dict(as_series=False) == expected


def test_json_files_may_use_different_names_and_integers_become_floats(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"a": 2.5, "b": "x"}\n')
    assert rows_of(open_table(tmp_path)).rows() == [(1.0, None), (2.5, "x")]
    whole = open_table(tmp_path / "1.jsonl").with_types({"a": pl.Float64()})
    assert_frame_equal(rows_of(whole), pl.DataFrame({"a": [1.0]}))


def test_json_not_a_number_is_null(tmp_path: Path) -> None:
    assert opened(tmp_path, '{"a": 1.5}\n{"a": NaN}\n', "t.jsonl")["a"].to_list() == [1.5, None]
