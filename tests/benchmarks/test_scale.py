from __future__ import annotations

import polars as pl
import pytest

from benchmarks import scale, scale_tables
from benchmarks.scale_tables import ORDER, frame, make
from benchmarks.truth import read_log


def test_columns_come_in_one_order_and_again_with_other_values():
    assert frame(50, 3, seed=1).columns == list(ORDER[:3])
    wide = frame(50, 23, seed=1)
    assert wide.shape == (50, 23) and wide.columns[10:12] == ["score10", "age10"]
    assert wide["age"].to_list() != wide["age10"].to_list()


@pytest.mark.parametrize("form", scale_tables.FORMATS)
def test_a_table_has_its_rows_whatever_the_files(tmp_path, monkeypatch, form):
    monkeypatch.setattr(scale_tables, "CHUNK", 300)
    path = tmp_path / f"table.{form}"
    scale_tables._write((path, 1_000, 4, 7))
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[form]
    assert read(path).shape == (1_000, 4)


@pytest.mark.slow
def test_a_case_is_measured_once_and_drawn(tmp_path, capsys):
    log, asked = tmp_path / "log.jsonl", ["--work", str(tmp_path / "work")]
    asked += ["--log", str(log), "--rows", "3e3", "--columns", "4", "--workers", "1", "--bare"]
    scale.main(asked)
    scale.main(asked)
    (row,) = read_log(log)
    assert row["exit_code"] in (0, 1, 3) and row["rows"] == 3_000 and row["bytes"] > 0
    assert all(row[name] > 0 for name in ("seconds", "peak_mb")) and row["bare"]["seconds"] > 0
    assert {"read", "scan", "verdict", "total"} <= set(row["stages"])
    assert capsys.readouterr().out.count("3,000 x 4") == 2
    scale.main(["--log", str(log), "--draw", str(tmp_path / "scale.png")])
    assert (tmp_path / "scale.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_table_that_is_there_is_not_made_again(tmp_path):
    first = make(tmp_path, 500, 3, "csv", 1)
    written = [path.stat().st_mtime_ns for path in first.iterdir()]
    assert make(tmp_path, 500, 3, "csv", 1) == first
    assert [path.stat().st_mtime_ns for path in first.iterdir()] == written
