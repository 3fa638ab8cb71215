"""What ``/analytics`` answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from synthos.server.ids import Moment
from synthos.server.settings import TierName

Level = Literal["low", "medium", "high"]


class Quota(BaseModel):
    """Of one thing: what was used in the period, what the tier allows, and what is left."""

    used: int
    limit: int
    left: int


class Usage(BaseModel):
    """The last 30 days."""

    period_start: Moment
    period_end: Moment
    subscription_tier: TierName
    validations: Quota
    rows: Quota
    bytes: Quota = Field(description="of uploads that came, or may still come")
    datasets: int = Field(description="that are stored now")
    validations_by_status: dict[str, int]
    average_risk_score: float | None = Field(description="of validations completed in the period; null without any")


class Day(BaseModel):
    """What was completed on one day (UTC)."""

    date: str
    validations: int
    average_risk_score: float


class Past(BaseModel):
    """One completed validation."""

    validation_id: str
    dataset_id: str
    risk_score: float
    risk_level: Level | None
    decision: str
    completed_at: Moment


class History(BaseModel):
    """Completed validations, newest first, and how the risk went from day to day."""

    items: list[Past]
    next_cursor: str | None
    trend: list[Day]
