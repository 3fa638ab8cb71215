"""The row map: the whole synthetic table from its first row to its last, with the regions marked beneath.

Positions are per cent of the width, so that the strip fits any page without scaling its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthos.reporting import numbers, words
from synthos.reporting.charts.scale import Tick, steps
from synthos.reporting.material import RowMap
from synthos.results import Region

MAX_REGIONS = 40
MAX_LANES = 8
LEAST_WIDTH = 0.8  # per cent; thinner regions would not be seen
LABEL_WIDTH = 4.0  # per cent; narrower regions carry their number beside them


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of the strip; ``strength`` in [0, 1], 0 = no different from the table."""

    x: float
    width: float
    strength: float
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A region. ``number`` is its row in the region table and stands at ``text``, inside the mark or beside it."""

    number: int
    x: float
    width: float
    text: float
    is_inside: bool
    slack: float
    lane: int
    title: str


@dataclass(frozen=True, slots=True)
class RowChart:
    """Positions in per cent; lanes count from 0 downwards. ``left_out`` regions appear in the table only."""

    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]
    lanes: int
    ticks: tuple[Tick, ...]
    left_out: int
    strongest: float


def rowmap(rows: RowMap, regions: Sequence[Region]) -> RowChart:
    """The strip of ``rows`` with at most ``MAX_REGIONS`` regions marked in at most ``MAX_LANES`` lanes."""
    total = max(1, rows.rows)
    strongest = max([item.excess for item in rows.bins], default=0.0)
    scale = max(strongest, 0.02)  # so that a hardly visible departure does not look like a strong one
    stretches = []
    for item in rows.bins:
        where = f"rows {numbers.count(item.start)} to {numbers.count(item.stop - 1)}"
        what = (
            f"{numbers.short(item.column, 30)} departs by {numbers.number(item.excess)} bits beyond chance"
            if item.column is not None and item.excess > 0
            else "no column different from the rest of the table"
        )
        stretches.append(
            Stretch(
                x=round(100 * item.start / total, 2),
                width=round(100 * (item.stop - item.start) / total, 2),
                strength=round((item.excess / scale) ** 0.5, 2) if item.excess > 0 else 0.0,
                title=f"{where}: {what}",
            )
        )
    marks = _marks(regions[:MAX_REGIONS], total)
    return RowChart(
        stretches=tuple(stretches),
        marks=marks,
        lanes=max([mark.lane + 1 for mark in marks], default=0),
        ticks=tuple(Tick(round(100 * value / total, 2), numbers.compact(value)) for value in steps(0, total, 5)),
        left_out=len(regions) - len(marks),
        strongest=strongest,
    )


def _marks(regions: Sequence[Region], total: int) -> tuple[Mark, ...]:
    """Regions in the first lane that is free; those that find none are left out."""
    ends: list[float] = []
    marks: list[Mark] = []
    for index, region in enumerate(regions, start=1):
        start, stop = region.row_range
        width = max(LEAST_WIDTH, 100 * (stop - start) / total)
        x = min(100 * start / total, 100 - width)
        lane = next((k for k, end in enumerate(ends) if end <= x), len(ends))
        if lane >= MAX_LANES:
            continue
        if lane == len(ends):
            ends.append(0.0)
        is_inside = width >= LABEL_WIDTH
        ends[lane] = x + width + (0.3 if is_inside else LABEL_WIDTH)
        title = (
            f"region {index}: rows {numbers.count(start)} to {numbers.count(stop - 1)}, {words.ISSUES[region.issue]} "
            f"(impact {numbers.percent(region.impact)})"
        )
        slack = min(100 * region.boundary_error / total, 50.0)
        text = x + width / 2 if is_inside else min(x + width + LABEL_WIDTH / 2, 100 - LABEL_WIDTH / 2)
        marks.append(Mark(index, round(x, 2), round(width, 2), round(text, 2), is_inside, round(slack, 2), lane, title))
    return tuple(marks)
