"""What goes in and out of ``/pipelines``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from synthos.server.faults import Fault
from synthos.server.ids import Moment
from synthos.server.pipelines.stages import Kind, Name
from synthos.server.validations.schemas import CreateValidation, Options, Score, StoredMoment
from synthos.server.validations.stages import Status

Decision = Literal["approved", "fix_first", "rejected", "inconclusive"]


class CreatePipeline(CreateValidation):
    """Tables to read and to judge. All their parts have to be sent; none has to be completed or ready."""


class CreateFullPipeline(CreatePipeline):
    """The same, to be repaired and judged again; that takes a full validation, since a quick one measures no gains."""

    validation_type: Literal["full"] = "full"


class PipelineStage(BaseModel):
    """One stage."""

    stage: Name
    status: Literal["pending", "running", "completed", "failed", "cancelled", "skipped"]
    progress: float = Field(ge=0.0, le=100.0, description="percent")
    started_at: StoredMoment | None
    completed_at: StoredMoment | None
    note: str | None = Field(description="why it was skipped")


class PipelineCreated(BaseModel):
    """The pipeline waits for a worker."""

    pipeline_id: str
    job_id: str = Field(description="cancel the pipeline, or watch its events, by this")
    validation_id: str = Field(description="of the table as it was sent")
    status: Literal["queued"] = "queued"
    stages: list[PipelineStage]
    estimated_completion: Moment | None = Field(
        description="as of a validation, twice where it is done twice; null where there were none"
    )


class RepairView(BaseModel):
    """What was done to the table. Its rows by the recommendation that removed or added them."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, description="why nothing was done")
    applied: list[str] = Field([], description="ids of recommendations of the first validation, in this order")
    rows_before: int | None = None
    rows_after: int | None = None
    removed: dict[str, int] = {}
    added: dict[str, int] = {}
    dropped_columns: list[str] = []
    reordered: bool = False
    notes: list[str] = []


class PipelineResults(BaseModel):
    """The verdicts so far. ``decision`` is that of the newest validation."""

    risk_score_before: Score = Field(description="of the table as it was sent; higher is worse")
    risk_score_after: Score | None = Field(description="of the repaired table; null where there is none (yet)")
    improvement: float | None = Field(description="before - after; below 0 where the repair made it worse")
    decision_before: Decision
    decision: Decision


class PipelineSummary(BaseModel):
    """A pipeline in a list."""

    pipeline_id: str
    kind: Kind
    job_id: str
    dataset_id: str
    reference_dataset_id: str | None
    holdout_dataset_id: str | None
    validation_type: Literal["full", "quick"]
    status: Status
    progress: float = Field(ge=0.0, le=100.0, description="percent of the work")
    current_stage: Name | None
    validation_id: str
    repaired_dataset_id: str | None = Field(description="the repaired table, a dataset of its own")
    revalidation_id: str | None = Field(description="of the repaired table")
    error: Fault | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None


class PipelineView(PipelineSummary):
    """A pipeline as it stands."""

    options: Options
    stages: list[PipelineStage]
    repair: RepairView | None = Field(description="null until the table is repaired, or nothing is found to do")
    results: PipelineResults | None = Field(description="null until the first validation is completed")
