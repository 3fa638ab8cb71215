"""One column, real against synthetic: bars for the real table, a stepped line for the synthetic one."""

from __future__ import annotations

from dataclasses import dataclass

from synthos.reporting import numbers
from synthos.reporting.charts.scale import Scale, Tick, path, steps
from synthos.reporting.material import Overlay

WIDTH, HEIGHT = 360.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 10.0, 26.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin: the real bar, the synthetic level across it, and what a pointer over it reads."""

    x: float
    width: float
    y: float
    height: float
    level: float
    title: str


@dataclass(frozen=True, slots=True)
class OverlayChart:
    """Positions of one column's chart. ``beyond_noise`` is False where the tables differ by no more than chance."""

    name: str
    width: float
    height: float
    left: float
    right: float
    bottom: float
    bars: tuple[Bar, ...]
    steps: str
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[tuple[float, str, str], ...]
    beyond_noise: bool
    caption: str
    summary: str


def overlay(item: Overlay) -> OverlayChart:
    """The chart of one column; x ticks are (position, text anchor, label)."""
    count = len(item.labels)
    top = max([*item.reference, *item.synthetic, 1e-6])
    y = Scale(0.0, top * 1.04, HEIGHT - BOTTOM, TOP)
    slot = (WIDTH - LEFT - RIGHT) / max(1, count)
    gap = min(2.0, slot * 0.12)
    bars: list[Bar] = []
    line: list[tuple[float, float]] = []
    for k, (label, real, ours) in enumerate(zip(item.labels, item.reference, item.synthetic, strict=True)):
        start = LEFT + k * slot
        title = f"{numbers.short(label, 48)}: real {numbers.percent(real)}, synthetic {numbers.percent(ours)}"
        bars.append(
            Bar(
                x=round(start + gap, 1),
                width=round(slot - 2 * gap, 1),
                y=y(real),
                height=round(HEIGHT - BOTTOM - y(real), 1),
                level=y(ours),
                title=title,
            )
        )
        line += [(round(start, 1), y(ours)), (round(start + slot, 1), y(ours))]
    return OverlayChart(
        name=item.name,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        bars=tuple(bars),
        steps=path(line),
        y_ticks=tuple(Tick(y(value), numbers.percent(value)) for value in steps(0.0, top, 3)),
        x_ticks=_x_ticks(item.labels, slot),
        beyond_noise=item.distance > item.noise,
        caption=_caption(item),
        summary=_summary(item),
    )


def _x_ticks(labels: tuple[str, ...], slot: float) -> tuple[tuple[float, str, str], ...]:
    """Every label where all fit, otherwise the first, the middle and the last."""
    if not labels:
        return ()
    room = int(slot / 6.4)
    if all(len(label) <= room for label in labels):
        return tuple((round(LEFT + (k + 0.5) * slot, 1), "middle", label) for k, label in enumerate(labels))
    picks = {0: "start", len(labels) // 2: "middle", len(labels) - 1: "end"} if len(labels) > 2 else {0: "start"}
    if len(labels) == 2:
        picks[1] = "end"
    found = []
    for k, anchor in picks.items():
        at = {"start": LEFT, "middle": LEFT + (k + 0.5) * slot, "end": WIDTH - RIGHT}[anchor]
        found.append((round(at, 1), anchor, numbers.short(labels[k], 16)))
    return tuple(found)


def _caption(item: Overlay) -> str:
    if item.distance > item.noise:
        return f"{numbers.number(item.distance)} bits apart; chance explains {numbers.number(item.noise)}"
    return f"no further apart than chance ({numbers.number(item.distance)} of {numbers.number(item.noise)} bits)"


def _summary(item: Overlay) -> str:
    """The chart in words: the bins where the tables differ most."""
    gaps = sorted(
        zip(item.labels, item.reference, item.synthetic, strict=True), key=lambda bin_: -abs(bin_[1] - bin_[2])
    )[:3]
    parts = [f"{numbers.short(n, 30)} {numbers.percent(r)} real, {numbers.percent(s)} synthetic" for n, r, s in gaps]
    return "Largest differences: " + "; ".join(parts) + "."
