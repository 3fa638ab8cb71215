"""What the service says of the things that it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table that the service has. ``raw`` is all that it says of it."""

    id: str
    status: str
    rows: int | None
    columns: int | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Dataset:
        """The dataset in an answer of ``GET /datasets/{id}``."""
        return cls(raw["dataset_id"], raw["status"], raw["row_count"], raw["column_count"], raw)


@dataclass(frozen=True, slots=True)
class Validation:
    """A validation as it stands. ``raw`` is all that the service says of it; ``raw["results"]`` the verdict."""

    id: str
    status: str
    progress: float
    decision: str | None
    risk_score: float | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Validation:
        """The validation in an answer of ``GET /validations/{id}``."""
        results = raw["results"] or {}
        return cls(
            raw["validation_id"],
            raw["status"],
            raw["progress"],
            results.get("decision"),
            results.get("risk_score"),
            raw,
        )


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline as it stands. ``raw`` is all that the service says of it.

    ``decision`` and ``risk_score`` are of its newest validation, ``risk_before`` of the table as it was sent;
    ``repaired`` and ``validations`` are ids of what it has made.
    """

    id: str
    status: str
    progress: float
    decision: str | None
    risk_before: float | None
    risk_score: float | None
    repaired: str | None
    validations: tuple[str, ...]
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Pipeline:
        """The pipeline in an answer of ``GET /pipelines/{id}``."""
        results = raw["results"] or {}
        before, after = results.get("risk_score_before"), results.get("risk_score_after")
        made = (raw["validation_id"], raw["revalidation_id"])
        return cls(
            raw["pipeline_id"],
            raw["status"],
            raw["progress"],
            results.get("decision"),
            before,
            before if after is None else after,
            raw["repaired_dataset_id"],
            tuple(name for name in made if name is not None),
            raw,
        )
