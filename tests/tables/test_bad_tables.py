"""What is wrong with a table is said in one sentence: what, where, and what to do."""

from __future__ import annotations

import gzip
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bad_tables import replaced, scrambled, text, truncated
from typed_tables import WRITERS, rows_of, typed_frame

from synthos.errors import EncodingError, FormatError, InputError, SchemaError, SourceError, TooFewRowsError
from synthos.tables.sources import open_table

GOOD = "a,b\n" + "1,x\n" * 600


def read(path: object) -> None:
    rows_of(open_table(path))


def refused(error: type[InputError], message: str, table: object, **place: int | str) -> bool:
    """Whether reading ``table`` raises exactly ``error``, with ``message`` in its one sentence, and names the file.

    ``place`` are attributes of it that say where the fault is.
    """
    with pytest.raises(InputError, match=message) as caught:
        read(table)
    said = str(caught.value)
    assert caught.value.place | place == caught.value.place
    there = pickle.loads(pickle.dumps(caught.value))
    assert (type(there), str(there), vars(there)) == (type(caught.value), said, vars(caught.value))
    named = not isinstance(table, Path) or Path(table).name.split("*")[0] in said
    return type(caught.value) is error and named and "\n" not in said and said.endswith(".")


@pytest.mark.parametrize("name", ["missing.csv", "missing.parquet", "no/such/folder"])
def test_missing(tmp_path: Path, name: str) -> None:
    assert refused(SourceError, "does not exist; check the path", tmp_path / name)


@pytest.mark.parametrize("name", ["e.csv", "e.parquet", "e.jsonl", "e.arrow"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    assert refused(SourceError, "the file is empty", text(tmp_path, name, b""))


@pytest.mark.parametrize("name", WRITERS)
def test_header_only(tmp_path: Path, name: str) -> None:
    if name == "table.jsonl":
        path = text(tmp_path, name, "\n\n")
    else:
        path = tmp_path / name
        WRITERS[name](typed_frame(10).clear(), path)
    assert refused(TooFewRowsError, "rows; give a table with rows", path)


def test_empty_compressed_file(tmp_path: Path) -> None:
    assert refused(FormatError, "has no header", text(tmp_path, "e.csv.gz", gzip.compress(b"")))


def test_header_only_in_memory() -> None:
    assert refused(TooFewRowsError, "has columns but no rows", typed_frame(10).clear())


def test_no_columns() -> None:
    assert refused(SchemaError, "has no columns", pl.DataFrame())


def test_nothing_but_blank_lines(tmp_path: Path) -> None:
    assert refused(FormatError, "has no header; name the columns on the first line", text(tmp_path, "t.csv", "\n\n"))


@pytest.mark.parametrize("content", ["1,2,3\n", "1\n"])
@pytest.mark.parametrize("line", [2, 302, 602])
def test_ragged_line(tmp_path: Path, content: str, line: int) -> None:
    lines = GOOD.splitlines(keepends=True)
    lines.insert(line - 1, content)
    fields = content.count(",") + 1
    message = f"line {line} has {fields} fields where the header has 2"
    assert refused(FormatError, message, text(tmp_path, "t.csv", "".join(lines)))


def test_lines_are_counted_through_quoted_line_feeds_and_blank_lines(tmp_path: Path) -> None:
    content = 'a,b\n\n1,"x\ny\nz"\n\n2,y\n3\n'
    assert refused(FormatError, "line 8 has 1 fields", text(tmp_path, "t.csv", content))


def test_ragged_line_of_a_later_shard_and_of_a_compressed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.text.SHARD_BYTES", 512)
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", 128)
    content = (GOOD + "9\n" + "1,x\n" * 50).encode()
    assert refused(FormatError, "line 602 has 1 fields", text(tmp_path, "t.csv", content))
    assert refused(FormatError, "line 602 has 1 fields", text(tmp_path, "t.csv.gz", gzip.compress(content)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b\n1,"x\n2,y\n', "the record that begins on line 2 never ends; close its quotes"),
        ('a,b\n1,x\n2,5" pipe\n', "line 3 has a quotation mark inside an unquoted field"),
        ('a,b\n1,"x"\n2,y\r3,z\n', "line 3 has a lone carriage return"),
        ('"a,b\n', "the header on line 1 never ends"),
    ],
)
def test_broken_quotes_and_returns(tmp_path: Path, content: str, message: str) -> None:
    assert refused(FormatError, message, text(tmp_path, "t.csv", content))


def test_a_later_value_of_another_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.text.SHARD_BYTES", 1024)
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", 512)
    monkeypatch.setattr("synthos.tables.text.SAMPLES", 2)
    monkeypatch.setattr("synthos.tables.text.SAMPLE_BYTES", 256)
    lines = ["a,b", *(f"{i},{i}.5" for i in range(3_000))]
    lines[1_501] = "many,1.5"
    message = "'many' on line 1502 in column 'a' is not an integer; mend the line or declare the kind of 'a'"
    assert refused(FormatError, message, text(tmp_path, "t.csv", "\n".join(lines)), line=1_502, column="a")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1, "b": ', r"line 302 is not valid JSON \(.* at character 15\)"),
        ("[1, 2]", "line 302 is not a JSON object"),
        ('{"a": 1, "a": 2}', "line 302 names 'a' twice"),
        ('{"a": "one"}', "line 302 has a string in 'a' where line 1 has a number"),
        ('{"a": 1} {"a": 2}', "line 302 is not valid JSON"),
        ("text", "line 302 is not valid JSON"),
    ],
)
def test_malformed_json_line(tmp_path: Path, line: str, message: str) -> None:
    lines = ['{"a": 1, "b": "x"}'] * 600
    lines.insert(301, line)
    assert refused(FormatError, message, text(tmp_path, "t.jsonl", "\n".join(lines)), line=302)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"a": 1.5}, "line 1501 has '1.5' in 'a', which is not an integer"),
        ({"b": 1}, "line 1501 has '1' in 'b', which is not a string"),
        ({"c": 1}, "line 1501 has 'c', which the lines looked at before do not have"),
        ({"t": "soon"}, "line 1501 has 'soon' in 't', which is not a datetime"),
        ({"f": 0}, "line 1501 has '0' in 'f', which is not true or false"),
    ],
)
def test_a_later_json_value_of_another_type(
    tmp_path: Path, line: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthos.tables.text.SHARD_BYTES", 8192)
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", 512)
    monkeypatch.setattr("synthos.tables.text.SAMPLES", 2)
    monkeypatch.setattr("synthos.tables.text.SAMPLE_BYTES", 256)
    lines = [json.dumps({"a": i, "b": "x", "t": "2024-01-01 00:00:00", "f": True}) for i in range(3_000)]
    lines[1_500] = json.dumps(line)
    assert refused(FormatError, re.escape(message), text(tmp_path, "t.jsonl", "\n".join(lines)))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("t.csv", ["a,b", *["1,x"] * 700]),
        ("t.jsonl", ['{"a": 1, "b": "x"}'] * 701),
        ("t.tsv", ["a\tb", *["1\tx"] * 700]),
    ],
)
def test_wrong_encoding(tmp_path: Path, name: str, lines: list[str]) -> None:
    lines[400] = lines[400].replace("x", "caf\xe9")
    message = "byte 0xe9 on line 401 is not UTF-8; save the file as UTF-8"
    assert refused(EncodingError, message, text(tmp_path, name, "\n".join(lines).encode("latin-1")))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_header_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    assert refused(EncodingError, "on line 1 is not UTF-8", text(tmp_path, "t.csv", "größe,b\n1,2\n".encode(encoding)))


def test_duplicate_column_names(tmp_path: Path) -> None:
    message = "duplicate column names 'a'; rename or drop one of each"
    assert refused(SchemaError, message, text(tmp_path, "t.csv", "a,b,a\n1,2,3\n"))
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "t.parquet")
    assert refused(SchemaError, message, tmp_path / "t.parquet")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert refused(SchemaError, message, tmp_path / "t.arrow")
    assert refused(SchemaError, message, table)
    assert refused(SchemaError, message, pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_nameless_column(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2]}).to_csv(tmp_path / "t.csv")
    assert refused(
        SchemaError, "column 1 has no name; name it, or write the table without its index", tmp_path / "t.csv"
    )


@pytest.mark.parametrize("damage", [truncated, scrambled, replaced])
@pytest.mark.parametrize("name", ["table.parquet", "table.arrow"])
def test_corrupt_binary_file(tmp_path: Path, name: str, damage: Callable[[bytearray], bytearray]) -> None:
    WRITERS[name](typed_frame(), tmp_path / name)
    (tmp_path / name).write_bytes(damage(bytearray((tmp_path / name).read_bytes())))
    assert refused(FormatError, "is not a sound (Parquet|Arrow) file .*; write or download it again", tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.gz", "t.csv.zst"])
def test_truncated_compression(tmp_path: Path, name: str) -> None:
    content = "\n".join(f"{value}" for value in np.random.default_rng(0).normal(size=3_000)).encode()
    codec = "gzip" if name.endswith("gz") else "zstd"
    assert refused(
        FormatError,
        f"is not a sound {codec} file",
        text(tmp_path, name, pa.compress(content, codec, asbytes=True)[:-400]),
    )


def test_nested_types(tmp_path: Path) -> None:
    nested = pa.table(
        {
            "plain": [1],
            "list": [[1, 2]],
            "struct": [{"x": 1}],
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    )
    message = "columns 'list', 'struct', 'map' of type .* cannot be judged; flatten nested values"
    pq.write_table(nested, tmp_path / "t.parquet")
    assert refused(SchemaError, message, tmp_path / "t.parquet")
    assert refused(SchemaError, message, nested)
    assert refused(SchemaError, "'b' of type List", text(tmp_path, "t.jsonl", '{"a": 1, "b": [1]}\n'))
    assert refused(SchemaError, "column 'bytes' of type Binary", pl.DataFrame({"bytes": [b"x"]}))


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.csv"])
@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinities(tmp_path: Path, name: str, value: float) -> None:
    values = np.arange(2_000, dtype=np.float64)
    values[[1_234, 1_500]] = value
    frame, path = pl.DataFrame({"n": range(2_000), "x": values}), tmp_path / name
    writers = {"t.parquet": frame.write_parquet, "t.arrow": frame.write_ipc, "t.csv": frame.write_csv}
    writers[name](path)
    message = r"column 'x' holds an infinity at row 1234 \(counted from 0\); replace infinities with numbers or nulls"
    assert refused(SchemaError, message, path, row=1_234, column="x")
    assert refused(SchemaError, message, frame, row=1_234, column="x")


def test_pandas_column_of_mixed_types() -> None:
    assert refused(SchemaError, "a column mixes types", pd.DataFrame({"a": [1, "x", 2.5, b"y"]}))


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    assert refused(SourceError, "the folder holds no files", tmp_path)


def test_glob_without_match(tmp_path: Path) -> None:
    assert refused(SourceError, "no file matches; check the pattern", tmp_path / "*.parquet")


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.json", "t.gz"])
def test_unknown_extension(tmp_path: Path, name: str) -> None:
    assert refused(
        SourceError,
        r"has an unknown extension; give files that end in .*\.csv, .*\.parquet",
        text(tmp_path, name, b"x"),
    )


def test_mixed_formats(tmp_path: Path) -> None:
    typed_frame(10).write_parquet(tmp_path / "a.parquet")
    typed_frame(10).write_csv(tmp_path / "b.csv")
    assert refused(SourceError, r"holds files of different formats \(\.csv, \.parquet\)", tmp_path)
    (tmp_path / "b.csv").rename(tmp_path / "b.txt")
    refused_elsewhere = pytest.raises(SourceError, match=r"b\.txt: has an unknown extension")
    with refused_elsewhere:
        read(tmp_path)


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_files_of_one_folder_with_different_columns(tmp_path: Path, ending: str) -> None:
    for name, frame in (("1", typed_frame(10)), ("2", typed_frame(10).drop("day").rename({"at": "when"}))):
        getattr(frame, {"parquet": "write_parquet", "csv": "write_csv", "arrow": "write_ipc"}[ending])(
            tmp_path / f"{name}.{ending}"
        )
    with pytest.raises(SchemaError, match=rf"2\.{ending}: has other columns than .*1\.{ending}.*'at', 'day', 'when'"):
        read(tmp_path)


def test_files_of_one_folder_with_different_types(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(SchemaError, match=r"2\.parquet: column 'a' is String but Int64 in .*1\.parquet"):
        read(tmp_path)


@pytest.mark.parametrize("scheme", ["ftp", "gs", "postgres"])
def test_unsupported_scheme(scheme: str) -> None:
    assert refused(
        SourceError, f"'{scheme}://' addresses are not supported; use a path, s3://", f"{scheme}://host/table.csv"
    )


def test_what_is_no_table() -> None:
    assert refused(
        SourceError, "a list is not a table; give a path, an address, or a polars, pandas or Arrow table", [1, 2]
    )


def test_an_unreadable_file(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    assert refused(SourceError, "cannot be read|does not exist", loop)


@pytest.mark.parametrize("value", [1.7e308, -1e300, 2e70])
def test_numbers_that_no_sum_can_hold_are_named(tmp_path: Path, value: float) -> None:
    """Writers put the largest float where they have none."""
    pl.DataFrame({"x": [0.5, None, float("nan"), value, 1.0]}).write_parquet(tmp_path / "t.parquet")
    source = open_table(tmp_path / "t.parquet")
    with pytest.raises(SchemaError, match=r"column 'x' holds -?[0-9.e+]+ at row 3 .*; make it a null"):
        for shard in source.shards():
            list(source.read(shard))
