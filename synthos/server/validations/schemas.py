"""What goes in and out of ``/validations``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from synthos.results import Tier
from synthos.server.faults import Fault
from synthos.server.ids import PATTERN, Moment
from synthos.server.validations.stages import Status

Identifier = Annotated[str, Field(pattern=PATTERN)]
Score = Annotated[float, Field(ge=0.0, le=100.0)]
#: A time that is kept as the API writes it.
StoredMoment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Chance = Annotated[float, Field(ge=0.0, le=1.0)]
#: The largest integer that every JSON reader keeps exact.
LARGEST = 2**53 - 1
#: Sizes of the cascade's models.
TIERS: tuple[Tier, ...] = Tier.__args__  # type: ignore[attr-defined]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _known_tier(value: Any) -> Any:
    if value is not None and value not in TIERS:
        raise ValueError(f"is none of {', '.join(TIERS)}: nothing is known of other models than those that are trained")
    return value


class Options(_Asked):
    """How a validation is carried out."""

    priority: Literal["standard", "express"] = Field("standard", description="express goes before standard")
    seed: int | None = Field(None, ge=0, le=LARGEST, description="by default it comes from the tables' contents")
    target_rows: int | None = Field(
        None,
        ge=1_000,
        le=10**12,
        description="predict also what training on so many rows would give; takes a full validation with a reference",
    )
    target_model_size: Annotated[Tier | None, BeforeValidator(_known_tier)] = Field(
        None, description="for which of the models that are trained; heavy by default"
    )
    enable_warranty: bool = Field(False, description="not offered: only false is taken")


class CreateValidation(_Asked):
    """A synthetic table to judge, and the real ones to judge it by."""

    dataset_id: Identifier
    reference_dataset_id: Identifier | None = Field(None, description="what the synthetic table was made from")
    holdout_dataset_id: Identifier | None = Field(None, description="real rows that the generator never saw")
    validation_type: Literal["full", "quick"] = "full"
    options: Options = Options()


class StageView(BaseModel):
    """One stage. Stages run side by side where they can."""

    stage: str
    status: Literal["pending", "running", "completed", "failed", "cancelled", "skipped"]
    progress: float = Field(ge=0.0, le=100.0, description="percent")
    started_at: StoredMoment | None
    completed_at: StoredMoment | None
    models_trained: int | None
    models_total: int | None


class Created(BaseModel):
    """The validation waits for a worker."""

    validation_id: str
    status: Literal["queued"] = "queued"
    stages: list[StageView]
    estimated_completion: Moment | None = Field(
        description="as long as the newest ones of its kind took, and those before it in the queue; null where there "
        "were none"
    )


class IntervalView(BaseModel):
    """95 % unless ``level`` says otherwise."""

    low: float
    high: float
    level: float


class DimensionView(BaseModel):
    """100 is like fresh real rows, 0 like a wreck; null with a reason where it could not be judged."""

    score: Score | None
    interval: IntervalView | None
    reason: str | None


class Results(BaseModel):
    """The verdict; ``synthos/validation.schema.json`` describes the parts that are passed on as they are."""

    risk_score: Score = Field(description="higher is worse")
    risk_bound: Literal["exact", "at_least"]
    risk_level: Literal["low", "medium", "high"] | None
    interval: IntervalView = Field(description="of risk_score")
    collapse_probability: Chance | None = Field(description="null without a reference: it is not known then")
    collapse_probability_interval: IntervalView | None
    collapse_probability_note: str
    expected_loss: float | None
    rho: float | None
    n_eff: float | None
    n_eff_bound: Literal["exact", "at_least", "fewer_than"] | None
    dimensions: dict[str, DimensionView]
    diversity: dict[str, Any]
    scale_predictions: dict[str, Any]
    target_prediction: dict[str, Any] | None = Field(
        None,
        description="what options.target_rows asked for; null where nothing was asked, with its reason where "
        "nothing can be said",
    )
    decision: Literal["approved", "fix_first", "rejected", "inconclusive"]
    reasons: list[str]
    open_questions: list[str]
    memorisation: dict[str, Any]
    warranty_eligible: bool
    fingerprint: str
    seed: int
    versions: dict[str, str]


class ValidationView(BaseModel):
    """A validation as it stands."""

    validation_id: str
    job_id: str
    dataset_id: str
    reference_dataset_id: str | None
    holdout_dataset_id: str | None
    validation_type: Literal["full", "quick"]
    options: Options
    status: Status
    progress: float = Field(ge=0.0, le=100.0, description="percent of the work")
    current_stage: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    stages: list[StageView]
    results: Results | None = Field(description="null until it is completed")
    error: Fault | None


class ValidationSummary(BaseModel):
    """A validation in a list."""

    validation_id: str
    dataset_id: str
    validation_type: Literal["full", "quick"]
    status: Status
    progress: float
    risk_score: float | None
    created_at: Moment
    completed_at: Moment | None


class Cancelled(BaseModel):
    """``cancelled`` at once where it had not begun, else within seconds."""

    validation_id: str
    status: Status


class AffectedDimension(BaseModel):
    """A dimension that does not look real."""

    dimension: str
    score: Score


class RegionView(BaseModel):
    """Rows of the synthetic table, counted from 0, the second end not included, that differ from the rest."""

    region_id: str
    row_range: tuple[int, int]
    issue: str
    impact_score: Chance
    affected_columns: list[str]
    detail: str
    boundary_error: int


class CollapseDetails(BaseModel):
    """What is wrong, where, and what it resembles."""

    collapse_detected: bool
    collapse_type: str | None
    severity: Literal["low", "medium", "high"] | None
    affected_dimensions: list[AffectedDimension]
    problematic_regions: list[RegionView]
    root_causes: list[str]
    signatures: list[dict[str, Any]]


class Impact(BaseModel):
    """What a fix does to the risk; null where that was not measured."""

    current_risk_score: Score
    expected_risk_score: Score | None
    improvement: float | None
    note: str | None = None


class Implementation(BaseModel):
    """How a fix is carried out; ``snippet`` runs as it stands."""

    method: str
    affected_rows: int
    parameters: dict[str, Any]
    snippet: str


class RecommendationView(BaseModel):
    """One thing to do."""

    recommendation_id: str
    kind: str
    title: str
    reason: str
    columns: list[str]
    impact: Impact
    implementation: Implementation


class Recommendations(BaseModel):
    """What to do, best first, what it comes to together, and what was tried in vain."""

    recommendations: list[RecommendationView]
    combined_impact: Impact
    tried: list[dict[str, Any]]


class CascadeView(BaseModel):
    """The models, small to large, and the law fitted to them; empty with a reason where none were trained."""

    status: str
    reason: str | None
    models: list[dict[str, Any]]
    reference_models: list[dict[str, Any]]
    law: dict[str, Any] | None
    rho: float | None
    rho_interval: IntervalView | None
    n_eff: float | None
    n_eff_interval: IntervalView | None
    independent_bits: float | None
    train_rows: int | None
    loop: dict[str, Any] | None
    notes: list[str]
