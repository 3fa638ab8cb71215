"""Everything that a validation could not judge, with the reason, in one list; failures first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from synthos.reporting import words
from synthos.reporting.context import ReportInput
from synthos.results import CascadeResult, Failed, NotApplicable, Scored, Utility

Status = Literal["failed", "open question", "unresolved", "refused", "not applicable", "note"]
ORDER: tuple[Status, ...] = ("failed", "open question", "unresolved", "refused", "not applicable", "note")


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """One thing that was not judged, or a remark on how far to trust what was."""

    where: str
    status: Status
    reason: str


def open_points(data: ReportInput) -> tuple[OpenPoint, ...]:
    """All open points of ``data``, by severity and then in the order of the report, each once."""
    found = dict.fromkeys(_all(data))
    return tuple(sorted(found, key=lambda point: ORDER.index(point.status)))


def _all(data: ReportInput) -> Iterator[OpenPoint]:
    for question in data.verdict.open_questions:
        yield OpenPoint("Verdict", "open question", question)
    for name, outcome in data.verdict.outcomes.items():
        if isinstance(outcome, (NotApplicable, Failed)):
            title = words.OUTCOMES[name][0] if name in words.OUTCOMES else words.humane(name)
            yield _absent(f"Outcome: {title}", outcome)
    yield from _utility(data.utility)
    if isinstance(data.memorisation, NotApplicable):
        yield _absent("Copies of reference rows", data.memorisation)
    for name, result in data.dimensions.items():
        where = words.dimension(name)
        if not isinstance(result, Scored):
            yield _absent(where, result)
            continue
        if not result.resolved:
            width = result.interval.high - result.interval.low
            yield OpenPoint(where, "unresolved", f"The interval spans {width:.0f} points; shown, not to be trusted.")
        for note in result.notes:
            yield OpenPoint(where, "note", note)
    for name in words.DIMENSIONS:
        if name not in data.dimensions:
            yield OpenPoint(words.dimension(name), "failed", "No result was handed in.")
    yield from _cascade(data.cascade)
    for name, measure in data.diversity.items():
        if isinstance(measure, (NotApplicable, Failed)):
            yield _absent(f"Diversity: {words.humane(name).lower()}", measure)
    yield from _material(data)
    for note in data.notes:
        yield OpenPoint("Input", "note", note)
    for name, profile in data.profiles.items():
        for note in profile.notes:
            yield OpenPoint(f"{words.humane(name)} table", "note", note)


def _utility(utility: Utility | NotApplicable | Failed) -> Iterator[OpenPoint]:
    where = "What models would lose"
    if not isinstance(utility, Utility):
        yield _absent(where, utility)
        return
    for note in utility.notes:
        yield OpenPoint(where, "note", note)


def _cascade(cascade: CascadeResult | NotApplicable | Failed) -> Iterator[OpenPoint]:
    if not isinstance(cascade, CascadeResult):
        yield _absent("Learning curves", cascade)
        return
    if cascade.law.refused is not None:
        yield OpenPoint("Scaling law", "refused", cascade.law.refused)
    for prediction in cascade.predictions:
        if prediction.basis == "refused":
            yield OpenPoint(f"Prediction at {prediction.rows:,} rows", "refused", prediction.note)
    for note in cascade.notes:
        yield OpenPoint("Learning curves", "note", note)


def _material(data: ReportInput) -> Iterator[OpenPoint]:
    if isinstance(data.material.overlays, NotApplicable):
        yield _absent("Worst columns", data.material.overlays)
    if isinstance(data.material.pairs, NotApplicable):
        yield _absent("Pair map", data.material.pairs)


def _absent(where: str, result: NotApplicable | Failed) -> OpenPoint:
    if isinstance(result, Failed):
        return OpenPoint(where, "failed", result.error)
    return OpenPoint(where, "not applicable", result.reason)
