"""The fit of the rare loss: answers are kept and resumed, features line up, and the fit finds what made the cases."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.fit_outcomes import answers, features, fit, fit_chance, held_out_answers, score
from benchmarks.truth import read_log
from synthos.results import Component
from synthos.verdict.chances import LOST, parse_rare_model


def part(name: str, value: float) -> dict[str, object]:
    return asdict(Component(name=name, value=value, unit="share", meaning="", null_median=0.0, null_q95=0.0, wreck=1.0))


def test_features_are_in_the_order_of_the_weights() -> None:
    rows = [
        {"components": [part("tail_0.01", 0.2), part("rare_mass_lost", 0.1), part("hill_index", 3.0)]},
        {"components": [part("rare_mass_lost", -0.1), part("tail_0.01", -0.2)]},
    ]
    assert features(rows) == pytest.approx(np.array([[0.1, 0.2], [0.0, 0.0]]))


def test_what_could_not_be_measured_counts_alike_in_fit_and_product() -> None:
    row = {"components": [part("rare_mass_lost", 0.1)]}
    (x,) = features([row])
    model = parse_rare_model(
        {
            "weights": {"rare_mass_lost": 0.9, "tail_0.01": 0.2},
            "slope": 4.0,
            "middle": 0.08,
            "shift_error": 0.2,
            "seen": {"tables": 1, "cases": 1, "least_rows": 500},
            "made": "by hand",
        }
    )
    assert x @ [0.9, 0.2] == pytest.approx(model.share({"rare_mass_lost": 0.1}))


def made_cases() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.exponential(0.1, (400, 2))
    kinds = np.tile(np.repeat(["tree", "copula", "noise", "mode"], 25), 4)
    return x, x @ [0.8, 0.3], np.repeat(["a", "b", "c", "d"], 100), kinds


def test_the_fit_finds_what_made_the_cases() -> None:
    x, gone, tables, kinds = made_cases()
    shift = np.where(kinds == "tree", 0.3, -0.1)
    model = fit(x, gone, tables, kinds, score(gone) + shift, [{"rows": 700}])
    assert model.weights == pytest.approx({"rare_mass_lost": 0.8, "tail_0.01": 0.3}, abs=1e-6)
    assert model.middle == pytest.approx(LOST, abs=0.01) and model.slope > 3.0
    assert model.shift_error == pytest.approx(shift[::25].std())
    assert model.seen.least_rows == 700
    assert parse_rare_model(json.loads(json.dumps(asdict(model)))) == model


def test_slope_and_middle_of_the_chance_are_found_again() -> None:
    rng = np.random.default_rng(1)
    z = rng.uniform(0.0, 4.0, 20_000)
    lost = rng.random(len(z)) < 1.0 / (1.0 + np.exp(-3.0 * (z - 1.5)))
    assert fit_chance(z, lost, np.ones(len(z))) == pytest.approx((3.0, 1.5), rel=0.05)


def test_no_case_of_a_table_or_a_family_has_a_say_in_its_held_out_answer() -> None:
    x, gone, tables, kinds = made_cases()
    gone = gone * np.random.default_rng(4).uniform(0.5, 1.5, len(gone))
    scores, chances = held_out_answers(x, gone, tables, kinds)
    turned = gone.copy()
    related = (tables == "a") | (kinds == "tree")
    turned[related] = gone[related][::-1]
    again = held_out_answers(x, turned, tables, kinds)
    mine = (tables == "a") & (kinds == "tree")
    assert again[0][mine] == pytest.approx(scores[mine])
    assert again[1][mine] == pytest.approx(chances[mine])
    assert np.abs(again[1][~related] - chances[~related]).max() > 1e-6


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "made"
    folder.mkdir()
    for name in ("reference", "holdout", "real", "poor"):
        labels = rng.choice(["a", "b", "c", "d"], 2_000, p=[0.976, 0.008, 0.008, 0.008])
        values = rng.standard_normal(2_000)
        if name == "poor":
            labels[:] = "a"
            values = np.clip(values, -2.0, 2.0)
        pl.DataFrame({"label": labels, "value": values}).write_parquet(folder / f"{name}.parquet")
    cases = [{"table": "made", "key": key} for key in ("real", "poor")]
    log = tmp_path / "log.jsonl"
    answers(tmp_path, cases[:1], log)
    kept = log.read_bytes()
    both = answers(tmp_path, cases, log)
    assert log.read_bytes().startswith(kept)
    assert [row["key"] for row in read_log(log)] == ["real", "poor"]
    assert both[0]["gone"] < 0.3 < both[1]["gone"]
    assert features(both)[1].sum() > features(both)[0].sum()
    assert all(row["rows"] == 2_000 for row in both)
