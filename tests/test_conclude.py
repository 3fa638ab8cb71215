"""The last step hands the job's own settings to every part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from synthos.dimensions.registry import evaluate
from synthos.profiling.diversity import analyse
from synthos.results import DIMENSIONS, DimensionResult, Failed, Interval, NotApplicable, Region, Scored
from synthos.sampling.evidence import Evidence
from synthos.stages import Findings, Stopwatch, conclude, gather_evidence, measured_here, prepare, scan_table
from synthos.validation import Validation

Measure = Callable[[Evidence], dict[str, DimensionResult]]


def fidelity(item: Evidence) -> dict[str, DimensionResult]:
    """Scores that fall with the share of rows below zero, down to 40 where a quarter is."""
    share = float((item.synthetic.frame["income"] < 0).mean() or 0.0)
    score = max(0.0, 80.0 - 160.0 * share)
    return dict.fromkeys(
        DIMENSIONS,
        Scored(score=score, interval=Interval(low=score, high=score), resolved=True, components=(), blame=()),
    )


def concluded(bad: pl.DataFrame, real: pl.DataFrame, measure: Measure, *, thresholds: Path | None = None) -> Validation:
    """The last step on a table of which rows 300 to 599 are blamed; ``measure`` judges what was mended."""
    job = prepare(bad, real, thresholds=thresholds)
    evidence = gather_evidence(job, {role: scan_table(job, role) for role in job.sources})
    region = Region(
        row_range=(300, 600), columns=("income",), issue="shift", impact=1.0, detail="below 0", boundary_error=0
    )
    findings = Findings(
        dimensions=fidelity(evidence),
        cascade=NotApplicable(reason="not of interest here"),
        utility=NotApplicable(reason="not of interest here"),
        diversity=analyse(evidence),
        regions=(region,),
    )
    return conclude(job, evidence, findings, Stopwatch(), replace(measured_here(None), dimensions=measure))


@pytest.mark.parametrize(("medium", "enough"), [(1, False), (40, True), (99, False)])
def test_recommendations_stop_where_the_jobs_thresholds_call_the_mended_risk_low(
    medium: int, enough: bool, fresh: pl.DataFrame, real: pl.DataFrame, tmp_path: Path
) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(f"levels: {{medium: {medium}, high: 100}}\n")
    rows = pl.int_range(fresh.height)
    bad = fresh.with_columns(income=pl.when(rows.is_between(300, 599)).then(-1.0).otherwise("income"))
    found = concluded(bad, real, fidelity, thresholds=limits).recommendations
    assert found[0].kind == "remove_rows" and found[0].expected_gain
    assert ({item.kind for item in found} == {"remove_rows"}) == enough


def test_what_was_tried_in_vain_is_told(fresh: pl.DataFrame, real: pl.DataFrame) -> None:
    found = concluded(fresh, real, fidelity)
    assert "remove_rows" in {item.kind for item in found.tried}
    assert "remove_rows" not in {item.kind for item in found.recommendations}
    assert [item["id"] for item in found.to_dict()["tried"]] == [item.id for item in found.tried]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (NotApplicable(reason="-"), "nothing about the table can be told"),
        (Failed(error="-"), "nothing could be measured"),
    ],
)
def test_a_fix_that_cannot_be_judged_leaves_the_validation_whole(
    answer: NotApplicable | Failed, reason: str, fresh: pl.DataFrame, real: pl.DataFrame
) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        return fidelity(item) if item.synthetic.frame.height == fresh.height else dict.fromkeys(DIMENSIONS, answer)

    found = concluded(fresh, real, measure)
    (removal,) = [item for item in found.recommendations if item.kind == "remove_rows"]
    assert removal.expected_gain is None and reason in removal.gain_note
    assert removal.gain_note.startswith("not measured") and found.decision


def test_rows_in_no_order_that_matters_any_more_are_no_silence(fresh: pl.DataFrame, real: pl.DataFrame) -> None:
    rows = pl.int_range(fresh.height)
    bad = fresh.with_columns(income=pl.when(rows.is_between(300, 599)).then(-1.0).otherwise("income"))

    def measure(item: Evidence) -> dict[str, DimensionResult]:
        return fidelity(item) | {"temporal_stability": evaluate("temporal_stability", item)}

    (removal, *_) = concluded(bad, real, measure).recommendations
    assert removal.kind == "remove_rows" and removal.expected_gain is not None and removal.expected_gain > 0
    assert "nothing is left for temporal stability to judge" in removal.gain_note


def test_a_dimension_that_falls_silent_once_mended_is_no_gain(fresh: pl.DataFrame, real: pl.DataFrame) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        answers = fidelity(item)
        if item.synthetic.frame.height < fresh.height:
            answers["temporal_stability"] = NotApplicable(reason="-")
        return answers

    (removal,) = [item for item in concluded(fresh, real, measure).recommendations if item.kind == "remove_rows"]
    assert removal.expected_gain is None and "temporal stability" in removal.gain_note
