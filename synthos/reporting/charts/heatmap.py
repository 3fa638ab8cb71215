"""The pair map: one cell for each pair of columns whose dependence changed by more than chance."""

from __future__ import annotations

from dataclasses import dataclass

from synthos.reporting import numbers
from synthos.reporting.material import PairMap

LABEL_ROOM = 132.0
SPAN = 520.0


@dataclass(frozen=True, slots=True)
class Cell:
    """``lost`` pairs are drawn as squares, invented ones as discs; ``strength`` in (0, 1] sets the opacity."""

    x: float
    y: float
    lost: bool
    strength: float
    title: str


@dataclass(frozen=True, slots=True)
class WorstPair:
    """A pair in words; ``change`` in bits, negative = lost."""

    first: str
    second: str
    change: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Positions of the lower triangle. Row and column i meet at the label at ``(labels[i].x, labels[i].y)``."""

    width: float
    height: float
    side: float
    cells: tuple[Cell, ...]
    labels: tuple[tuple[float, float, str, str], ...]
    grid: str
    worst: tuple[WorstPair, ...]
    strongest: float
    changed: int
    pairs: int


def heatmap(pairs: PairMap) -> HeatMap:
    """The chart of a pair map; labels are (x, y, shown, full)."""
    count = len(pairs.columns)
    side = max(12.0, min(34.0, SPAN / max(1, count)))
    pool = [(abs(pairs.change[i][j]), i, j) for i in range(count) for j in range(i)]
    beyond = sorted(
        (item for item in pool if item[0] > pairs.noise[item[1]][item[2]]),
        key=lambda item: (-item[0], item[1], item[2]),
    )
    strongest = max([item[0] for item in beyond], default=0.0)
    cells = []
    for size, i, j in beyond:
        change = pairs.change[i][j]
        names = f"{numbers.short(pairs.columns[i], 30)} × {numbers.short(pairs.columns[j], 30)}"
        word = "lost" if change < 0 else "invented"
        cells.append(
            Cell(
                x=round(j * side, 1),
                y=round(i * side, 1),
                lost=change < 0,
                strength=round(max(0.18, (size / strongest) ** 0.7), 2),
                title=f"{names}: {numbers.number(size)} bits {word}",
            )
        )
    labels = tuple(
        (round(k * side + 5, 1), round((k + 0.5) * side, 1), numbers.short(name, 20), numbers.short(name, 60))
        for k, name in enumerate(pairs.columns)
    )
    rows = "".join(f"M0 {k * side:g}h{k * side:g}" for k in range(1, count))
    columns = "".join(f"M{k * side:g} {k * side:g}V{count * side:g}" for k in range(1, count))
    worst = tuple(WorstPair(pairs.columns[i], pairs.columns[j], pairs.change[i][j]) for _, i, j in beyond[:8])
    return HeatMap(
        width=round(count * side + LABEL_ROOM, 1),
        height=round(count * side + 2, 1),
        side=round(side, 2),
        cells=tuple(cells),
        labels=labels,
        grid=f"{rows}{columns}M0 {side:g}V{count * side:g}M0 {count * side:g}h{(count - 1) * side:g}",
        worst=worst,
        strongest=strongest,
        changed=len(beyond),
        pairs=len(pool),
    )
