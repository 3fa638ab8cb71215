from __future__ import annotations

import json

import pytest

from benchmarks import scan


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    target = tmp_path_factory.mktemp("scan") / "table.parquet"
    scan.write(target, 20_000)
    return target


def test_the_table_is_what_it_says(path):
    frame = scan.chunk(20_000, 0)
    profile = scan.ours_alone(path).profile
    assert [column.name for column in profile.columns] == list(scan.KINDS)
    assert profile.rows == 20_000
    for column in profile.columns:
        assert column.nulls == frame[column.name].null_count()


@pytest.mark.slow
def test_two_processes_find_what_one_finds(path):
    alone, spread = scan.ours_alone(path), scan.ours_spread(path)
    assert spread.profile == alone.profile
    assert spread.frame.equals(alone.frame)


@pytest.mark.parametrize("mode", ["bare", "alone"])
def test_each_mode_reports_its_figures(path, mode, capsys):
    scan.run_mode(mode, path)
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {"seconds", "cpu", "peak_mb"}
    assert all(value > 0 for value in figures.values())
