"""Every snippet runs as it is printed, whatever the table was read from, and does what ``repair`` does."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tall_people import advice, table

import synthos
from synthos.advice import Recommendation
from synthos.recommendation.repair import repair_table
from synthos.recommendation.reweighting import Factor, Weights
from synthos.recommendation.snippets import Place, file_place, place_of, snippet
from synthos.recommendation.steps import APPLICABLE
from synthos.tables.codec import CategoryBins
from synthos.tables.sources import open_table

ROWS = 600


def people(seed: int) -> pl.DataFrame:
    """Types that text hides: whole numbers with a late fraction, holes, moments; and rows that repeat."""
    frame = table(ROWS - 100, seed).with_columns(
        height=pl.col("height").round(), town=pl.when(pl.col("town") != "Ce").then("town"), weight=pl.col("weight") + 1
    )
    when = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 12, 31), "13h", eager=True)[: ROWS - 100]
    frame = frame.with_columns(when=when.reverse())
    return pl.concat([frame, frame[:100]])


def _zipped(text: str, path: str) -> None:
    Path(path).write_bytes(gzip.compress(text.encode()))


def _folder(frame: pl.DataFrame, name: str, write: Callable[[pl.DataFrame, str], object], ending: str) -> None:
    Path(name).mkdir()
    Path(name, "_SUCCESS").touch()
    for part in range(3):
        write(frame[part * 200 : (part + 1) * 200], f"{name}/part-{part}.{ending}")


FILES: dict[str, Callable[[pl.DataFrame], object]] = {
    "s.parquet": lambda frame: frame.write_parquet("s.parquet", row_group_size=150),
    "./s.pq": lambda frame: frame.write_parquet("s.pq"),
    "s.csv": lambda frame: frame.write_csv("s.csv"),
    "S.CSV": lambda frame: frame.write_csv("S.CSV"),
    "s.tsv": lambda frame: frame.write_csv("s.tsv", separator="\t"),
    "s.csv.gz": lambda frame: _zipped(frame.write_csv(), "s.csv.gz"),
    "s.jsonl": lambda frame: frame.write_ndjson("s.jsonl"),
    "s.jsonl.gz": lambda frame: _zipped(frame.write_ndjson(), "s.jsonl.gz"),
    "s.arrow": lambda frame: frame.write_ipc_stream("s.arrow"),
    "s.feather": lambda frame: frame.write_ipc("s.feather"),
    "folder": lambda frame: _folder(frame, "folder", pl.DataFrame.write_parquet, "parquet"),
    "spark.parquet": lambda frame: _folder(frame, "spark.parquet", pl.DataFrame.write_parquet, "parquet"),
    "parts/*.csv": lambda frame: _folder(frame, "parts", pl.DataFrame.write_csv, "csv"),
    "parts/*.parquet": lambda frame: _folder(frame, "parts", pl.DataFrame.write_parquet, "parquet"),
}
OBJECTS: dict[str, Callable[[pl.DataFrame], object]] = {
    "polars": lambda frame: frame,
    "lazy": pl.DataFrame.lazy,
    "pandas": pl.DataFrame.to_pandas,
    "arrow": pl.DataFrame.to_arrow,
}


def every_kind() -> list[Recommendation]:
    town = Factor("town", "category", CategoryBins(("Aa", "Bo", "Du")), (1.0, 0.25, 1.0, 0.5, 1.0))
    return [
        advice("remove_rows", row_range=(150, 420)),
        advice("deduplicate", columns=("town", "height", "weight"), most_copies=1),
        advice("deduplicate", 2, columns=("town",), most_copies=20),
        advice("drop_column", columns=("weight", "when")),
        advice("resort", by=None),
        advice("resort", 2, by="when"),
        advice("reweight", columns=("town",), weights=Weights((town,), 1.0).to_json()),
        advice("mix_real", share=0.25),
        advice("regenerate_rare", column="town", labels=("Du",), per_row=0.02),
    ]


#: One that reads the table, one that needs its moments, and one that lends rows.
FEW = ("remove_rows-1", "resort-2", "mix_real-1")
#: Sources that stand for their like: every kind is tried on them.
THOROUGH = {"s.parquet", "s.csv", "pandas"}


def kinds_for(source: str) -> list[Recommendation]:
    return [item for item in every_kind() if source in THOROUGH or item.id in FEW]


def run(item: Recommendation, given: object, lender: object, **names: object) -> pl.DataFrame:
    """The table that a snippet writes, after a look at whether it says what it takes for given."""
    source, reference = open_table(given), open_table(lender)
    text = snippet(item, place_of(source, "synthetic"), place_of(reference, "reference"))
    for name in names:
        assert f"`{name}`:" in text or name not in text.replace("synthos.validate", "")
    exec(compile(text, item.id, "exec"), dict(names))
    return pl.read_parquet("fixed.parquet")


def repaired(item: Recommendation, given: object, lender: object) -> pl.DataFrame:
    """What ``repair`` writes."""
    repair_table(open_table(given), [item], Path("again.parquet"), reference=open_table(lender))
    return pl.read_parquet("again.parquet")


def mixes(item: Recommendation) -> bool:
    """Whether the rows come in no order, another one each time."""
    return item.parameters.get("by", "") is None


def test_every_kind_is_tried_here() -> None:
    assert {item.kind for item in every_kind()} == APPLICABLE


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_snippet_for_a_file_runs_as_printed(name: str, tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        FILES[name](people(0))
        people(1).write_csv("r.csv")
        judged = {
            "profiles": {"synthetic": asdict(synthos.profile(name))},
            "recommendations": [asdict(item) for item in every_kind()],
        }
        Path("result.json").write_text(json.dumps(judged))
        for item in kinds_for(name):
            fixed, again = run(item, name, "r.csv"), repaired(item, name, "r.csv")
            assert_frame_equal(fixed, again, check_row_order=not mixes(item))
            assert not mixes(item) or not fixed.equals(fixed.sort(fixed.columns))


@pytest.fixture(scope="module")
def judged() -> synthos.Validation:
    return synthos.validate(people(0), quick=True)


@pytest.mark.parametrize("kind", OBJECTS)
def test_a_snippet_for_a_table_in_memory_names_its_variables(
    kind: str, tmp_path: Path, judged: synthos.Validation
) -> None:
    given, lender = OBJECTS[kind](people(0)), OBJECTS[kind](people(1))
    names = {"synthetic": given, "reference": lender, "validation": replace(judged, recommendations=every_kind())}
    with contextlib.chdir(tmp_path):
        for item in kinds_for(kind):
            fixed, again = run(item, given, lender, **names), repaired(item, given, lender)
            assert_frame_equal(fixed, again, check_row_order=not mixes(item))
            assert not mixes(item) or not fixed.equals(fixed.sort(fixed.columns))


def test_a_validation_of_tables_in_memory_prints_snippets_with_variables(judged: synthos.Validation) -> None:
    assert judged.recommendations
    for item in judged.recommendations:
        assert "# `synthetic`: the table that was given to synthos.validate\n" in item.snippet


def test_a_lone_parquet_file_is_read_by_polars_alone(tmp_path: Path) -> None:
    people(0).write_parquet(tmp_path / "s.parquet")
    text = snippet(every_kind()[0], place_of(open_table(tmp_path / "s.parquet"), "synthetic"), None)
    assert "pl.read_parquet(" in text and "synthos" not in text


@pytest.mark.parametrize("reference", [file_place("r.csv"), Place("reference", in_memory=True)])
def test_fitting_again_names_the_reference(reference: Place) -> None:
    text = snippet(advice("refit_dependence", columns=("a\nb",)), file_place("s.csv"), reference)
    assert f"synthos.validate('s.csv', reference={reference.expression})" in text
    compile(text, "refit", "exec")
    alone = snippet(advice("refit_dependence"), file_place("s.csv"), None)
    assert "synthos.validate('s.csv')." in alone


@pytest.mark.slow
def test_fitting_again_runs_as_printed(tmp_path: Path) -> None:
    """Without a reference, since models would be trained with one."""
    with contextlib.chdir(tmp_path):
        people(0).write_csv("s.csv")
        exec(compile(snippet(advice("refit_dependence"), file_place("s.csv"), None), "refit", "exec"), {})
        assert "<svg" in Path("report.html").read_text()
