"""The commands as a shell sees them: exit codes, sentences, files."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from synthos.cli.app import app

pytestmark = pytest.mark.slow


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _validate(*arguments: object) -> Result:
    return _run("validate", *arguments, "--engine", "local", "--quick")


@pytest.fixture(scope="module")
def healthy(tables: Path) -> Result:
    return _validate(tables / "fresh.parquet", "--reference", tables / "real.parquet")


@pytest.fixture(scope="module")
def wrecked(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """A run on the wreck, and the folder with its r.json and r.html."""
    folder = tmp_path_factory.mktemp("wrecked" * 20)
    outputs = ["--json", folder / "r.json", "--html", folder / "r.html", "--seed", 5]
    return _validate(tables / "wreck.parquet", "--reference", tables / "real.parquet", *outputs), folder


def test_a_healthy_table_is_not_rejected_and_its_summary_shown(healthy: Result):
    assert healthy.exit_code in (0, 3), healthy.output
    assert "risk" in healthy.stdout.lower()


def test_a_wreck_ends_with_1_and_writes_what_was_asked_for(wrecked: tuple[Result, Path]):
    result, folder = wrecked
    assert result.exit_code == 1, result.output
    assert json.loads((folder / "r.json").read_text())["decision"] in ("fix_first", "rejected")
    assert "<svg" in (folder / "r.html").read_text()
    # In full, wider than the terminal as they are.
    assert result.stdout.endswith(f"written: {folder / 'r.json'}\nwritten: {folder / 'r.html'}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["r.html", "r.json"]


def test_the_gate_passes_and_fails_by_max_risk(tables: Path):
    arguments = [tables / "wreck.parquet", "--reference", tables / "real.parquet", "--engine", "local", "--quick"]
    assert _run("gate", *arguments, "--max-risk", 0.5).exit_code == 1
    passed = _run("gate", *arguments, "--max-risk", 100)
    assert passed.exit_code == 0 and "passed: risk" in passed.stdout
    assert "the decision is rejected all the same" in passed.stdout


def test_the_gate_is_inconclusive_without_a_reference(tables: Path):
    arguments = [tables / "fresh.parquet", "--engine", "local", "--quick", "--max-risk", 100]
    result = _run("gate", *arguments)
    assert result.exit_code == 3, result.output
    assert "gate: inconclusive" in result.stdout and "no reference table was given" in result.stdout


@pytest.mark.parametrize("max_risk", ["200", "nan"])
def test_the_gate_checks_its_limit_first(max_risk: str):
    result = _run("gate", "missing.parquet", "--max-risk", max_risk)
    assert result.exit_code == 2 and "missing" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["validate", "missing.parquet", "--reference", "real.parquet"], "missing.parquet"),
        (["validate", "fresh.parquet", "--reference", "real.parquet", "--tier-config", "none.yaml"], "none.yaml"),
        (["validate", "fresh.parquet", "--reference", "real.parquet", "--kinds", "none.yaml"], "none.yaml"),
        (["profile", "missing.csv"], "missing.csv"),
        (["repair", "fresh.parquet", "--from", "none.json", "--out", "fixed.parquet"], "none.json"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    tables: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
):
    monkeypatch.chdir(tables)
    before = sorted(tables.iterdir())
    extra = ["--engine", "local", "--quick"] if arguments[0] == "validate" else []
    result = _run(*arguments, *extra)
    assert result.exit_code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and sentence in last and last.endswith(".")
    assert "Traceback" not in result.stderr
    assert sorted(tables.iterdir()) == before


def test_a_column_that_no_table_has_is_told_of_the_file_that_names_it(tables: Path, tmp_path: Path):
    kinds = tmp_path / "kinds.yaml"
    kinds.write_text("columns:\n  nowhere: category\n", encoding="utf-8")
    result = _validate(tables / "fresh.parquet", "--reference", tables / "real.parquet", "--kinds", kinds)
    assert result.exit_code == 2
    assert f"{kinds}: kinds are declared for unknown columns 'nowhere'" in result.stderr.replace("\n", "")


def test_options_of_ray_are_refused_for_the_local_engine(tables: Path):
    result = _validate(tables / "fresh.parquet", "--reference", tables / "real.parquet", "--workers", 2)
    assert result.exit_code == 2 and "--engine ray" in result.stderr


def test_progress_is_plain_lines_where_there_is_no_terminal(healthy: Result):
    stages = [line.split("] ")[1].split(":")[0].split(" ")[0] for line in healthy.stderr.splitlines() if "] " in line]
    assert {"read", "scan", "dimensions", "verdict"} <= set(stages)
    assert "\x1b" not in healthy.stderr


def test_profile_shows_columns_and_writes_json(tables: Path, tmp_path: Path):
    out = tmp_path / "p.json"
    result = _run("profile", tables / "real.parquet", "--json", out)
    assert result.exit_code == 0, result.output
    assert "income" in result.stdout and "category" in result.stdout
    assert json.loads(out.read_text())["rows"] == pl.read_parquet(tables / "real.parquet").height


def test_profile_shows_times_as_dates_and_whole_numbers_whole(tmp_path: Path):
    start = pl.datetime(2024, 1, 1)
    table = pl.DataFrame({"paid": [10_000 + k * 7 % 1_500 for k in range(3_000)]})
    table.with_columns(at=start + pl.duration(hours=pl.int_range(pl.len()))).write_parquet(tmp_path / "t.parquet")
    result = _run("profile", tmp_path / "t.parquet")
    assert result.exit_code == 0, result.output
    assert "2024-01-01" in result.stdout and "10,000" in result.stdout and "11,499" in result.stdout
    assert "e+" not in result.stdout
    assert "scan: synthetic" not in result.stderr and f"scan: {tmp_path / 't.parquet'}" in result.stderr


def test_validate_then_repair_removes_a_planted_block(tables: Path, tmp_path: Path):
    fresh = pl.read_parquet(tables / "fresh.parquet")
    copied = pl.concat([fresh.head(600), fresh.head(3).sample(400, with_replacement=True, seed=1), fresh.tail(600)])
    copied.write_parquet(tmp_path / "planted.parquet")
    reference, out = tables / "real.parquet", tmp_path / "r.json"
    assert _validate(tmp_path / "planted.parquet", "--reference", reference, "--json", out).exit_code == 1
    fixed = tmp_path / "fixed.parquet"
    arguments = ["repair", tmp_path / "planted.parquet", "--from", out, "--out", fixed, "--reference", reference]
    refused = _run(*arguments)
    assert refused.exit_code == 2 and not fixed.exists()
    assert "gains were not measured" in refused.stderr and "with --only: " in refused.stderr
    found = json.loads(out.read_text())["recommendations"]
    removals = [item["id"] for item in found if item["kind"] in ("remove_rows", "deduplicate")]
    assert removals and all(name in refused.stderr for name in removals)
    result = _run(*arguments, *(word for name in removals for word in ("--only", name)))
    assert result.exit_code == 0, result.output
    left = pl.read_parquet(fixed)
    assert left.columns == copied.columns
    assert left.height - left.n_unique() < (copied.height - copied.n_unique()) / 2


def test_version_and_help():
    assert _run("--version").stdout.startswith("synthos ")
    assert all(name in _run("--help").stdout for name in ("validate", "profile", "gate", "repair"))


def test_a_result_of_another_table_is_not_applied(tables: Path, tmp_path: Path, wrecked: tuple[Result, Path]):
    """The tables have equally many rows and the same columns, and the wreck's rows are not to be removed from it."""
    out, fixed = tmp_path / "r.json", tmp_path / "fixed.parquet"
    document = json.loads((wrecked[1] / "r.json").read_text())
    removal = {
        "kind": "remove_rows",
        "id": "remove_rows-1",
        "expected_gain": 9.0,
        "parameters": {"row_range": [0, 300]},
    }
    document["recommendations"] = [{**document["recommendations"][0], **removal}]
    out.write_text(json.dumps(document))
    result = _run("repair", tables / "fresh.parquet", "--from", out, "--out", fixed)
    assert result.exit_code == 2 and sorted(tmp_path.iterdir()) == [out]
    assert "fresh.parquet: does not hold the rows of the table that the result is of" in result.stderr
    assert _run("repair", tables / "wreck.parquet", "--from", out, "--out", fixed).exit_code == 0
    assert pl.read_parquet(fixed).height == pl.read_parquet(tables / "wreck.parquet").height - 300
