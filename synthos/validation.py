"""What a validation answers: a typed result that turns into JSON, an HTML report and a notebook card."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from synthos import advice, results
from synthos.dimensions.memorisation import Memorisation
from synthos.reporting.context import ReportData
from synthos.reporting.html import render
from synthos.reporting.notebook import summary_html
from synthos.tables.writing import write_atomically

SCHEMA_FILE = Path(__file__).parent / "validation.schema.json"

RiskScore = Annotated[
    float,
    Field(
        ge=0.0,
        le=100.0,
        description="Higher is worse. A lower bound where risk_bound is at_least: what was not seen can only add.",
    ),
]
RiskBound = Annotated[
    Literal["exact", "at_least"],
    Field(
        description="at_least without a reference or where a required part gave no answer; the interval then ends at "
        "100."
    ),
]
RiskLevel = Annotated[
    results.RiskLevel | None,
    Field(description="null where risk_score is a lower bound that by itself would be low: the level is not known."),
]
Rows = Annotated[
    float | None,
    Field(
        description="Real rows whose model is as good as the one trained on all of the synthetic table; n_eff_bound "
        "says whether that is the figure itself. null without the cascade."
    ),
]
RowsBound = Annotated[
    results.Bound | None,
    Field(
        description="exact; at_least: as good as all real rows there are; fewer_than: no better than the fewest real "
        "rows that a model was given. null without the cascade."
    ),
]
ExpectedLoss = Annotated[
    float | None,
    Field(
        description="Utility loss to expect on real rows that nobody was shown: 0 as good as real rows, 1 as bad as a "
        "constant; risk_score stands for it. null where no forest could be judged on real rows."
    ),
]
ExpectedInterval = Annotated[
    results.Interval | None, Field(description="Interval of expected_loss on tables and generators never seen.")
]
UtilityAnswer = Annotated[
    results.Utility | results.NotApplicable | results.Failed,
    Field(
        description="What forests trained on the synthetic table lose on real rows, by column; not_applicable without "
        "a reference or where no column can be predicted from the others."
    ),
]
TriedFixes = Annotated[
    tuple[advice.Tried, ...],
    Field(description="Fixes that were tried on a sample and are not recommended, since they did not help, with why."),
]
MemorisationAnswer = Annotated[
    Memorisation | results.NotApplicable,
    Field(
        description="Synthetic rows that copy a reference row, exactly or nearly, beyond what real rows show that its "
        "generator never saw; not_applicable without a reference or where a copy cannot be told from chance."
    ),
]
SignatureFigures = Annotated[
    dict[str, float],
    Field(description="What the library of known collapses compares; synthos signatures add takes it from here."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeSummary:
    """The cascade as it stands in the JSON. ``models`` are the 18 trained on the synthetic table."""

    status: str
    reason: str | None
    models: tuple[results.ModelRun, ...]
    reference_models: tuple[results.ModelRun, ...]
    law: results.Law | None
    independent_bits: float | None
    train_rows: int | None
    rho_interval: results.Interval | None
    n_eff_interval: results.Interval | None
    n_eff_note: str | None
    loop: results.LoopDrift | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The JSON form of a validation; its JSON Schema is ``synthos/validation.schema.json``."""

    risk_score: RiskScore
    risk_bound: RiskBound
    risk_interval: results.Interval
    risk_level: RiskLevel
    decision: results.Decision
    reasons: tuple[str, ...]
    collapse_type: results.CollapseType | None
    collapse_probability: float | None
    collapse_probability_interval: results.Interval | None
    collapse_probability_note: str
    expected_loss: ExpectedLoss
    expected_loss_interval: ExpectedInterval
    outcomes: dict[str, results.Outcome | results.NotApplicable | results.Failed]
    open_questions: tuple[str, ...]
    rho: float | None
    n_eff: Rows
    n_eff_bound: RowsBound
    dimensions: dict[str, results.DimensionResult]
    diversity: results.DiversityReport
    scale_predictions: dict[str, results.ScalePrediction]
    regions: tuple[results.Region, ...]
    recommendations: tuple[advice.Recommendation, ...]
    tried: TriedFixes
    signatures: tuple[results.SignatureMatch, ...]
    signature_figures: SignatureFigures
    utility: UtilityAnswer
    memorisation: MemorisationAnswer
    cascade: CascadeSummary
    profiles: dict[str, results.TableProfile]
    notes: tuple[str, ...]
    settings: dict[str, results.Json]
    timings: dict[str, float]
    versions: dict[str, str]
    seed: int
    fingerprint: str


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of ``Validation.to_dict()``."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_adapter().json_schema(mode="serialization")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation(ReportData):
    """The result of ``synthos.validate``: ``ReportData`` (which lists the fields) with its outward forms.

    ``fingerprint`` is of all tables' contents with the seed and settings; equal inputs give equal answers.
    ``signature_figures`` are what the library of known collapses compares; ``verdict.fingerprint`` says what they mean.
    """

    signature_figures: dict[str, float] = field(default_factory=dict)

    @property
    def risk_score(self) -> float:
        """0-100, higher is worse: low < 20 <= medium < 50 <= high; ``verdict.risk_bound`` says where it is a bound."""
        return self.verdict.risk_score

    @property
    def decision(self) -> results.Decision:
        return self.verdict.decision

    @property
    def rho(self) -> float | None:
        """Share of what real rows teach that the synthetic table fails to: 0 as good as real, 1 as bad as shuffled."""
        return self.cascade.rho if isinstance(self.cascade, results.CascadeResult) else None

    @property
    def n_eff(self) -> float | None:
        """Number of real rows whose model is as good as the one trained on all of the synthetic table.

        Only a bound where ``n_eff_bound`` is not "exact".
        """
        return self.cascade.n_eff if isinstance(self.cascade, results.CascadeResult) else None

    @property
    def n_eff_bound(self) -> results.Bound | None:
        """Whether ``n_eff`` is "exact", or the worth is "at_least" or "fewer_than" that; None without the cascade."""
        return self.cascade.n_eff_bound if isinstance(self.cascade, results.CascadeResult) else None

    def _document(self) -> Document:
        verdict, cascade = self.verdict, self.cascade
        predictions = cascade.predictions if isinstance(cascade, results.CascadeResult) else ()
        return Document(
            risk_score=verdict.risk_score,
            risk_bound=verdict.risk_bound,
            risk_interval=verdict.risk_interval,
            risk_level=verdict.risk_level,
            decision=verdict.decision,
            reasons=verdict.reasons,
            collapse_type=verdict.collapse_type,
            collapse_probability=verdict.collapse_probability,
            collapse_probability_interval=verdict.probability_interval,
            collapse_probability_note=verdict.probability_note,
            expected_loss=verdict.expected_loss,
            expected_loss_interval=verdict.expected_loss_interval,
            outcomes=verdict.outcomes,
            open_questions=verdict.open_questions,
            rho=self.rho,
            n_eff=self.n_eff,
            n_eff_bound=self.n_eff_bound,
            dimensions=self.dimensions,
            diversity=self.diversity,
            scale_predictions={str(item.rows): item for item in predictions},
            regions=self.regions,
            recommendations=self.recommendations,
            tried=self.tried,
            signatures=self.signatures,
            signature_figures=self.signature_figures,
            utility=self.utility,
            memorisation=self.memorisation,
            cascade=_summarise(cascade),
            profiles=self.profiles,
            notes=self.notes,
            settings=self.settings,
            timings=self.timings,
            versions=self.versions,
            seed=self.seed,
            fingerprint=self.fingerprint,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for ``json.dumps(..., allow_nan=False)``; described by ``json_schema()``."""
        document: dict[str, Any] = _adapter().dump_python(self._document(), mode="json")
        return document

    def to_json(self, path: str | Path) -> Path:
        """Write ``to_dict()`` to ``path``, whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        return write_atomically(Path(path), text.encode())

    def report(self, path: str | Path) -> Path:
        """Write the self-contained HTML report to ``path``, whole or not at all."""
        return write_atomically(Path(path), render(self).encode())

    def _repr_html_(self) -> str:
        return summary_html(self)


def _summarise(cascade: results.CascadeResult | results.NotApplicable | results.Failed) -> CascadeSummary:
    if not isinstance(cascade, results.CascadeResult):
        reason = cascade.reason if isinstance(cascade, results.NotApplicable) else cascade.error
        absent = dict.fromkeys(("law", "independent_bits", "train_rows", "rho_interval", "n_eff_interval"))
        return CascadeSummary(
            status=cascade.status,
            reason=reason,
            models=(),
            reference_models=(),
            notes=(),
            n_eff_note=None,
            loop=None,
            **absent,
        )
    shared = {name: getattr(cascade, name) for name in CascadeSummary.__slots__ if name not in ("status", "reason")}
    return CascadeSummary(status="done", reason=None, **shared)
