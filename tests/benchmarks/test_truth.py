"""The log of answers: what a kill cut short is neither read nor allowed to spoil the line after it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks import build_signatures, dimension_matrix, fresh_samples
from benchmarks.truth import append, read_log

CUT_SHORT = '{"table": "ra'


def cut(log: Path) -> None:
    with log.open("a", encoding="utf-8") as lines:
        lines.write(CUT_SHORT)


def test_a_line_cut_short_is_left_out_and_the_next_one_stands_by_itself(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log.jsonl"
    assert list(read_log(log)) == []
    append(log, {"case": 1})
    cut(log)
    assert list(read_log(log)) == [{"case": 1}]
    append(log, {"case": 2})
    assert list(read_log(log)) == [{"case": 1}, {"case": 2}]


def test_what_was_answered_before_a_kill_is_not_asked_again(tmp_path: Path) -> None:
    split = {"table": "rand", "size": "500", "split": 0, "models": False}
    case = {"table": "co2", "damage": "none", "size": 0, "seed": 0, "models": False}
    samples, matrix = tmp_path / "samples.jsonl", tmp_path / "matrix.jsonl"
    for log, row in ((samples, split), (matrix, case)):
        append(log, row)
        cut(log)
    fresh_samples.run(["rand"], ["500"], 1, None, samples, False)
    dimension_matrix.run(["co2"], [], [], 1, matrix, False)
    assert list(read_log(samples)) == [split] and list(read_log(matrix)) == [case]


@pytest.mark.slow
def test_fingerprints_go_on_after_a_kill(tmp_path: Path, real: pl.DataFrame, fresh: pl.DataFrame) -> None:
    (tmp_path / "t").mkdir()
    for name, frame in (("reference", real), ("one", fresh), ("two", fresh.reverse())):
        frame.write_parquet(tmp_path / "t" / f"{name}.parquet")
    truth, log = [{"table": "t", "key": key} for key in ("one", "two")], tmp_path / "log.jsonl"
    build_signatures.measure(tmp_path, truth[:1], log)
    cut(log)
    assert set(build_signatures.measure(tmp_path, truth, log)) == {("t", "one"), ("t", "two")}
    assert [row["key"] for row in read_log(log)] == ["one", "two"]
