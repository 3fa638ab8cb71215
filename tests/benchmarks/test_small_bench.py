"""The bench made from packaged tables: its layout, its harm, and the product's own answers on a part of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import collapse_bench
from benchmarks.harm import Forest
from benchmarks.real_tables import REAL_TABLES
from benchmarks.small_bench import make_bench


@pytest.fixture(scope="module")
def truth(small_bench: Path) -> list[dict[str, Any]]:
    return collapse_bench.load_truth(small_bench, [], [])


def harm(truth: list[dict[str, Any]], key: str) -> list[float]:
    return [case["utility_loss"] for case in truth if case["key"] == key]


@pytest.mark.parametrize("name", REAL_TABLES)
def test_real_tables_are_complete_and_their_columns_as_said(name: str) -> None:
    real = REAL_TABLES[name]
    table = real.load()
    assert table.height > 1_700 and table.null_count().sum_horizontal().item() == 0
    assert table[real.label].dtype == pl.String and {real.ruled, real.ruling} <= {*table.columns}
    kinds = {dtype.is_numeric() for dtype in table.dtypes}
    assert kinds == {True, False}, "numbers and others"
    assert real.time is None or table[real.time].is_sorted()


def test_the_rules_hold_in_the_real_tables() -> None:
    tables = {name: real.load() for name, real in REAL_TABLES.items()}
    deductible = tables["rand"].filter(pl.col("individual_deductible"))
    assert set(deductible["coinsurance"]) <= {0, 100}
    fair, births, co2, digits = (tables[name] for name in ("fair", "births", "co2", "digits"))
    assert (fair["married_at"] == fair["age"] - fair["years_married"]).all()
    assert ((births["change"] - births["births"] + births["births_before"]).abs() < 1e-3).all()
    assert ((co2["rise"] - co2["co2"] + co2["year_before"]).abs() < 0.06).all()
    assert (digits["ink"] == digits.select(pl.sum_horizontal("^(left|right)_.$")).to_series()).all()


@pytest.mark.slow
def test_layout_is_that_of_a_bench(small_bench: Path, truth: list[dict[str, Any]]) -> None:
    assert len(truth) == 48 and len({case["table"] for case in truth}) == 4
    for case in truth:
        folder = small_bench / case["table"]
        table, reference = (pl.read_parquet(folder / f"{name}.parquet") for name in (case["key"], "reference"))
        assert table.columns == reference.columns and table.height == reference.height == case["rows"]
        assert case["family"] and np.isfinite(case["utility_loss"])
        assert ("planted" in case) == case["family"].startswith("planted_")
    assert {case["table"] for case in truth if case["key"] == "leak20" and case["copied_share"] == 0.2} == {
        case["table"] for case in truth
    }


@pytest.mark.slow
def test_reference_real_and_holdout_rows_are_disjoint(small_bench: Path) -> None:
    co2 = {name: pl.read_parquet(small_bench / "co2" / f"{name}.parquet") for name in ("reference", "real", "holdout")}
    assert pl.concat(co2.values())["week"].is_unique().all()
    assert all(table["week"].is_sorted() for table in co2.values())


@pytest.mark.slow
def test_planted_rows_alone_differ_from_the_real_case(small_bench: Path, truth: list[dict[str, Any]]) -> None:
    for case in truth:
        if "planted" not in case:
            continue
        start, stop = case["planted"]
        table, real = (pl.read_parquet(small_bench / case["table"] / f"{key}.parquet") for key in (case["key"], "real"))
        outside = (pl.int_range(pl.len()) < start) | (pl.int_range(pl.len()) >= stop)
        assert_frame_equal(table.filter(outside), real.filter(outside), check_dtypes=False)
        assert stop - start == round(int(case["key"].split("_")[-1]) / 100 * table.height)
        assert not table[start:stop].cast(real.schema, strict=False).equals(real[start:stop])


@pytest.mark.slow
def test_harm_grows_with_the_damage(truth: list[dict[str, Any]]) -> None:
    real, bootstrap, first, fourth, copula, mixed = (
        np.array(harm(truth, key)) for key in ("real", "bootstrap", "cart_g1", "cart_g4", "copula_g1", "copula_mix75")
    )
    assert (np.abs(real) < 0.1).all() and (bootstrap < 0.3).all()
    assert (real < fourth).all() and first.mean() < fourth.mean()
    assert (real < mixed).all() and (mixed < copula).all()
    assert np.array(harm(truth, "shuffled_60")).mean() > 0.2


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes_whatever_else_is_asked_for(small_bench: Path, tmp_path: Path) -> None:
    keys = ("copula_mix75", "noise_60", "cart_g1")
    make_bench(tmp_path, ["digits"], keys, rows=600, forest=Forest(trees=10))
    for path in sorted((tmp_path / "digits").glob("*.parquet")):
        assert path.read_bytes() == (small_bench / "digits" / path.name).read_bytes(), path.name
    made = json.loads((tmp_path / "digits" / "truth.json").read_text())
    known = {case["key"]: case for case in json.loads((small_bench / "digits" / "truth.json").read_text())}
    assert made == [known[case["key"]] for case in made] and {case["key"] for case in made} == {*keys}


def test_what_the_bench_does_not_know_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="unknown: iris; tables are rand"):
        make_bench(tmp_path, ["iris"], ["real"])
    with pytest.raises(SystemExit, match="unknown: cart_g3"):
        make_bench(tmp_path, ["co2"], ["cart_g3"])


@pytest.mark.slow
def test_the_product_ranks_the_worst_above_real_rows(small_bench: Path, tmp_path: Path) -> None:
    keys = ["real", "copula_g1", "shuffled_60", "noise_60"]
    truth = collapse_bench.load_truth(small_bench, ["co2", "fair"], keys)
    rows = [collapse_bench.judge(small_bench, case["table"], case["key"], True, tmp_path) for case in truth]
    found = collapse_bench.figures_of_merit(truth, rows)
    assert {"rank correlation of risk, co2", "highest risk of a fresh real sample"} <= found.keys()
    assert "planted regions found (recall)" in found
    risk = {(row["table"], row["key"]): row["risk_score"] for row in rows}
    for table in ("co2", "fair"):
        assert max(keys, key=lambda key: -risk[table, key]) == "real"
        assert risk[table, "real"] < 20 < min(risk[table, key] for key in keys[1:])
