"""``synthos signatures`` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from synthos.cli.app import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"signature_figures": {"tails": 1.0, "new_values": 0.2}, "fingerprint": "abc"}))
    return path


def test_list_shows_packaged_patterns_with_their_cases_and_harm():
    shown = run("signatures", "list")
    assert shown.exit_code == 0, shown.output
    assert "CTGAN, three quarters of the rows" in shown.stdout and "planted_noise" in shown.stdout
    assert "benchmarks.build_signatures" in " ".join(shown.stdout.split())
    assert "-0.00" not in shown.stdout


def test_what_is_added_is_listed(result: Path, tmp_path: Path):
    own = tmp_path / "own.json"
    given = ["--name", "our GAN", "--family", "ctgan", "--harm", "0.3", "--note", "of May", "--library", own]
    added = run("signatures", "add", result, *given)
    assert added.exit_code == 0, added.output
    assert added.stdout == f"added “our GAN” (ctgan) to {own}\n"
    listed = json.loads(run("signatures", "list", "--json", "--library", own).stdout)
    assert listed["cases"][-1] == {
        "name": "our GAN",
        "family": "ctgan",
        "description": "of May",
        "harm": 0.3,
        "source": str(own),
        "figures": {"tails": 1.0, "new_values": 0.2},
    }
    assert "our GAN" in run("signatures", "list", "--library", own).stdout
    assert "our GAN" not in run("signatures", "list").stdout


def test_without_a_file_it_goes_to_the_library_that_validate_reads(result: Path):
    assert run("signatures", "add", result, "--name", "mine", "--family", "new kind", "--harm", "-0.01").exit_code == 0
    assert "mine" in run("signatures", "list").stdout


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--harm", "30"], "error: --harm: the harm is 30; give a share from -1 to 2, 0.12 for 12 %.\n"),
        (["--name", " "], "error: --name: the text is empty, too long or not printable; give 1 to 120 printable"),
        (["--library", "none/own.json"], "error: none/own.json: cannot write there (No such file or directory);"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(result: Path, changed: list[str], sentence: str):
    shown = run("signatures", "add", result, "--name", "a", "--family", "b", "--harm", "0.1", *changed)
    assert shown.exit_code == 2 and shown.stderr.startswith(sentence) and shown.stdout == ""


@pytest.mark.slow
def test_a_broken_library_stops_list_and_validate_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own.json"
    own.write_text("{}")
    monkeypatch.setenv("SYNTHOS_SIGNATURES", str(own))
    for arguments in (["signatures", "list"], ["validate", "missing.parquet", "--engine", "local"]):
        shown = run(*arguments)
        assert shown.exit_code == 2 and shown.stdout == ""
        assert f"error: {own}: not a library of signatures" in shown.stderr
