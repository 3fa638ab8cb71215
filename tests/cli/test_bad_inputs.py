"""Bad tables at the command line: exit code 2, one sentence, nothing written; or a note where the work goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from synthos.cli.app import app
from tests.tables.bad_tables import scrambled, text, truncated

ROWS = 600


def good(seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    height = rng.normal(170.0, 9.0, ROWS).round(2)
    return pl.DataFrame(
        {"town": rng.choice(["Aa", "Bo", "Ce"], ROWS), "height": height, "age": rng.integers(18, 80, ROWS)}
    )


def written(frame: pl.DataFrame) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        frame.write_parquet(folder / "s.parquet")
        return folder / "s.parquet"

    return make


def lined(name: str, change: Callable[[list[str]], None], encoding: str = "utf-8") -> Callable[[Path], Path]:
    """A file of text of which some lines were changed; line 1 of CSV is the header."""

    def make(folder: Path) -> Path:
        lines = (good().write_ndjson() if name.endswith("jsonl") else good().write_csv()).splitlines()
        change(lines)
        return text(folder, name, "\n".join(lines).encode(encoding))

    return make


def damaged(damage: Callable[[bytearray], bytearray]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        good().write_parquet(folder / "s.parquet", compression="uncompressed")
        return text(folder, "s.parquet", bytes(damage(bytearray((folder / "s.parquet").read_bytes()))))

    return make


def nested(folder: Path) -> Path:
    pq.write_table(good().to_arrow().append_column("tags", pa.array([[1, 2]] * ROWS)), folder / "s.parquet")
    return folder / "s.parquet"


def line(number: int, content: str) -> Callable[[list[str]], None]:
    return lambda lines: lines.__setitem__(number - 1, content)


INFINITE = good().with_columns(height=pl.when(pl.int_range(ROWS) == 77).then(float("inf")).otherwise("height"))
NAMELESS_ALIKE = good().rename({name: f"other_{name}" for name in good().columns})

REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "s.csv", "s.csv: does not exist; check the path."),
    "empty": (lambda folder: text(folder, "s.csv", ""), "s.csv: the file is empty"),
    "header only": (
        lambda folder: text(folder, "s.csv", "town,height,age\n"),
        "has a header but no rows; give a table with rows",
    ),
    "ragged line": (lined("s.csv", line(302, "Aa,170")), "line 302 has 2 fields where the header has 3"),
    "malformed line": (lined("s.jsonl", line(302, '{"town": "Aa", "hei')), "line 302 is not valid JSON"),
    "open quotes": (lined("s.csv", line(302, '"Aa,170,20')), "the record that begins on line 302 never ends"),
    "encoding": (lined("s.csv", line(302, "Âa,170,20"), "latin-1"), "on line 302 is not UTF-8"),
    "twice named": (lined("s.csv", line(1, "town,height,town")), "duplicate column names 'town'"),
    "corrupt": (damaged(scrambled), "is not a sound Parquet file"),
    "truncated": (damaged(truncated), "is not a sound Parquet file"),
    "nested": (nested, "column 'tags' of type"),
    "infinity": (written(INFINITE), "column 'height' holds an infinity at row 77"),
    "missing column": (written(good().drop("age")), "lacks column 'age' of the reference table"),
    "other type": (written(good().with_columns(pl.lit("tall").alias("height"))), "column 'height' is Float64 in the"),
    "no common column": (written(NAMELESS_ALIKE), "has no column in common with the reference table"),
    "too few rows": (written(good()[:499]), "has 499 rows, fewer than the 500 needed"),
    "too many columns": (
        written(pl.DataFrame({f"c{number}": [1] for number in range(10_001)})),
        "has 10001 columns, more than the 10000 that can be judged",
    ),
}


#: Said of the synthetic table: how it fits the reference.
ABOUT_BOTH = {"missing column", "other type", "no common column"}


def validate(synthetic: Path, reference: Path, folder: Path, *more: str) -> Result:
    arguments = ["validate", str(synthetic), "--reference", str(reference), "--engine", "local", *more]
    return CliRunner().invoke(app, [*arguments, "--json", str(folder / "r.json"), "--html", str(folder / "r.html")])


def said_in_one_sentence(result: Result, sentence: str) -> bool:
    """Whether all that was said beside progress is one error, which holds ``sentence``."""
    (said,) = (line for line in result.stderr.strip().splitlines() if not line.startswith("["))
    return said.startswith("error: ") and sentence in said and said.endswith(".")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(good(1))(tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_table_is_one_sentence_and_exit_code_2(name: str, tmp_path: Path, reference: Path) -> None:
    make, sentence = REFUSED[name]
    synthetic, before = make(tmp_path), sorted(tmp_path.rglob("*"))
    result = validate(synthetic, reference, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said_in_one_sentence(result, sentence)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in ABOUT_BOTH])
def test_a_reference_is_held_to_the_same(name: str, tmp_path: Path, reference: Path) -> None:
    make, sentence = REFUSED[name]
    bad, before = make(tmp_path), sorted(tmp_path.rglob("*"))
    result = validate(reference, bad, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said_in_one_sentence(result, sentence)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_column_without_a_value_in_either_table_is_refused(tmp_path: Path) -> None:
    frame = good().with_columns(pl.lit(None, pl.Float64).alias("height"))
    synthetic, before = written(frame)(tmp_path), sorted(tmp_path.rglob("*"))
    result = validate(synthetic, synthetic, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said_in_one_sentence(result, "column 'height' without any value")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, object]]:
    """A verdict on a table with an extra column and one without a value, against a reference with a constant."""
    folder, real = tmp_path_factory.mktemp("noted"), tmp_path_factory.mktemp("real")
    constant = good(1).with_columns(pl.lit(7).alias("batch"))
    frame = good().with_columns(
        pl.lit(7).alias("batch"), pl.lit("x").alias("extra"), pl.lit(None, pl.Float64).alias("height")
    )
    result = validate(written(frame)(folder), written(constant)(real), folder, "--quick")
    return result, json.loads((folder / "r.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    "note",
    [
        "Column 'extra' only in the synthetic table, left out.",
        "Column 'height' without any value in the synthetic table.",
        "Column 'batch' with a single value in the reference table.",
    ],
)
def test_what_does_not_stand_in_the_way_is_a_note_in_the_result(
    note: str, noted: tuple[Result, dict[str, object]]
) -> None:
    result, document = noted
    assert result.exit_code in (0, 1, 3), result.output
    assert note in document["notes"]  # type: ignore[operator]


@pytest.mark.slow
def test_two_thousand_columns_are_profiled(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{number}": rng.integers(0, 9, 500) for number in range(2_000)})
    result = CliRunner().invoke(app, ["profile", str(written(frame)(tmp_path)), "--json", str(tmp_path / "p.json")])
    assert result.exit_code == 0, result.output
    assert len(json.loads((tmp_path / "p.json").read_text())["columns"]) == 2_000
