"""Where results go is checked before any work, and results are written together or not at all."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from synthos.cli.app import app
from synthos.cli.outputs import Writer, check_outputs, write_together
from synthos.errors import ConfigError, SourceError

#: Arguments with {0} for the folder of the tables, and the sentence.
REFUSED = {
    "no folder": (["--json", "{0}/none/r.json"], "{0}/none: the folder of --json does not exist; make it first."),
    "a folder": (["--html", "{0}/parts"], "{0}/parts: --html is a folder; name a file."),
    "one file": (["--json", "{0}/r", "--html", "{0}/parts/../r"], "--json and --html name the same file"),
    "the table": (["--json", "{0}/s.parquet"], "{0}/s.parquet: --json names a file that is read; name another file."),
    "the reference": (["--html", "{0}/parts/r1.parquet"], "--html names a file that is read"),
    "the kinds": (["--html", "{0}/k.yaml"], "--html names a file that is read"),
    "a link": (["--json", "{0}/link.parquet"], "--json names a file that is read"),
}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A table, a link to it, a reference in two parts, and kinds; far too few rows to be judged."""
    frame = pl.DataFrame({"a": [1, 2]})
    (tmp_path / "parts").mkdir()
    for name in ("s", "parts/r0", "parts/r1"):
        frame.write_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "link.parquet").hardlink_to(tmp_path / "s.parquet")
    (tmp_path / "k.yaml").write_text("columns: {a: integer}\n")
    return tmp_path


@pytest.mark.parametrize("command", ["validate", "gate"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_place_that_cannot_be_written_is_told_before_the_work(name: str, command: str, tables: Path) -> None:
    options, sentence = REFUSED[name]
    before = {path: path.read_bytes() for path in tables.rglob("*") if path.is_file()}
    asked = [word.format(tables) for word in ["{0}/s.parquet", "-r", "{0}/parts", "--kinds", "{0}/k.yaml", *options]]
    result = CliRunner().invoke(app, [command, *asked, "--engine", "local"])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1  # and no line of progress
    assert sentence.format(tables) in result.stderr
    assert before == {path: path.read_bytes() for path in tables.rglob("*") if path.is_file()}


def test_profile_checks_its_output_too(tables: Path) -> None:
    result = CliRunner().invoke(app, ["profile", str(tables / "s.parquet"), "--json", str(tables / "s.parquet")])
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and "a file that is read" in result.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder here that nobody can write to")
def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ConfigError, match="/proc: the folder of --json cannot be written"):
        check_outputs({"--json": Path("/proc/r.json")}, [])


def test_what_is_no_ordinary_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="no ordinary file"):
        check_outputs({"--json": Path("/dev/null")}, [])


def test_new_files_and_old_results_may_be_named_and_nothing_is_left_behind(tables: Path) -> None:
    (tables / "r.json").write_text("old")
    before = sorted(tables.rglob("*"))
    outputs = {"--json": tables / "r.json", "--html": tables / "r.html"}
    check_outputs(outputs, [str(tables / "s.parquet"), str(tables / "parts" / "*.parquet"), None, "s3://none/none.csv"])
    assert sorted(tables.rglob("*")) == before
    with pytest.raises(SourceError, match="does not exist"):
        check_outputs(outputs, [str(tables / "gone.parquet")])


def text(content: str) -> Writer:
    return lambda path: path.write_text(content)


def failing(error: BaseException) -> Writer:
    def write(path: Path) -> None:
        path.write_text("half")
        raise error

    return write


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [None, "old"])
def test_what_fails_or_stops_between_two_files_leaves_neither(
    error: BaseException, old: str | None, tmp_path: Path
) -> None:
    first, second = tmp_path / "r.json", tmp_path / "r.html"
    if old is not None:
        first.write_text(old)
    with pytest.raises(type(error)):
        write_together([(first, text("new")), (second, failing(error))])
    assert [path.name for path in tmp_path.iterdir()] == (["r.json"] if old else [])
    assert old is None or first.read_text() == old


def test_a_place_that_is_lost_while_files_are_put_there_takes_the_others_back(tmp_path: Path) -> None:
    fresh, old, lost, last = (tmp_path / name for name in ("fresh", "old", "lost", "last"))
    old.write_text("old")

    def occupy(path: Path) -> None:
        lost.mkdir()
        path.write_text("new")

    with pytest.raises(OSError):
        write_together([(fresh, text("new")), (old, text("new")), (lost, text("new")), (last, occupy)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lost", "old"]
    assert old.read_text() == "old"


def test_files_replace_their_elders_together(tmp_path: Path) -> None:
    first, second = tmp_path / "r.json", tmp_path / "r.html"
    first.write_text("old")
    assert write_together([(first, text("1")), (second, text("2"))]) == [first, second]
    assert (first.read_text(), second.read_text()) == ("1", "2")
    assert len(list(tmp_path.iterdir())) == 2
