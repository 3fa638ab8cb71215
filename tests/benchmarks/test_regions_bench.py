"""The benchmark of regions plants what it says it plants, and counts rightly what is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import region_report
from benchmarks.damages import DAMAGES
from benchmarks.region_tables import Base, bases
from benchmarks.regions import SHARES, Case, best_range, planted, read, run


@pytest.fixture(scope="module")
def base() -> Base:
    return bases()["fair"]


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_damage_stays_in_its_rows_and_every_column_named_is_changed(damage: str, base: Base) -> None:
    case = Case("fair", "whole", "reference", (damage,), 10, 0)
    made = planted(case, base)
    assert made is not None
    table, reference, (truth,) = made
    _, sound = base.split(0)
    start, stop = truth["row_range"]
    assert stop - start == sound.height // 10
    assert table.columns == reference.columns == sound.columns
    same = sound.cast(dict(table.schema))
    assert pl.concat([table[:start], table[stop:]]).equals(pl.concat([same[:start], same[stop:]]))
    changed = {name for name in table.columns if not table[name][start:stop].equals(same[name][start:stop])}
    assert set(truth["columns"]) <= changed
    assert truth["columns"]


def test_a_table_without_a_rule_has_none_to_break(base: Base) -> None:
    case = Case("digits", "whole", "reference", ("rule_break",), 10, 0)
    assert planted(case, bases()["digits"]) is None


def test_rows_stay_in_their_shards(base: Base) -> None:
    case = Case("fair", "shards", "reference", ("drift",), 30, 0)
    made = planted(case, base)
    assert made is not None
    _, _, (truth,) = made
    start, stop = truth["row_range"]
    assert 0 <= start < stop <= base.rows


def test_a_table_of_one_shard_is_not_shuffled(base: Base) -> None:
    """All of its rows would be, and no run be left to find."""
    small = replace(base, rows=900)
    assert planted(Case("fair", "shards", "reference", ("drift",), 30, 0), small) is None
    assert planted(Case("fair", "whole", "reference", ("drift",), 30, 0), small) is not None


def test_the_best_range_agrees_most_with_the_damaged_rows() -> None:
    damaged = np.zeros(100, bool)
    damaged[20:40] = True
    assert best_range(damaged) == [20, 40]
    damaged[90] = True
    assert best_range(damaged) == [20, 40]
    damaged[22:24] = False
    assert best_range(damaged) == [20, 40]


def test_figures_count_what_was_found(tmp_path: Path) -> None:
    planted_run = {"issue": "noise", "columns": ["a", "b"], "row_range": [100, 200]}
    head = {"table": "t", "layout": "whole", "mode": "reference", "share": 10, "order": None, "seconds": 1.0}
    right = {"row_range": [110, 200], "issue": "noise", "columns": ["a", "c"]}
    wrong = {"row_range": [0, 50], "issue": "mode", "columns": ["a"]}
    lines = [
        {**head, "planted": [planted_run], "regions": [right, wrong]},
        {**head, "planted": [planted_run], "regions": []},
    ]
    found, missed = region_report.hits(lines)
    assert (found.edge_rows, found.edge_share, found.named) == (5.0, 0.05, True)
    assert found.columns == (pytest.approx(1 / 3), 0.5)
    assert missed.region is None
    assert region_report.precision(lines) == (1, 2)
    page = region_report.page([*lines, {**head, "planted": [], "regions": [wrong]}])
    assert "| noise | 2 | 0.50 | 0.50 | 1.00 | 5 | 5.0% | 0.33 | 0.50 |" in page
    assert "| all | 1 | 1 |" in page


@pytest.mark.slow
def test_a_broken_run_resumes(base: Base, tmp_path: Path) -> None:
    cases = [Case("fair", "whole", "alone", ("duplicates",), share, 0) for share in SHARES[1:3]]
    path = tmp_path / "regions.jsonl"
    run(cases[:1], {"fair": base}, path)
    before = path.read_text()
    path.write_text(before + '{"table": "fa')  # a kill cut it short
    run(cases, {"fair": base}, path)
    assert path.read_text().startswith(before)
    assert [line["share"] for line in read(path).values()] == list(SHARES[1:3])
    assert json.loads(before)["planted"][0]["issue"] == "duplicates"
