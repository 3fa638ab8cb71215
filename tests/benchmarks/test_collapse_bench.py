"""The bench's own arithmetic, and the two builders that read its answers, on small hand-made cases."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import collapse_bench
from benchmarks.truth import append
from synthos.results import DIMENSIONS

Row = dict[str, Any]


def case(key: str, loss: float, family: str = "cart", table: str = "census", **more: Any) -> Row:
    return {"table": table, "key": key, "family": family, "utility_loss": loss, "rows": 8_000, **more}


def answer(known: Row, risk: float, regions: tuple[tuple[int, int], ...] = (), **losses: float) -> Row:
    every = dict.fromkeys(DIMENSIONS, 0.0) | losses
    return {
        "table": known["table"],
        "key": known["key"],
        "risk_score": risk,
        "collapse_probability": risk / 100,
        "rho": losses.get("rho"),
        "dimensions": {name: 100 * (1 - every[name]) for name in DIMENSIONS},
        "regions": [{"row_range": list(place), "issue": "noise"} for place in regions],
        "losses": every,
        "figures": {f"dimension:{name}": every[name] for name in DIMENSIONS},
        "seconds": 2.0,
        "quick": True,
    }


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    truth = [
        case("real", 0.0, "healthy"),
        case("cart_g4", 0.2, generation=4),
        case("cart_mix25", 0.04, "cart_mix", synthetic_share=0.25),
        case("noise_10", 0.02, "planted_noise", planted=[1_000, 1_800]),
    ]
    for table in ("bank", "census"):
        (tmp_path / table).mkdir()
        cases = [entry | {"table": table} for entry in truth]
        (tmp_path / table / "truth.json").write_text(json.dumps(cases))
    return tmp_path


def test_truth_is_chosen_by_table_and_key(bench: Path) -> None:
    assert len(collapse_bench.load_truth(bench, [], [])) == 8
    (found,) = collapse_bench.load_truth(bench, ["census"], ["real"])
    assert (found["table"], found["key"]) == ("census", "real")


def test_a_name_that_the_bench_does_not_hold_is_refused(bench: Path) -> None:
    with pytest.raises(SystemExit, match="holds no nothing"):
        collapse_bench.load_truth(bench, ["nothing"], [])
    with pytest.raises(SystemExit, match=r"holds no truth\.json"):
        collapse_bench.load_truth(bench / "census", [], [])


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert list(collapse_bench.read_log(log)) == []
    log.write_text('{"key": "real"}\n{"key": "ca')
    assert list(collapse_bench.read_log(log)) == [{"key": "real"}]


def test_what_is_finished_is_not_done_again(bench: Path, tmp_path: Path) -> None:
    truth = collapse_bench.load_truth(bench, ["census"], [])
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(answer(known, 7.0)) + "\n" for known in truth))
    rows = collapse_bench.run(truth, bench, log, quick=True, jobs=1)
    assert [row["key"] for row in rows] == [known["key"] for known in truth]
    assert len(log.read_text().splitlines()) == len(truth)


@pytest.mark.slow
def test_a_case_that_breaks_is_told_and_the_others_are_answered(
    small_bench: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = tmp_path / "bench"
    (bench / "fair").mkdir(parents=True)
    for name in ("reference", "real"):
        shutil.copy(small_bench / "fair" / f"{name}.parquet", bench / "fair")
    (bench / "fair" / "broken.parquet").write_bytes(b"no table")
    truth = [case("broken", 0.1, table="fair"), case("real", 0.0, "healthy", table="fair")]
    log = tmp_path / "out" / "log.jsonl"
    rows = collapse_bench.run(truth, bench, log, quick=True, jobs=1)
    assert [row["key"] for row in rows] == ["real"] == [row["key"] for row in collapse_bench.read_log(log)]
    assert "broken           BROKE" in capfd.readouterr().out
    assert collapse_bench.answered(log, quick=False) == {}


def test_held_out_figures_take_the_place_of_fitted_ones(tmp_path: Path) -> None:
    rows = [answer(case(key, 0.1), 50.0) for key in ("real", "cart_g4")]
    path = tmp_path / "held_out.jsonl"
    path.write_text('{"table": "census", "key": "real", "risk_score": 3.0, "collapse_probability": 0.02}\n')
    (found,) = collapse_bench.held_out(rows[:1], path)
    assert (found["risk_score"], found["collapse_probability"]) == (3.0, 0.02)
    assert found["losses"] == rows[0]["losses"]
    with pytest.raises(SystemExit, match="no line of census/cart_g4"):
        collapse_bench.held_out(rows, path)


@pytest.mark.slow
def test_the_command_shows_the_peers_beside_us_and_writes_what_was_scored(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, asked = tmp_path / "results.json", tmp_path / "peers.jsonl"
    truth = collapse_bench.load_truth(bench, ["census"], [])
    for known, quality in zip(truth, (0.02, 0.01, None, 0.0), strict=True):
        append(out.with_suffix(".jsonl"), answer(known, 100 * known["utility_loss"]))
        if quality is not None:
            risks = {"quality": quality, "pair trends": quality}
            append(asked, {"peer": "sdmetrics", "table": "census", "key": known["key"], "risks": risks})
    arguments = f"x --bench {bench} --tables census --quick --answered-only --out {out} --peers {asked}"
    monkeypatch.setattr("sys.argv", [*arguments.split(), "--pictures", str(tmp_path / "docs")])
    collapse_bench.main()
    shown = capsys.readouterr().out.splitlines()
    figures = {line[:38].strip(): line[38:].split() for line in shown if len(line) > 38}
    assert figures["rank correlation, census"] == ["1.000", "-0.500", "-0.500"]
    assert figures["cases answered"] == ["4", "3", "3"]
    assert figures["ahead of the best peer, census"] == ["1.500"]
    assert figures["highest risk of a fresh real sample"][-3:] == ["0.000", "2.000", "2.000"]
    assert len(json.loads(out.read_text())) == 4
    drawn = {f"{name}.{kind}" for name in ("collapse_bench", "reliability") for kind in ("png", "svg")}
    assert {path.name for path in (tmp_path / "docs").iterdir()} == drawn
    monkeypatch.setattr("sys.argv", arguments.replace("--tables census", "").split())
    with pytest.raises(SystemExit, match="4 of 8 cases have no answer"):
        collapse_bench.main()


def test_figures_of_merit_of_a_perfect_and_a_reversed_answer() -> None:
    truth = [case("real", 0.0, "healthy"), case("a", 0.05), case("b", 0.2), case("c", 0.5)]
    good = [answer(known, 100 * known["utility_loss"], rho=known["utility_loss"]) for known in truth]
    bad = [answer(known, 100 - 100 * known["utility_loss"]) for known in truth]
    found, reversed_ = (collapse_bench.figures_of_merit(truth, rows) for rows in (good, bad))
    assert found["rank correlation of risk, census"] == found["rank correlation of rho, census"] == pytest.approx(1.0)
    assert reversed_["rank correlation of risk, census"] == pytest.approx(-1.0)
    assert found["AUROC of the collapse probability"] == 1.0 and reversed_["AUROC of the collapse probability"] == 0.0
    assert found["Brier skill"] > 0 > reversed_["Brier skill"]
    assert "rank correlation of rho, census" not in reversed_
    assert found["highest risk of a fresh real sample"] == 0.0


def test_regions_are_scored_by_recall_and_precision() -> None:
    truth = [case("x", 0.0, planted=[0, 100]), case("y", 0.1, planted=[0, 100]), case("z", 0.2)]
    places = [((0, 90), (500, 600)), (), ()]
    found = collapse_bench.figures_of_merit(
        truth, [answer(known, 9.0, regions) for known, regions in zip(truth, places, strict=True)]
    )
    assert found["planted regions found (recall)"] == 0.5
    assert found["regions reported that were planted (precision)"] == 0.5


def test_the_table_shows_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    truth = [case("real", 0.0, "healthy"), case("cart_g4", 0.2)]
    collapse_bench.show(truth, [answer(truth[0], 1.0), answer(truth[1], 30.0, rho=0.3)])
    shown = capsys.readouterr().out
    assert "cart_g4" in shown and "0.30" in shown and "median seconds a table" in shown
