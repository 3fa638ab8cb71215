"""From values to pixels, and where the ticks go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Linear map from [low, high] to [start, stop] pixels; with ``log`` the values are mapped by their logarithm."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        position = math.log10(value) if self.log else value
        share = (position - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.stop - self.start), 1)

    def inside(self, value: float) -> float:
        """``value`` moved to the nearest end where it lies outside."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position in pixels."""

    at: float
    label: str


def steps(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round numbers between ``low`` and ``high``: multiples of 1, 2 or 5 times a power of ten, about ``count``."""
    if high <= low:
        return (low,)
    raw = (high - low) / max(1, count)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(k * step, 12) for k in range(first, last + 1))


def decades(low: float, high: float) -> tuple[float, ...]:
    """Powers of ten in [low, high]; where there are fewer than two, 1, 2 and 5 times them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = tuple(10.0**k for k in range(first, last + 1) if low <= 10.0**k <= high)
    if len(powers) >= 2:
        return powers
    return tuple(m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5) if low <= m * 10.0**k <= high)


def padded(values: Iterable[float], share: float = 0.08) -> tuple[float, float]:
    """Range of the finite ``values`` with a margin; (0, 1) where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    margin = (high - low) * share or max(abs(high) * share, 0.5)
    return low - margin, high + margin


def path(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path through pixel positions; empty for fewer than two."""
    if len(points) < 2:
        return ""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def area(upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]]) -> str:
    """A closed SVG path between two lines."""
    if len(upper) < 2:
        return ""
    return path([*upper, *reversed(lower)]) + "Z"
