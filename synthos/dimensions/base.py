"""What a dimension is, and how its components become one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthos.results import Blame, Component, DimensionResult, Interval, NotApplicable, Scored
from synthos.sampling.evidence import Evidence
from synthos.stats.calibration import Judgement

#: An interval wider than +- this many points is shown, not trusted.
RESOLUTION = 10.0
#: From this score on a table is like real rows, and no column is blamed.
LIKE_REAL = 97.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One question about a synthetic table. ``measure`` is pure, deterministic, and needs no other dimension.

    ``measure`` sees evidence that satisfies ``needs_reference`` and ``needs_cascade``; call it through
    ``registry.evaluate``, which sees to that.
    """

    name: str
    title: str
    question: str
    needs_reference: bool
    needs_cascade: bool
    measure: Callable[[Evidence], DimensionResult]


@dataclass(frozen=True, slots=True)
class Judged:
    """A component with the interval of its score; ``interval`` is None where the component only informs."""

    component: Component
    interval: Interval | None


def judged(name: str, judgement: Judgement, *, unit: str, meaning: str) -> Judged:
    """The component for a calibrated statistic; where it could not be judged, ``meaning`` says so."""
    if judgement.score is None:
        meaning = f"{meaning}; not judged: real halves of this size differ almost as much as the wreck"
    return Judged(
        Component(
            name=name,
            value=judgement.value,
            unit=unit,
            meaning=meaning,
            null_median=judgement.null_median,
            null_q95=judgement.null_q95,
            wreck=judgement.wreck,
            score=judgement.score,
        ),
        judgement.interval,
    )


def informative(name: str, value: float, *, unit: str, meaning: str) -> Judged:
    """A component that is shown beside the score and does not enter it."""
    return Judged(Component(name=name, value=value, unit=unit, meaning=meaning), None)


def combine(parts: Sequence[Judged], *, blame: Sequence[Blame] = (), notes: Sequence[str] = ()) -> DimensionResult:
    """The dimension's answer: its worst component, since an average hides the one that failed.

    The interval is that of a minimum under comonotone errors: from the least lower to the least upper end.
    Nobody is blamed for a table that is like real rows. ``NotApplicable`` where no component could be judged.
    """
    scored = [(part.component.score, part.interval) for part in parts]
    known = [(score, interval) for score, interval in scored if score is not None and interval is not None]
    if not known:
        return NotApplicable(
            reason="no component can be told from chance on this table: too few rows or constant columns"
        )
    low, high = min(interval.low for _, interval in known), min(interval.high for _, interval in known)
    score = min(score for score, _ in known)
    return Scored(
        score=score,
        interval=Interval(low=low, high=high, level=known[0][1].level),
        resolved=high - low <= 2 * RESOLUTION,
        components=tuple(part.component for part in parts),
        blame=tuple(blame) if score < LIKE_REAL else (),
        notes=tuple(notes),
    )
