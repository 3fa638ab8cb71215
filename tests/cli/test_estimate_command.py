"""``synthos estimate`` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from synthos.cli.app import app

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["estimate", *map(str, arguments)])


def test_time_memory_and_cost_are_shown_and_written(tables: Path, tmp_path: Path):
    given = [tables / "fresh.parquet", "--reference", tables / "real.parquet", "--no-cache"]
    prices = ["--price", "m7i.2xlarge=0.5", "--price", "m7i.4xlarge=1", "--price", "g6.4xlarge=2"]
    result = _run(*given, "--cluster", ROOT / "cluster.yaml", *prices, "--json", tmp_path / "e.json")
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "e.json").read_text())
    assert content["engine"] == "cluster" and content["gpus"] == 16 and content["cost"] > 0
    assert sum(node["cost"] for node in content["nodes"]) == pytest.approx(content["cost"])
    for said in ("density models", "node-hours", "cost:", "memory:", "never measured"):
        assert said in result.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "e.json"]


def test_without_prices_the_cost_stays_open(tables: Path):
    result = _run(tables / "fresh.parquet", "--quick", "--cluster", ROOT / "cluster.yaml", "--no-cache")
    assert result.exit_code == 0 and "for want of prices" in result.stdout


def test_an_estimate_stands_beside_what_a_validation_took(tables: Path, tmp_path: Path):
    given = [tables / "fresh.parquet", "--reference", tables / "real.parquet", "--quick", "--engine", "local"]
    out = tmp_path / "r.json"
    judged = CliRunner().invoke(app, ["validate", *map(str, given), "--no-cache", "--json", str(out)])
    assert judged.exit_code in (0, 3), judged.output
    result = _run(*given, "--no-cache", "--check", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].startswith("all") and "estimated" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cluster", "none.yaml"], "none.yaml"),
        (["--check", "none.json"], "none.json"),
        (["--price", "cheap", "--cluster", str(ROOT / "cluster.yaml")], "'cheap'"),
        (["--no-cache", "--cache", "."], "--no-cache"),
        (["--holdout", "fresh.parquet"], "holdout"),
    ],
)
def test_bad_input_is_one_sentence(tables: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str):
    monkeypatch.chdir(tables)
    result = _run("fresh.parquet", "--quick", *options)
    assert result.exit_code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and said in last and "Traceback" not in result.stderr
