"""The stages of a pipeline as clients see them, and how far it has come. What is written there is not done again."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Literal, cast

Kind = Literal["validation", "full"]
Name = Literal["ingest", "profile", "validate", "repair", "revalidate"]
Stage = dict[str, Any]

#: Share of each stage in the work of a full pipeline, in percent, in the order of the stages.
SHARES: dict[Name, float] = {"ingest": 2.0, "profile": 8.0, "validate": 43.0, "repair": 4.0, "revalidate": 43.0}
NAMES: dict[Kind, tuple[Name, ...]] = {"validation": ("ingest", "profile", "validate"), "full": tuple(SHARES)}


_FRESH = {"status": "pending", "progress": 0.0, "started_at": None, "completed_at": None, "note": None}


def planned(kind: Kind) -> list[Stage]:
    """The stages of a pipeline that has not begun."""
    return [{"stage": name, **_FRESH} for name in NAMES[kind]]


def planned_again(stages: list[Stage], kept: Set[str], now: str) -> list[Stage]:
    """The stages of a pipeline that begins again: those of ``kept`` are done, and the others have not begun."""
    again = [stage if stage["stage"] in kept else stage | _FRESH for stage in stages]
    for name in kept:
        complete(again, cast(Name, name), now)
    return again


def is_over(stages: list[Stage], name: Name) -> bool:
    """Whether there is nothing left to do about a stage."""
    return _of(stages, name)["status"] in ("completed", "skipped")


def note(stages: list[Stage], name: Name, percent: float, now: str) -> None:
    """A stage is under way. How far it is never falls, unless it is begun anew with 0."""
    stage = _of(stages, name)
    if stage["status"] in ("completed", "skipped"):
        return
    done = percent if percent == 0.0 else max(stage["progress"], percent)
    stage |= {"status": "running", "progress": round(min(100.0, done), 1), "started_at": stage["started_at"] or now}


def complete(stages: list[Stage], name: Name, now: str) -> None:
    """A stage is done."""
    stage = _of(stages, name)
    done = {"status": "completed", "progress": 100.0, "completed_at": stage["completed_at"] or now}
    stage |= done | {"started_at": stage["started_at"] or now}


def skip(stages: list[Stage], name: Name, why: str) -> None:
    """A stage has nothing to do."""
    _of(stages, name).update(status="skipped", note=why)


def progress(stages: list[Stage]) -> float:
    """How much of the work is done, in percent, by the share of each stage; what is skipped is no work."""
    counted = [stage for stage in stages if stage["status"] != "skipped"]
    whole = sum(SHARES[stage["stage"]] for stage in counted)
    done = sum(SHARES[stage["stage"]] * float(stage["progress"]) for stage in counted)
    return round(done / whole, 1)


def current(stages: list[Stage]) -> str | None:
    """The stage under way that comes last; None where none is."""
    running = [stage["stage"] for stage in stages if stage["status"] == "running"]
    return running[-1] if running else None


def _of(stages: list[Stage], name: Name) -> Stage:
    return next(stage for stage in stages if stage["stage"] == name)
