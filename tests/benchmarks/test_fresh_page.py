"""The page about fresh rows counts what was scored, and names the splits that fell lowest."""

from __future__ import annotations

from typing import Any

from benchmarks.fresh_samples import answers_of_models, document, report, shares
from synthos.sampling.assemble import evidence_from_frames
from tests.dimensions.damages import exchangeable


def split(table: str, size: str, models: bool = False, **scores: float | None) -> dict[str, Any]:
    return {"table": table, "size": size, "split": 0, "models": models, "scores": scores, "components": {}}


ROWS = [
    split("a", "500", distribution_fidelity=99.0, temporal_stability=None),
    split("a", "500", distribution_fidelity=97.0, temporal_stability=None),
    split("b", "500", distribution_fidelity=90.0, temporal_stability=100.0),
    split("b", "2000", distribution_fidelity=100.0, temporal_stability=96.9),
]


def test_only_what_has_a_score_is_counted() -> None:
    found = shares(ROWS)
    assert found["a", "500"] == {"distribution_fidelity": (2, 2)}
    assert found["all", "500"] == {"distribution_fidelity": (2, 3), "temporal_stability": (1, 1)}


def test_a_dimension_without_a_score_is_a_dash() -> None:
    lines = report(ROWS).splitlines()
    assert lines[2].startswith("| a | 500 | 2/2 |") and "–" in lines[2]
    assert [line.split(" | ")[0] for line in lines[-2:]] == ["| all", "| all"]


def test_the_page_names_the_dimension_with_the_fewest_and_the_lowest_splits() -> None:
    page = document(ROWS)
    assert "- 500 rows: 66.7% in the dimension with the fewest" in page
    assert page.index("- b, 500 rows: distribution fidelity 90") < page.index("- b, 2,000 rows: temporal stability 97")
    assert "a, 500 rows" not in page


def test_a_split_on_which_no_dimension_applies_is_not_among_the_lowest() -> None:
    assert "no dimension applies" not in document([*ROWS, split("c", "500", distribution_fidelity=None)])


def test_what_reads_the_models_is_a_column_and_its_splits_are_told_apart() -> None:
    page = document([*ROWS, split("a", "500", models=True, scale_robustness=98.0)])
    assert "5 splits" not in page and "4 splits" in page and "the first 1 of" in page
    heading = next(line for line in page.splitlines() if line.startswith("| table"))
    at = [cell.strip() for cell in heading.split("|")].index("scale robustness")
    row = next(line for line in page.splitlines() if line.startswith("| a | 500"))
    assert row.split("|")[at].strip() == "1/1"


def test_the_models_are_trained_where_asked() -> None:
    found = answers_of_models(evidence_from_frames(exchangeable(500, 1), exchangeable(500, 2)))
    assert list(found["scores"]) == ["scale_robustness"] and found["scores"]["scale_robustness"] >= 97
    assert set(found["components"]["scale_robustness"]) == {"floor", "saturation"}
