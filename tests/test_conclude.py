"""The last step hands the job's own settings to every part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synthos.dimensions.registry import evaluate
from synthos.errors import CancelledError, SourceError
from synthos.profiling.diversity import analyse
from synthos.results import DIMENSIONS, DimensionResult, Failed, Interval, NotApplicable, Region, Scored, Utility
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


UNASKED = NotApplicable(reason="not of interest here")
LOST = Utility(
    loss=0.4,
    interval=Interval(low=0.3, high=0.5),
    hidden=0.0,
    columns=(),
    judged_on="reference",
    rows=1_000,
    judges=1_000,
    copied=0.0,
)


def concluded(
    bad: pl.DataFrame,
    real: pl.DataFrame,
    measure: Measure,
    *,
    thresholds: Path | None = None,
    utility: Utility | NotApplicable = UNASKED,
    learn: Callable[..., Any] | None = None,
) -> Validation:
    """The last step on a table of which rows 300 to 599 are blamed; ``measure`` and ``learn`` judge what was mended."""
    job = prepare(bad, real, thresholds=thresholds)
    evidence = gather_evidence(job, {role: scan_table(job, role) for role in job.sources})
    region = Region(
        row_range=(300, 600), columns=("income",), issue="shift", impact=1.0, detail="below 0", boundary_error=0
    )
    findings = Findings(
        dimensions=fidelity(evidence),
        cascade=UNASKED,
        utility=utility,
        diversity=analyse(evidence),
        regions=(region,),
    )
    measures = replace(measured_here(None), dimensions=lambda names, item: measure(item))
    if learn is not None:
        measures = replace(measures, learn=learn)
    return conclude(job, evidence, findings, Stopwatch(), measures)


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


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["from the start", "once mended"])
@pytest.mark.parametrize("error", [ValueError("two cannot be three"), SourceError("no space is left")])
def test_a_measurement_that_breaks_costs_the_gain_and_not_the_validation(
    error: Exception, after: bool, fresh: pl.DataFrame, real: pl.DataFrame
) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        if after and item.synthetic.frame.height == fresh.height:
            return fidelity(item)
        raise error

    found = concluded(fresh, real, measure)
    (removal,) = [item for item in found.recommendations if item.kind == "remove_rows"]
    assert removal.gain_note == f"not measured: {type(error).__name__}: {error}"
    assert removal.expected_gain is None and found.decision


@pytest.mark.slow
def test_forests_that_break_cost_the_gains_and_not_the_validation(fresh: pl.DataFrame, real: pl.DataFrame) -> None:
    asked: list[object] = []

    def learn(*arguments: object) -> None:
        asked.append(arguments)
        raise ValueError("two cannot be three")

    found = concluded(fresh, real, fidelity, utility=LOST, learn=learn)
    assert {item.gain_note for item in found.recommendations if item.kind in ("remove_rows", "mix_real")} == {
        "not measured: ValueError: two cannot be three"
    }
    assert len(asked) == 1, "what broke is not tried anew for every fix"


@pytest.mark.slow
def test_who_asks_to_stop_while_gains_are_measured_is_heard(fresh: pl.DataFrame, real: pl.DataFrame) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        concluded(fresh, real, measure)


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
