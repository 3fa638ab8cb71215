"""The stages of a validation as clients see them, and how far it has come."""

from __future__ import annotations

from typing import Any, Literal

from synthos.progress import Event

Stage = dict[str, Any]
Status = Literal["queued", "running", "completed", "failed", "cancelled"]

#: Names of the core's stages in the contract's order, with their share of the work in a full and a quick validation.
SHARES: dict[str, tuple[float, float]] = {
    "scan": (5.0, 15.0),
    "sample": (1.0, 3.0),
    "dimensions": (15.0, 40.0),
    "utility": (15.0, 35.0),
    "cascade": (40.0, 0.0),
    "verdict": (1.0, 2.0),
    "regions": (3.0, 3.0),
    "recommendations": (18.0, 0.0),
    "report": (2.0, 2.0),
}
MODELS = 36


def planned(kind: str) -> list[Stage]:
    """The stages of a validation that has not begun."""
    names = [name for name, shares in SHARES.items() if shares[kind == "quick"] > 0.0]
    return [
        {
            "stage": name,
            "status": "pending",
            "progress": 0.0,
            "started_at": None,
            "completed_at": None,
            "models_trained": 0 if name == "cascade" else None,
            "models_total": MODELS if name == "cascade" else None,
        }
        for name in names
    ]


def heard(stages: list[Stage], event: Event, now: str) -> bool:
    """Note an event in ``stages``; whether it changed anything. Stages run side by side: none waits for another."""
    name = "scan" if event.stage == "read" else event.stage
    stage = next((item for item in stages if item["stage"] == name), None)
    if stage is None or stage["status"] == "completed":
        return False
    stage["started_at"] = stage["started_at"] or now
    stage["status"] = "running"
    if event.total > 0 and event.stage != "read":
        share = event.fields.get("share_done")
        done = float(share) if isinstance(share, int | float) else event.done / event.total
        stage["progress"] = round(min(100.0, max(stage["progress"], 100.0 * done)), 1)
        if name == "cascade":
            stage["models_trained"], stage["models_total"] = event.done, event.total
        if event.done >= event.total:
            stage |= {"status": "completed", "progress": 100.0, "completed_at": now}
    return True


def finish(stages: list[Stage], status: Status, now: str) -> None:
    """End every stage: those under way as the whole ended, and those that never began as skipped."""
    for stage in stages:
        if status == "completed":
            stage |= {
                "status": "completed",
                "progress": 100.0,
                "started_at": stage["started_at"] or now,
                "completed_at": stage["completed_at"] or now,
            }
        elif stage["status"] == "running":
            stage |= {"status": status, "completed_at": now}
        elif stage["status"] == "pending":
            stage["status"] = "skipped"


def progress(stages: list[Stage], kind: str) -> float:
    """How much of the work is done, in percent, by the usual share of each stage."""
    weights = [SHARES[stage["stage"]][kind == "quick"] for stage in stages]
    done = sum(weight * stage["progress"] for weight, stage in zip(weights, stages, strict=True))
    return round(float(done / sum(weights)), 1)


def current(stages: list[Stage]) -> str | None:
    """The stage under way that began last; None where none is."""
    running = [stage["stage"] for stage in stages if stage["status"] == "running"]
    return running[-1] if running else None
