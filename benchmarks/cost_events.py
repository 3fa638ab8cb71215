"""The processor seconds of each part of a run, from what ``benchmarks.cost_runs`` heard of it."""

from __future__ import annotations

from typing import Any


def segments(record: dict[str, Any]) -> dict[str, float]:
    """Processor seconds of a run's parts, by what was heard of it; the sum is that of the run but for rounding."""
    spent: dict[str, float] = {}
    before, part = 0.0, "read"
    for stage, _, done, total, at in record["events"]:
        name = _part(stage, done, total)
        # An event tells that a step has ended, or that one begins whose stage had not been heard of.
        begins = done == 0 and stage not in ("utility", "cascade")
        spent[part if begins else name] = spent.get(part if begins else name, 0.0) + at - before
        before, part = at, _after(stage, done, total, name)
    spent[part] = spent.get(part, 0.0) + record["processor"] - before
    return spent


def _part(stage: str, done: int, total: int) -> str:
    if stage == "dimensions" and done == total:
        # The last dimension reads the cascade: what passed before it are the loops, of which nothing is heard.
        return "loops"
    if stage == "cascade":
        return "models"
    return {"utility": "forests", "sample": "profile", "recommendations": "repairs"}.get(stage, stage)


def _after(stage: str, done: int, total: int, name: str) -> str:
    """The part that goes on once an event was heard."""
    if stage == "scan":
        return "profile" if done == total else "scan"
    if stage == "sample":
        return "dimensions"
    if stage == "regions" and done == total:
        return "diversity"
    if stage == "verdict" and done == total:
        return "repairs"
    return name


def model_seconds(record: dict[str, Any]) -> list[tuple[str, int, str, float]]:
    """(tier, size, arm, processor seconds) of every model of a run."""
    found, before = [], None
    for stage, message, *_, at in record["events"]:
        if stage == "cascade" and " done: " in message:
            arm, name = message.split(" done:")[0].split(" ")
            tier, size = name.split("-")
            found.append((tier, int(size) - 1, arm, at - before))
        if stage != "cascade" or " done: " in message:
            before = at
    return found


def loop_seconds(record: dict[str, Any]) -> float | None:
    """Processor seconds of both arms of the loop: between the last model and what comes next."""
    done = [at for stage, message, *_, at in record["events"] if stage == "cascade" and " done: " in message]
    later = [at for stage, *_, at in record["events"] if done and at > done[-1]]
    return later[0] - done[-1] if done else None
