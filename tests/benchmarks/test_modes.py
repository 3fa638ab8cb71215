"""The three modes side by side: what is asked, what is made where a bench lacks it, and what the document says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks import memorised, modes, modes_document
from tests.dimensions.damages import exchangeable


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """One table of 500 rows: reference, fresh rows, a holdout, and a bootstrap."""
    folder = tmp_path / "bench" / "people"
    folder.mkdir(parents=True)
    for seed, name in enumerate(("reference", "real", "holdout", "cart_g1")):
        exchangeable(500, seed).write_parquet(folder / f"{name}.parquet")
    reference = pl.read_parquet(folder / "reference.parquet")
    reference[np.random.default_rng(0).integers(500, size=500)].write_parquet(folder / "bootstrap.parquet")
    truth = [
        {"table": "people", "key": key, "family": family, "utility_loss": harm}
        for key, family, harm in (("bootstrap", "healthy_memorised", 0.02), ("real", "healthy", 0.0))
    ]
    (folder / "truth.json").write_text(json.dumps(truth))
    return tmp_path / "bench"


def test_cases_stand_key_by_key_and_a_leak_is_made_where_there_is_none(bench: Path) -> None:
    asked = modes.cases(bench, (), ("real", "leak20", "bootstrap"))
    assert [row["key"] for row in asked] == ["real", "leak20", "bootstrap"]
    assert asked[1]["utility_loss"] is None
    made = modes.synthetic_rows(bench / "people", "leak20")
    reference = set(pl.read_parquet(bench / "people" / "reference.parquet").iter_rows())
    assert made.height == 500 and sum(row in reference for row in made.iter_rows()) == 100


@pytest.mark.slow
def test_every_mode_answers_once_and_copies_are_flagged_where_there_are_real_rows(bench: Path, tmp_path: Path) -> None:
    log = tmp_path / "out" / "log.jsonl"
    modes.run(bench, log, keys=("bootstrap", "real"))
    modes.run(bench, log, keys=("bootstrap", "real"))
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(row["key"], row["mode"]) for row in rows] == [
        (key, mode) for key in ("bootstrap", "real") for mode in modes.MODES
    ]
    by_case = {(row["key"], row["mode"]): row for row in rows}
    for mode in ("reference", "holdout"):
        assert by_case["bootstrap", mode]["memorisation"]["flagged"]
        assert not by_case["real", mode]["memorisation"]["flagged"]
        assert by_case["bootstrap", mode]["decision"] == "fix_first"
    assert by_case["real", "alone"]["decision"] == "inconclusive"
    assert "reason" in by_case["real", "alone"]["memorisation"]
    text = modes_document.document(rows, [], [])
    assert "2 cases of people" in text and "| healthy_memorised | 1 of 1 (100.0 %) | 1 of 1 (100.0 %) |" in text


def answer(key: str, mode: str, harm: float, risk: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {"table": "t", "key": key, "family": key, "utility_loss": harm, "mode": mode}
    if risk is None:
        return row | {"decision": "refused", "risk_score": None, "collapse_probability": None}
    return row | {
        "decision": "approved" if risk < 20 else "rejected",
        "risk_score": risk,
        "collapse_probability": risk / 100,
        "probability_interval": [0.0, 1.0],
        "open": ["Whether rows were memorised is left open: too few."] if mode == "reference" else [],
        "memorisation": {"flagged": False, "share": 0.0},
    }


def test_the_document_counts_what_all_modes_answered_and_calls_refusals_by_their_name() -> None:
    harms = {"a": 0.0, "b": 0.05, "c": 0.3, "d": 0.6}
    rows = [answer(key, mode, harm, 100 * harm) for key, harm in harms.items() for mode in ("reference", "holdout")]
    rows += [answer(key, "alone", harm, None) for key, harm in harms.items()]
    rows.append(answer("unfinished", "alone", 0.9, 1.0))
    text = modes_document.document(rows, [], [])
    assert "unfinished" not in text
    assert "| rank correlation with the harm, t | – | 1.00 | 1.00 |" in text
    assert "| AUROC of harm > 0.1 | – | 1.00 | 1.00 |" in text
    assert "| sound | refused | 2 | 0 | 0 |" in text and "| collapsed | rejected | 0 | 2 | 2 |" in text
    assert "| whether rows were memorised | – | 100 % | 0 % |" in text


@pytest.mark.slow
def test_small_draws_find_leaks_and_accuse_no_fresh_rows(bench: Path, tmp_path: Path) -> None:
    log = tmp_path / "memorised.jsonl"
    memorised.run([bench], log, 1)
    before = log.read_text()
    memorised.run([bench], log, 1)
    assert log.read_text() == before
    found = {(row["kind"], row["mode"]): row for row in memorised.summary(list(map(json.loads, before.splitlines())))}
    for mode in ("reference", "holdout"):
        assert found["real", mode]["flagged"] == 0
        assert found["leak20", mode]["flagged"] == found["bootstrap", mode]["flagged"] == 1
    assert "Missed leaks of a fifth and bootstraps: none" in modes_document.draws(
        [json.loads(line) for line in before.splitlines()]
    )
