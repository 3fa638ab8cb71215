"""The damages do what they say and nothing else, and the document says what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from benchmarks import matrix_document
from benchmarks.dimension_damages import DAMAGES, Fresh, has_rare
from benchmarks.dimension_matrix import SUBJECTS, fits, fresh
from benchmarks.fresh_samples import report, sample, sizes_of
from benchmarks.fresh_tables import parts, pooled
from synthos.results import DIMENSIONS

CASES = [(name, table) for table in SUBJECTS for name in DAMAGES if fits(DAMAGES[name], table)]


@pytest.fixture(scope="module")
def mixed() -> Fresh:
    return fresh("mixed", 0)


def made(rows: Fresh, name: str, size: float) -> pl.DataFrame:
    return DAMAGES[name].make(rows, size, np.random.default_rng(3))


def changed(rows: Fresh, frame: pl.DataFrame) -> int:
    """Rows of the frame that differ from the fresh rows in the same place."""
    differs = [(frame[name].ne_missing(rows.frame[name])).to_numpy() for name in frame.columns]
    return int(np.any(differs, axis=0).sum())


@pytest.mark.parametrize(("name", "table"), CASES)
def test_a_damage_keeps_rows_columns_and_types_and_is_the_same_every_time(name: str, table: str) -> None:
    rows = fresh(table, 0)
    frame = made(rows, name, 0.2)
    assert frame.schema == rows.frame.schema
    assert frame.height == rows.frame.height
    assert_frame_equal(frame, made(rows, name, 0.2))
    assert changed(rows, frame) > 0


@pytest.mark.parametrize("name", [name for name in DAMAGES if name not in ("warped", "levelled", "mistimed", "untied")])
def test_a_damage_touches_as_many_rows_as_it_says(name: str, mixed: Fresh) -> None:
    assert 0 < changed(mixed, made(mixed, name, 0.1)) <= 0.1 * mixed.frame.height


def test_untying_changes_one_column_that_no_other_betrays() -> None:
    rows = fresh("woven", 0)
    frame = made(rows, "untied", 1.0)
    assert_frame_equal(frame.drop("odd"), rows.frame.drop("odd"))
    parity = sum((pl.col(name) == "yes").cast(pl.Int8) for name in ("left", "middle", "right")) % 2
    odd = pl.col("odd") == "odd"
    kept, lost = (side.select(((parity == 1) == odd).mean()).item() for side in (rows.frame, frame))
    assert kept > 0.95
    assert 0.45 < lost < 0.55
    for name in ("left", "middle", "right"):
        alike = rows.frame.select((odd == (pl.col(name) == "yes")).mean()).item()
        assert 0.45 < alike < 0.55


def test_rows_are_moved_in_order_and_in_time() -> None:
    ordered, dated = fresh("ordered", 0), fresh("dated", 0)
    assert 0 < changed(ordered, made(ordered, "mistimed", 0.1)) <= 0.1 * ordered.frame.height
    frame = made(dated, "mistimed", 0.1)
    assert_series_equal(frame["at"], dated.frame["at"])
    assert frame["load"].to_list() != dated.frame["load"].to_list()
    assert_series_equal(frame["load"].sort(), dated.frame["load"].sort())


def test_each_damage_names_dimensions_and_every_dimension_has_one() -> None:
    named = {damage.own for damage in DAMAGES.values()}
    assert named == set(DIMENSIONS)
    assert all(set(damage.shared) <= set(DIMENSIONS) - {damage.own} for damage in DAMAGES.values())


def test_warping_keeps_ranks_and_takes_only_values_that_were_there(mixed: Fresh) -> None:
    before, after = (
        mixed.frame["income"],
        made(Fresh(mixed.frame, mixed.reference, mixed.spare, "income", None), "warped", 0.3)["income"],
    )
    assert set(after) <= set(before)
    order = np.argsort(before.to_numpy(), kind="stable")
    assert (np.diff(after.to_numpy()[order]) >= 0).all()
    assert float(after.median()) < float(before.median())


def test_drift_moves_rows_and_changes_none(mixed: Fresh) -> None:
    frame = made(mixed, "drifting", 0.3)
    assert_frame_equal(frame.sort(frame.columns), mixed.frame.sort(frame.columns))


def test_levelling_takes_the_rare_rows_and_makes_no_copies(mixed: Fresh) -> None:
    frame = made(mixed, "levelled", 0.5)
    before, after = (int(has_rare(side, mixed.reference).sum()) for side in (mixed.frame, frame))
    assert after == before - round(0.5 * before)
    assert frame.unique().height == mixed.frame.unique().height


def test_shuffling_keeps_every_column_and_copying_brings_reference_rows(mixed: Fresh) -> None:
    shuffled = made(mixed, "unlinked", 0.5)
    for name in shuffled.columns:
        assert_series_equal(shuffled[name].sort(), mixed.frame[name].sort())
    copies = made(mixed, "copied", 0.1)
    known = copies.join(mixed.reference.unique(), on=copies.columns, how="semi")
    assert known.height >= 0.1 * copies.height


@pytest.mark.parametrize("name", ["rand", "co2", "mixed", "dated"])
def test_parts_are_disjoint_and_the_same_for_the_same_seed(name: str) -> None:
    first, second = parts(name, (500, 600), np.random.default_rng(1))
    assert (first.height, second.height) == (500, 600)
    assert_frame_equal(first, parts(name, (500, 600), np.random.default_rng(1))[0])
    if name in ("co2", "dated"):
        time = first.columns[0]
        assert first[time].is_sorted()
        assert not set(first[time]) & set(second[time])


def test_parts_beyond_the_table_are_refused() -> None:
    with pytest.raises(ValueError, match="of a table of 2173"):
        parts("co2", (2_000, 2_000), np.random.default_rng(1))
    assert pooled("co2").height == 2_173
    assert sample("co2", "2000", 0, None) is None


def test_sizes_are_synthetic_before_reference() -> None:
    assert sizes_of("500") == (500, 500)
    pair = sample("mixed", "500:800", 0, None)
    assert pair is not None
    assert [frame.height for frame in pair] == [500, 800]


def test_the_report_counts_splits_with_a_score() -> None:
    scores = dict.fromkeys(DIMENSIONS, 99.0) | {"temporal_stability": None}
    low = scores | {"diversity_retention": 96.9}
    text = report([{"table": "rand", "size": "500", "scores": each} for each in (scores, low)])
    line = next(line for line in text.splitlines() if line.startswith("| rand"))
    assert "2/2" in line
    assert "1/2" in line
    assert "–" in line


def case(damage: str, size: float, **scores: float | None) -> matrix_document.Row:
    return {
        "table": "mixed",
        "damage": damage,
        "size": size,
        "seed": 0,
        "models": False,
        "scores": dict.fromkeys(DIMENSIONS, 100.0) | scores,
    }


def test_first_seen_is_the_size_from_which_on_it_stays_seen() -> None:
    ladder = [(0.01, 90.0), (0.05, 99.0), (0.1, 80.0), (0.5, 30.0)]
    rows = [case("drifting", size, temporal_stability=score, semantic_coherence=None) for size, score in ladder]
    assert matrix_document.first_seen(rows, "drifting", "temporal_stability") == 0.1
    assert matrix_document.first_seen(rows, "drifting", "diversity_retention") == float("inf")
    assert matrix_document.first_seen(rows, "drifting", "semantic_coherence") is None
    assert matrix_document.score_at(rows, "drifting", "temporal_stability", 0.5) == 30.0


def test_the_document_marks_what_should_not_see_and_does(tmp_path: Path) -> None:
    rows = [case("drifting", size, temporal_stability=60.0, diversity_retention=90.0) for size in (0.1, 0.5)]
    target = tmp_path / "dimensions.md"
    matrix_document.write(rows, target)
    line = next(line for line in target.read_text().splitlines() if line.startswith("| `drifting`: rows"))
    assert "**60, 10 %**" in line
    assert "**!** 90, 10 %" in line
    assert "100, never" in line
    assert "in 0 comparisons more" in target.read_text()
    assert "<svg" in target.with_suffix(".svg").read_text()


def test_what_the_models_said_stands_in_its_own_column(tmp_path: Path) -> None:
    models = {"models": True, "scores": {"scale_robustness": 60.0}}
    rows = [case("untied", size) | {"scores": {"semantic_coherence": 100.0}} for size in (0.1, 0.5)]
    target = tmp_path / "dimensions.md"
    matrix_document.write([*rows, rows[1] | models], target)
    text = target.read_text()
    assert "in 1 comparisons more: sizes\n50 %, tables mixed, 1 seed (" in text
    heading, line = (
        next(row for row in text.splitlines() if row.startswith(f"| {start}")).split(" | ")
        for start in ("damage |", "`untied`:")
    )
    # Sizes at which the models were not asked are no figure.
    assert line[heading.index("Scale robustness")] == "n/a"
