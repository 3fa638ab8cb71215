"""What a verdict leaves open names what the user must do: a reference table, no quick mode, or both."""

from __future__ import annotations

import polars as pl
import pytest

from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.results import DimensionResult, NotApplicable
from synthos.sampling.assemble import evidence_from_frames
from synthos.stages import measure_late, prepare, why_no_cascade
from synthos.verdict.aggregate import decide

QUICKLY = "statistical_integrity"


def left_open(fresh: pl.DataFrame, real: pl.DataFrame | None, quick: bool) -> dict[str, str]:
    """The sentences about the models, by where they stand."""
    cascade = why_no_cascade(prepare(fresh, real, quick=quick))
    assert isinstance(cascade, NotApplicable)
    evidence = evidence_from_frames(fresh, real)
    dimensions: dict[str, DimensionResult] = {QUICKLY: evaluate(QUICKLY, evidence)}
    for name, dimension in DIMENSIONS.items():
        if dimension.needs_cascade:
            dimensions[name] = measure_late(name, evidence, cascade)
        elif name != QUICKLY:
            dimensions[name] = NotApplicable(reason="not of interest here")
    rows = {"synthetic": fresh.height}
    verdict = decide(dimensions, cascade, quick=quick, has_reference=real is not None, rows=rows)
    found = {name: answer.reason for name, answer in verdict.outcomes.items() if isinstance(answer, NotApplicable)}
    late = dimensions["scale_robustness"]
    assert isinstance(late, NotApplicable)
    (question,) = [text for text in verdict.open_questions if text.startswith(("Floor and loop", "Loop and"))]
    return {"floor": found["floor"], "loop": found["loop"], "scale": late.reason, "question": question}


@pytest.mark.parametrize(("quick", "has_reference"), [(True, True), (True, False), (False, False)])
def test_every_sentence_names_what_is_missing_and_nothing_else(
    quick: bool, has_reference: bool, fresh: pl.DataFrame, real: pl.DataFrame
) -> None:
    for where, text in left_open(fresh, real if has_reference else None, quick).items():
        assert ("without" in text.split(";")[-1]) == quick, (where, text)
        assert ("reference table" in text.split(";")[-1]) == (not has_reference), (where, text)


def test_with_a_reference_and_without_the_quick_mode_nothing_is_left_out(
    fresh: pl.DataFrame, real: pl.DataFrame
) -> None:
    assert why_no_cascade(prepare(fresh, real)) is None


@pytest.mark.parametrize("quick", [True, False])
def test_what_only_a_reference_shows_asks_for_one(quick: bool, fresh: pl.DataFrame) -> None:
    evidence = evidence_from_frames(fresh)
    blind: dict[str, DimensionResult] = {
        name: evaluate(name, evidence) for name, dimension in DIMENSIONS.items() if dimension.needs_reference
    }
    seen: dict[str, DimensionResult] = {QUICKLY: evaluate(QUICKLY, evidence)}
    cascade = why_no_cascade(prepare(fresh, quick=quick))
    assert isinstance(cascade, NotApplicable)
    rest: dict[str, DimensionResult] = dict.fromkeys(DIMENSIONS, cascade)
    verdict = decide(rest | blind | seen, cascade, quick=quick, has_reference=False, rows={"synthetic": fresh.height})
    assert "give a reference table" in verdict.reasons[0]
    assert any("until a reference table is given" in text for text in verdict.open_questions)
    judged = [text for text in verdict.open_questions if "was not judged" in text]
    assert judged and all("reference table" in text for text in judged)
