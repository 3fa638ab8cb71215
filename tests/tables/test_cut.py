"""A table that says how it is to be cut is cut so, as long as that fits it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from synthos.tables.cut import KEY, Cut, cut_from_json
from synthos.tables.sources import open_table

CUT = Cut(units=((0, 30), (1, 20), (5, 10)), length=4, planned_rows=32)
FRAME = pl.DataFrame({"x": range(60)})


def written(path: Path, groups: Sequence[int], cut: Cut = CUT) -> Path:
    table = FRAME.to_arrow()
    with pq.ParquetWriter(path, table.schema) as writer:
        first = 0
        for rows in groups:
            writer.write_table(table[first : first + rows])
            first += rows
        writer.add_key_value_metadata({KEY: cut.to_json()})
    return path


def test_units_are_those_of_the_cut_whatever_its_row_groups(tmp_path: Path) -> None:
    source = open_table(written(tmp_path / "cut.parquet", (10, 20, 20, 3, 7)))
    assert [(unit.index, unit.rows, unit.offset) for unit in source.units()] == [(0, 30, 0), (1, 20, 30), (5, 10, 50)]
    rows = [pl.concat(source.read_unit(unit.shards))["x"].to_list() for unit in source.units()]
    assert rows == [list(range(30)), list(range(30, 50)), list(range(50, 60))]
    assert (source.cut, source.planned_rows) == (CUT, 32)


def test_a_table_that_was_rewritten_in_other_groups_is_cut_as_any_other(tmp_path: Path) -> None:
    source = open_table(written(tmp_path / "rewritten.parquet", (25, 25, 10)))
    assert source.cut is None and [unit.rows for unit in source.units()] == [60]


def test_one_of_several_files_does_not_say_how_all_are_cut(tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", (30, 20, 10))
    written(tmp_path / "b.parquet", (30, 20, 10))
    source = open_table(tmp_path)
    assert source.cut is None and sum(unit.rows for unit in source.units()) == 120


@pytest.mark.parametrize(
    "changes",
    [
        {"units": [[0, 30], [1, 20]]},
        {"units": [[0, 30], [1, 20], [5, 11]]},
        {"units": [[0, 30], [0, 20], [5, 10]]},
        {"units": [[1, 30], [0, 20], [5, 10]]},
        {"units": [[-1, 30], [0, 20], [5, 10]]},
        {"units": [[0, 30], [1, 20], [3, 0], [5, 10]]},
        {"units": []},
        {"units": [[0, 30], [1, 20], [2**64, 10]]},
        {"length": 3},
        {"length": 2**70},
        {"length": 0},
        {"planned_rows": 64},
        {"planned_rows": 24},
        {"planned_rows": 4},
        {"units": [[0, 30], [1, 20], [77, 10]]},
        {"planned_rows": 0},
        {"length": "many"},
    ],
)
def test_what_fits_no_table_of_those_groups_counts_as_nothing(changes: dict[str, Any]) -> None:
    groups = (30, 20, 10)
    assert cut_from_json(CUT.to_json(), groups, 1) == CUT
    content = json.dumps({**json.loads(CUT.to_json()), **changes}).encode()
    assert cut_from_json(content, groups, 1) is None
    assert cut_from_json(b"{", groups, 1) is None


def test_a_cut_into_far_more_units_than_usual_counts_as_nothing() -> None:
    groups = (1,) * 200
    cut = Cut(units=tuple((index, 1) for index in range(200)), length=1, planned_rows=128)
    assert cut_from_json(cut.to_json(), groups, 40) == cut
    assert cut_from_json(cut.to_json(), groups, 30) is None
