"""Tables of very many files: each is opened once, and who waits hears how it goes."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typed_tables import rows_of

from synthos.progress import Event, silent
from synthos.stages import prepare
from synthos.tables import opening, reader
from synthos.tables.files import File
from synthos.tables.opening import Heard, each
from synthos.tables.reader import Shard, units
from synthos.tables.sources import open_table

FILES = 300
TABLE = pl.DataFrame({"n": range(20), "x": [value / 4 for value in range(20)], "c": ["a", "b"] * 10})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was opened."""
    counts: Counter[str] = Counter()
    really = File.open

    def open_and_count(file: File) -> BinaryIO:
        counts[file.path] += 1
        return really(file)

    monkeypatch.setattr(File, "open", open_and_count)
    return counts


def fill(folder: Path, ending: str) -> Path:
    for number in range(FILES):
        path = folder / f"part-{number:04}.{ending}"
        TABLE.write_parquet(path) if ending == "parquet" else TABLE.write_csv(path)
    return folder


@pytest.mark.parametrize(("ending", "times"), [("parquet", 1), ("csv", 2)])
@pytest.mark.parametrize("skip", [False, True])
def test_opening_reads_each_file_once(
    tmp_path: Path, opened: Counter[str], ending: str, times: int, skip: bool
) -> None:
    """Of text there are two looks: at the header, and at where records end."""
    source = open_table(fill(tmp_path, ending), skip_bad_shards=skip)
    assert len(opened) == FILES and set(opened.values()) == {times}
    opened.clear()
    assert source.rows == FILES * 20 and len(source.units()) == 1
    assert_frame_equal(rows_of(source), pl.concat([TABLE] * FILES), check_dtypes=False)
    assert max(opened.values(), default=0) <= 1


def test_who_waits_for_many_files_hears_how_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "QUIET_SECONDS", 0.0)
    heard: list[Event] = []
    prepare(fill(tmp_path, "parquet"), listener=heard.append)
    assert [(event.stage, event.done, event.total) for event in heard] == [
        ("read", done, FILES) for done in range(1, FILES + 1)
    ]
    assert heard[4].message == "opened part-0004.parquet"


def test_who_waits_for_one_long_text_hears_how_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr("synthos.tables.text.CHUNK_BYTES", 1_000)
    pl.concat([TABLE] * 50).write_csv(tmp_path / "long.csv")
    heard: list[Event] = []
    prepare(tmp_path / "long.csv", listener=heard.append)
    shares = [float(event.fields["share_done"]) for event in heard]
    assert len(shares) > 5 and shares == sorted(shares) and shares[-2:] == [1.0, 1.0]
    assert heard[0].message.startswith("looking through long.csv: ")


def test_what_is_far_away_is_opened_side_by_side_and_comes_in_order() -> None:
    files = [File(f"s3://bucket/{number}", 1) for number in range(60)]
    together = threading.Barrier(opening.THREADS, timeout=60)

    def look(file: File, heard: Heard) -> str:
        if int(file.path.rsplit("/", 1)[1]) < opening.THREADS:
            together.wait()
        return file.path

    assert [(file.path, found) for file, found in each(files, look, silent)] == [(f.path, f.path) for f in files]


def test_one_that_cannot_be_opened_ends_it_before_all_were_looked_at() -> None:
    files = [File(f"s3://bucket/{number}", 1) for number in range(500)]
    looked: list[str] = []

    def look(file: File, heard: Heard) -> str:
        looked.append(file.path)
        if file is files[3]:
            raise ValueError(file.path)
        return file.path

    with pytest.raises(ValueError, match="bucket/3"):
        list(each(files, look, silent))
    assert len(looked) <= 4 * opening.THREADS


def test_a_unit_is_not_of_more_files_than_one_worker_opens_soon() -> None:
    shards = [Shard(index, f"{index}.csv", index * 5, 5, 100) for index in range(3 * reader.UNIT_SHARDS + 1)]
    assert [len(unit.shards) for unit in units(shards)] == [reader.UNIT_SHARDS] * 3 + [1]
