"""The packaged library is what the bench's figures say: names, spreads, reach, and retrieval of tables left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import build_signatures
from benchmarks.collapse_bench import Row
from synthos.verdict.fingerprint import Fingerprint
from synthos.verdict.known import parse_library
from synthos.verdict.signatures import match

DAMAGES = {"real": "healthy", "ctgan_g1": "ctgan", "ctgan_mix75": "ctgan_mix", "noise_30": "planted_noise"}
SHIFT = {"real": (0.0, 0.0), "ctgan_g1": (0.9, 2.0), "ctgan_mix75": (0.6, 1.4), "noise_30": (0.3, 0.3)}


def made_up(*tables: str) -> tuple[list[Row], dict[tuple[str, str], Fingerprint]]:
    rng = np.random.default_rng(0)
    truth: list[Row] = []
    figures: dict[tuple[str, str], Fingerprint] = {}
    for table in tables:
        for key, family in DAMAGES.items():
            case: dict[str, Any] = {"table": table, "key": key, "family": family, "utility_loss": 0.1, "rows": 100}
            case |= {"generation": 1} if key == "ctgan_g1" else {}
            case |= {"synthetic_share": 0.75} if key == "ctgan_mix75" else {}
            case |= {"planted": [10, 40]} if key == "noise_30" else {}
            truth.append(case)
            new, tails = np.array(SHIFT[key]) + rng.uniform(0.0, 0.02, 2)
            figures[table, key] = {"new_values": float(new), "tails": float(tails), "region_noise": key == "noise_30"}
    return truth, figures


def test_patterns_are_named_for_people_and_mixtures_belong_to_their_generator():
    truth, figures = made_up("a", "b")
    library = parse_library(build_signatures.build(truth, figures, "here"))
    names = {case.name: case.family for case in library.cases}
    assert names == {
        "Fresh real rows": "healthy",
        "CTGAN, first generation": "ctgan",
        "CTGAN, three quarters of the rows": "ctgan",
        "Noisy block, 30% of the rows": "planted_noise",
    }
    assert {case.source for case in library.cases} == {"a", "b"} and len(library.cases) == 8
    assert library.made == "here" and set(library.spreads) == {"new_values", "tails", "region_noise"}


def test_figures_that_differ_by_table_have_a_larger_spread():
    truth, figures = made_up("a", "b")
    calm = parse_library(build_signatures.build(truth, figures, ""))
    for key in DAMAGES:
        figures["b", key]["tails"] += 1.5
    restless = parse_library(build_signatures.build(truth, figures, ""))
    assert restless.spreads["tails"] > 2 * calm.spreads["tails"]
    assert restless.spreads["new_values"] == calm.spreads["new_values"]
    assert restless.reach > calm.reach


def test_what_was_not_measured_is_null_and_not_0():
    truth, figures = made_up("a", "b")
    for key in DAMAGES:
        del figures["a", key]["tails"]
        figures["a", key]["heaps"] = 1.0
    figures["c", "real"] = figures["b", "real"]
    document = build_signatures.build([*truth, truth[0] | {"table": "c"}], figures, "")
    assert document["figures"] == ["new_values", "tails", "region_noise"], "heaps, which one table alone shows, is out"
    assert document["cases"][0]["values"][1] is None and document["cases"][4]["values"][1] is not None
    assert json.loads(build_signatures._compact(document)) == document


def test_one_table_alone_gives_no_library():
    with pytest.raises(SystemExit, match="spreads are unknown"):
        build_signatures.build(*made_up("a"), "")


def test_a_table_that_is_left_out_is_found_by_the_others(capsys: pytest.CaptureFixture[str]):
    truth, figures = made_up("a", "b", "c")
    found = build_signatures.leave_tables_out(truth, figures)
    assert [answer["family"] for answer in found] == [build_signatures.family_of(case) for case in truth]
    assert all(answer["harm"] == pytest.approx(0.1) for answer in found)
    found[0]["family"] = "cart"
    strange = found[1] | {"case": found[1]["case"] | {"family": "planted_nulls"}, "alike": 0.2}
    build_signatures.show("left out", [*found, strange])
    shown = capsys.readouterr().out
    assert "families that the library does not hold are taken for: planted_nulls -> none 1" in shown
    assert "right family first 0.917 of 12 (a 0.75, b 1.00, c 1.00)" in shown and "healthy -> cart 1" in shown


def test_a_table_that_is_like_none_is_not_found():
    truth, figures = made_up("a", "b", "c")
    library = parse_library(build_signatures.build(truth, figures, ""))
    assert match({"new_values": 0.0, "tails": -6.0, "region_noise": 0.0}, library=library) == ()
    alone = [case for case in truth if case["key"] == "noise_30"]
    assert all(answer["other"] < 0.6 for answer in build_signatures.look_up(alone, figures, library))


@pytest.mark.slow
def test_fingerprints_are_measured_once(tmp_path: Path, fresh: Any, real: Any):
    folder = tmp_path / "t"
    folder.mkdir()
    real.write_parquet(folder / "reference.parquet")
    fresh.write_parquet(folder / "real.parquet")
    truth: list[Row] = [{"table": "t", "key": "real", "family": "healthy", "utility_loss": 0.0, "rows": 1_200}]
    log = tmp_path / "out" / "log.jsonl"
    first = build_signatures.measure(tmp_path, truth, log)
    assert first["t", "real"]["region_rows"] == 0.0
    (folder / "real.parquet").unlink()
    assert build_signatures.measure(tmp_path, truth, log) == first
