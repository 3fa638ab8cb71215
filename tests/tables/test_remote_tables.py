"""Tables on S3 and HTTP, against real servers."""

from __future__ import annotations

import gc
import gzip
import pickle
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typed_tables import WRITERS, rows_of, typed_frame

from synthos.errors import FormatError, SourceError, StorageError
from synthos.tables.sources import Source, open_table


def write_all(folder: Path, frame: pl.DataFrame) -> list[str]:
    for name, write in WRITERS.items():
        write(frame, folder / name)
    (folder / "table.csv.gz").write_bytes(gzip.compress((folder / "table.csv").read_bytes()))
    return [*WRITERS, "table.csv.gz"]


@pytest.fixture(scope="module")
def bucket(s3_folder: Path) -> Path:
    folder = s3_folder / "bucket"
    (folder / "parts").mkdir(parents=True)
    write_all(folder, typed_frame())
    typed_frame(900, seed=1).write_parquet(folder / "parts" / "a.parquet")
    typed_frame(700, seed=2).write_parquet(folder / "parts" / "b.parquet")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", [*WRITERS, "table.csv.gz"])
def test_s3_gives_the_rows_of_the_local_file(bucket: Path, name: str) -> None:
    remote, local = open_table(f"s3://bucket/{name}"), open_table(bucket / name)
    assert remote.bytes == local.bytes == (bucket / name).stat().st_size
    assert_frame_equal(rows_of(pickle.loads(pickle.dumps(remote))), rows_of(local))
    assert_frame_equal(rows_of(remote, ["day", "count"]), rows_of(local, ["day", "count"]))


@pytest.mark.slow
@pytest.mark.parametrize("address", ["s3://bucket/parts", "s3://bucket/parts/", "s3://bucket/parts/*.parquet"])
def test_s3_folder_and_glob_are_read_in_the_order_of_names(bucket: Path, address: str) -> None:
    expected = pl.concat([typed_frame(900, seed=1), typed_frame(700, seed=2)])
    assert_frame_equal(rows_of(open_table(address)), expected)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://bucket/missing.parquet", "s3://bucket/missing.parquet: does not exist"),
        ("s3://bucket/missing-*.csv", "no file matches"),
        ("s3://nowhere/table.csv", "does not exist"),
    ],
)
def test_what_is_not_on_s3_is_named(bucket: Path, address: str, message: str) -> None:
    with pytest.raises(SourceError, match=message.replace("*", r"\*")):
        open_table(address)


def test_wrong_s3_keys_are_named(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "WRONG")
    with pytest.raises(SourceError, match="may not be read; check permissions or credentials") as caught:
        open_table("s3://bucket/table.csv")
    assert type(caught.value) is SourceError


def test_an_unreachable_s3_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageError, match="cannot be read"):
        open_table("s3://bucket/table.csv")


def test_http_gives_the_rows_of_the_local_file(web: tuple[str, Path]) -> None:
    address, folder = web
    for name in write_all(folder, typed_frame()):
        remote, local = open_table(f"{address}/{name}"), open_table(folder / name)
        assert_frame_equal(rows_of(remote), rows_of(local))
        assert remote.name == f"{address}/{name}"


def test_what_is_not_on_the_server_is_named(web: tuple[str, Path]) -> None:
    with pytest.raises(SourceError, match=r"/gone\.parquet: does not exist"):
        open_table(f"{web[0]}/gone.parquet")


def test_signatures_in_addresses_are_never_shown(web: tuple[str, Path]) -> None:
    (web[1] / "bad.csv").write_text("a,b\n1\n")
    with pytest.raises(FormatError, match="line 2 has 1 fields") as caught:
        open_table(f"{web[0]}/bad.csv?signature=hidden")
    assert "hidden" not in str(caught.value)
    assert f"{web[0]}/bad.csv" in str(caught.value)


@pytest.mark.slow
def test_temporary_copies_go_with_their_source(tmp_path: Path, typed: pl.DataFrame) -> None:
    source: Source | None = open_table(typed.lazy())
    assert source is not None
    copy = Path(source.shards()[0].path)
    assert_frame_equal(rows_of(source), typed)
    narrowed: Source | None = source.with_types({"count": pl.Int64()})
    del source
    gc.collect()
    assert copy.exists()
    narrowed = None
    gc.collect()
    assert narrowed is None and not copy.parent.exists()
