"""Everything that a report shows. Reporting lies below the flow, so the flow hands its answers over in this form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from synthos.advice import Recommendation, Tried
from synthos.dimensions.memorisation import Memorisation
from synthos.reporting.material import Material
from synthos.results import (
    CascadeResult,
    DimensionResult,
    DiversityReport,
    Failed,
    Json,
    NotApplicable,
    Region,
    SignatureMatch,
    TableProfile,
    Utility,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """A finished validation as plain values; the same data always renders to the same bytes.

    Attributes
    ----------
    tried : fixes that were tried and are not recommended, since they did not help.
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
    utility: Utility | NotApplicable | Failed
    memorisation: Memorisation | NotApplicable
    regions: tuple[Region, ...]
    recommendations: tuple[Recommendation, ...]
    tried: tuple[Tried, ...]
    signatures: tuple[SignatureMatch, ...]
    profiles: dict[str, TableProfile]
    material: Material
    notes: tuple[str, ...]
    settings: dict[str, Json]
    timings: dict[str, float]
    versions: dict[str, str]
    seed: int
    fingerprint: str


class ReportInput(Protocol):
    """What the faces read: ``ReportData``, or anything with the same attributes, such as a ``Validation``."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def dimensions(self) -> dict[str, DimensionResult]: ...
    @property
    def diversity(self) -> DiversityReport: ...
    @property
    def cascade(self) -> CascadeResult | NotApplicable | Failed: ...
    @property
    def utility(self) -> Utility | NotApplicable | Failed: ...
    @property
    def memorisation(self) -> Memorisation | NotApplicable: ...
    @property
    def regions(self) -> tuple[Region, ...]: ...
    @property
    def recommendations(self) -> tuple[Recommendation, ...]: ...
    @property
    def tried(self) -> tuple[Tried, ...]: ...
    @property
    def signatures(self) -> tuple[SignatureMatch, ...]: ...
    @property
    def profiles(self) -> dict[str, TableProfile]: ...
    @property
    def material(self) -> Material: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def settings(self) -> dict[str, Json]: ...
    @property
    def timings(self) -> dict[str, float]: ...
    @property
    def versions(self) -> dict[str, str]: ...
    @property
    def seed(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
