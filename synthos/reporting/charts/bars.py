"""Positions on the one-dimensional strips, in per cent of their width."""

from __future__ import annotations

#: Scores from here up are as good as real or close to it; below ``MIDDLING`` they are bad.
GOOD, MIDDLING = 90.0, 60.0


def clip(value: float) -> float:
    """``value`` within [0, 100]: scores are their own position on a strip without margins."""
    return round(min(max(value, 0.0), 100.0), 2)


def track(score: float) -> float:
    """Position of a score on the dimension strip, whose margins of 2 % keep the dots whole."""
    return round(2 + 0.96 * clip(score), 2)


def ratio_at(ratio: float) -> float:
    """Position of a diversity ratio: 0 at the left margin, 1 in the middle, 2 and more at the right margin."""
    return round(4 + 46 * min(max(ratio, 0.0), 2.0), 2)


def tone(score: float) -> str:
    """Name of the palette's colour for a score."""
    return "good" if score >= GOOD else "middling" if score >= MIDDLING else "bad"
