"""The measured harm: nothing for real rows, all of it for rows that teach nothing, and the same whoever asks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import harm
from benchmarks.harm import Forest, HarmMeter

ROWS = 400
SMALL = Forest(trees=8)


def rows(seed: int) -> pl.DataFrame:
    """Two columns that tell of each other and of a category, one date that tells of a number, one column of noise."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=ROWS)
    kind = np.where(first + rng.normal(scale=0.3, size=ROWS) > 0, "high", "low")
    day = np.round(1_000 * first).astype(np.int32)
    return pl.DataFrame(
        {
            "first": first,
            "second": first + rng.normal(scale=0.3, size=ROWS),
            "kind": np.where(rng.random(ROWS) < 0.1, None, kind),
            "day": pl.Series(day).cast(pl.Date),
            "noise": rng.normal(size=ROWS),
        }
    )


def wreck(table: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(
        [table[name].sample(fraction=1.0, shuffle=True, seed=i) for i, name in enumerate(table.columns)]
    )


@pytest.fixture(scope="module")
def meter() -> HarmMeter:
    return HarmMeter(rows(1), rows(2), SMALL)


def test_targets_are_columns_that_can_be_learned(meter: HarmMeter) -> None:
    assert set(meter.targets) == {"first", "second", "kind", "day"}


def test_real_rows_cost_nothing_and_a_wreck_costs_everything(meter: HarmMeter) -> None:
    real, worst = meter.measure(rows(3)), meter.measure(wreck(rows(3)))
    assert abs(real.utility_loss) < 0.1
    assert worst.utility_loss > 0.9 and max(worst.per_column.values()) <= harm.CAP
    assert real.utility_loss == pytest.approx(np.mean(list(real.per_column.values())))


def test_the_reference_itself_costs_exactly_nothing(meter: HarmMeter) -> None:
    assert meter.measure(rows(1)).utility_loss == 0.0


def test_one_broken_column_is_the_one_that_costs_most(meter: HarmMeter) -> None:
    broken = rows(3).with_columns(pl.col("kind").shuffle(seed=1))
    found = meter.measure(broken).per_column
    assert max(found, key=found.__getitem__) == "kind" and found["kind"] > 0.9


def test_categories_and_columns_order_do_not_matter(meter: HarmMeter) -> None:
    table = rows(3)
    assert meter.measure(table.select(sorted(table.columns))) == meter.measure(table)
    unknown = table.with_columns(pl.lit("never seen").alias("kind"))
    assert meter.measure(unknown).per_column["kind"] > 1.0


def test_rows_that_lack_the_answer_teach_nothing_about_it(meter: HarmMeter) -> None:
    table = rows(3)
    torn = table.with_columns(
        pl.when(pl.int_range(pl.len()) % 4 == 0).then(float("nan")).otherwise("first").alias("first")
    )
    assert torn["first"].is_nan().any()
    found = meter.measure(torn)
    assert found.per_column["first"] < 0.2 and abs(found.utility_loss) < 0.2


def test_a_column_that_is_not_there_is_named(meter: HarmMeter) -> None:
    with pytest.raises(ValueError, match="lacks second"):
        meter.measure(rows(3).drop("second"))


def test_a_table_that_teaches_nothing_is_refused() -> None:
    rng = np.random.default_rng(0)
    noise = pl.DataFrame({name: rng.normal(size=ROWS) for name in "ab"})
    with pytest.raises(ValueError, match="can be learned"):
        HarmMeter(noise, noise.sample(fraction=1.0, shuffle=True, seed=1), SMALL)


def test_brier_counts_an_answer_that_the_forest_never_saw() -> None:
    chances = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    found = [
        harm._brier(chances[i : i + 1], np.array([0.0, 2.0]), np.array([truth])) for i, truth in enumerate((0, 2, 5))
    ]
    assert found == [0.0, 0.5, 2.0]


@pytest.mark.slow
def test_command_measures_files_and_a_bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    for name, table in (("reference", rows(1)), ("holdout", rows(2)), ("real", rows(3)), ("wreck", wreck(rows(3)))):
        table.write_parquet(folder / f"{name}.parquet")
    columns = {"first": 0.0, "kind": 0.0}
    truth = [
        {"table": "toy", "key": key, "family": "x", "utility_loss": loss, "per_column": columns, "rows": ROWS}
        for key, loss in (("real", 0.0), ("wreck", 1.0))
    ]
    (folder / "truth.json").write_text(json.dumps(truth))
    out = tmp_path / "harm.json"
    common = ["harm", "--trees", "8", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", [*common, "--bench", str(tmp_path), "--same-targets"])
    harm.main()
    real, worst = json.loads(out.read_text())
    assert list(real["per_column"]) == ["first", "kind"] and worst["measured"] > 0.9 > 0.2 > real["measured"]
    files = [str(folder / f"{name}.parquet") for name in ("reference", "holdout", "real")]
    monkeypatch.setattr(sys, "argv", [*common, "--reference", files[0], "--holdout", files[1], files[2]])
    harm.main()
    assert "real.parquet" in capsys.readouterr().out and len(json.loads(out.read_text())) == 1
