"""Everything that a report shows. Reporting lies below the flow, so the flow hands its answers over in this form."""

from __future__ import annotations

from dataclasses import dataclass

from synthos.reporting.material import Material
from synthos.results import (
    CascadeResult,
    DimensionResult,
    DiversityReport,
    Failed,
    Json,
    NotApplicable,
    Recommendation,
    Region,
    SignatureMatch,
    TableProfile,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """A finished validation as plain values; the same data always renders to the same bytes.

    Attributes
    ----------
    profiles : "synthetic" and, where given, "reference" and "holdout".
    material : what the pictures are drawn from, made by ``material.gather``.
    notes : remarks on the input (alignment, the sample against the full table).
    settings, versions : what the run was asked to do, and by which software.
    timings : seconds by stage, and "total".
    seed, fingerprint : what to quote to get the same verdict again.
    """

    verdict: Verdict
    dimensions: dict[str, DimensionResult]
    diversity: DiversityReport
    cascade: CascadeResult | NotApplicable | Failed
    regions: tuple[Region, ...]
    recommendations: tuple[Recommendation, ...]
    signatures: tuple[SignatureMatch, ...]
    profiles: dict[str, TableProfile]
    material: Material
    notes: tuple[str, ...]
    settings: dict[str, Json]
    timings: dict[str, float]
    versions: dict[str, str]
    seed: int
    fingerprint: str


#: What ``html.render`` takes.
ReportInput = ReportData
