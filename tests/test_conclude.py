"""The last step hands the job's own settings to every part."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from synthos.profiling.diversity import analyse
from synthos.results import DIMENSIONS, DimensionResult, Interval, NotApplicable, Region, Scored
from synthos.sampling.evidence import Evidence
from synthos.stages import Findings, Stopwatch, conclude, gather_evidence, prepare, scan_table


def fidelity(item: Evidence) -> dict[str, DimensionResult]:
    """Scores that fall with the share of rows below zero, down to 40 where a quarter is."""
    share = float((item.synthetic.frame["income"] < 0).mean() or 0.0)
    score = max(0.0, 80.0 - 160.0 * share)
    return dict.fromkeys(
        DIMENSIONS,
        Scored(score=score, interval=Interval(low=score, high=score), resolved=True, components=(), blame=()),
    )


@pytest.mark.parametrize(("medium", "enough"), [(1, False), (99, True)])
def test_recommendations_stop_where_the_jobs_thresholds_call_the_risk_low(
    medium: int, enough: bool, fresh: pl.DataFrame, real: pl.DataFrame, tmp_path: Path
) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(f"levels: {{medium: {medium}, high: 100}}\n")
    rows = pl.int_range(fresh.height)
    bad = fresh.with_columns(income=pl.when(rows.is_between(300, 599)).then(-1.0).otherwise("income"))
    job = prepare(bad, real, thresholds=limits)
    evidence = gather_evidence(job, {role: scan_table(job, role) for role in job.sources})
    region = Region(
        row_range=(300, 600), columns=("income",), issue="shift", impact=1.0, detail="below 0", boundary_error=0
    )
    findings = Findings(
        dimensions=fidelity(evidence),
        cascade=NotApplicable(reason="not of interest here"),
        diversity=analyse(evidence),
        regions=(region,),
    )
    found = conclude(job, evidence, findings, Stopwatch(), measure=fidelity).recommendations
    assert found[0].kind == "remove_rows" and found[0].expected_gain
    assert ({item.kind for item in found} == {"remove_rows"}) == enough
