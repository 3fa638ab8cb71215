"""What goes in and out of ``/jobs``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from synthos.server.faults import Fault
from synthos.server.ids import PATTERN, Moment
from synthos.server.jobs.queue import JobKind, JobStatus, Priority


class RunAgain(BaseModel):
    """A wish to do again what has failed or was cancelled."""

    model_config = ConfigDict(extra="forbid")

    kind: JobKind
    subject: str = Field(
        pattern=PATTERN, description="the dataset (ingest), the validation or the pipeline", examples=["ds_…"]
    )
    priority: Priority = "standard"


class JobSummary(BaseModel):
    """A job."""

    job_id: str
    kind: JobKind
    subject: str = Field(description="what it is about: a dataset, a validation, a pipeline")
    status: JobStatus
    priority: Priority
    attempts: int = Field(description="how often it was begun")
    most_attempts: int
    error: Fault | None = Field(description="of the last attempt, where it failed")
    created_at: Moment
    started_at: Moment | None = Field(description="when it was begun first")
    finished_at: Moment | None
    next_attempt_at: Moment | None = Field(description="while it waits after a failed attempt")
    cancel_asked_at: Moment | None


class JobProgress(BaseModel):
    """The newest step of a job."""

    at: Moment
    stage: str
    done: int = Field(description="units finished")
    total: int = Field(description="units in all; 0 where that is not known")
    message: str = ""
    fields: dict[str, Any] = Field(default={}, description="figures, such as model, epoch and loss")


class JobDetail(JobSummary):
    """A job, and how far it is."""

    progress: JobProgress | None
