"""docs/dimensions.md and its heat map, from the measured cases of ``benchmarks.dimension_matrix``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.dimension_damages import DAMAGES
from synthos.dimensions.base import LIKE_REAL
from synthos.dimensions.registry import DIMENSIONS

#: Size at which the matrix shows scores.
SHOWN = 0.1
CELL_WIDTH, CELL_HEIGHT, LEFT, TOP = 104, 38, 190, 64
Row = dict[str, Any]

HEAD = """# What each dimension sees

Generated: `python -m benchmarks.dimension_matrix --write docs/dimensions.md`, {cases} comparisons, {seeds} seeds,
tables {tables} (see `benchmarks/fresh_tables.py`). Each damage is put into fresh real rows, which are then compared
with other real rows. **Bold**: the dimension that the damage is meant for. *Italic*: it sees the damage as well, by
what the damage is (reasons below). **!** marks a dimension that should not see it and does.

![Score at 10 % damage, and the size from which on each dimension sees it](dimensions.svg)

In each cell: median score at {shown:.0%} of the damage, then the smallest size from which on the score stays below
{bound:.0f} (median over tables and seeds; sizes tried: {sizes}; "never": not at {largest:.0%} either).

Scale robustness reads the models, 36 a comparison, and was measured in {trained} comparisons more: sizes
{trained_sizes}, tables {trained_tables}, {trained_seeds} (`--models`). It asks what models lose, and so sees whatever
costs them something; how it goes with the harm of real generators is in `benchmarks/collapse_bench.py`.
"""


def write(rows: Sequence[Row], target: Path) -> None:
    """Write the document to ``target`` and the picture beside it, ``.svg``."""
    found = [row for row in rows if row["damage"] in DAMAGES]
    early, late = ([row for row in found if row["models"] == models] for models in (False, True))
    sizes = sorted({row["size"] for row in early})
    seeds = len({row["seed"] for row in late})
    text = HEAD.format(
        cases=sum(not row["models"] for row in rows),
        seeds=len({row["seed"] for row in early}),
        tables=", ".join(sorted({row["table"] for row in early})),
        shown=SHOWN,
        bound=LIKE_REAL,
        sizes=", ".join(_percent(size) for size in sizes),
        largest=sizes[-1],
        trained=sum(row["models"] for row in rows),
        trained_sizes=", ".join(_percent(size) for size in sorted({row["size"] for row in late})),
        trained_tables=", ".join(sorted({row["table"] for row in late})),
        trained_seeds=f"{seeds} seed{'' if seeds == 1 else 's'}",
    )
    damages = [name for name in DAMAGES if any(row["damage"] == name for row in found)]
    target.write_text(
        text + "\n".join(["", *_matrix(found, damages), "", *_by_table(found, damages), "", *_reasons(damages)]) + "\n",
        encoding="utf-8",
    )
    target.with_suffix(".svg").write_text(picture(found, damages), encoding="utf-8")


def score_at(rows: Sequence[Row], damage: str, dimension: str, size: float) -> float | None:
    """Median score over tables and seeds; None where the dimension did not apply to any."""
    scores = [row["scores"].get(dimension) for row in rows if row["damage"] == damage and row["size"] == size]
    known = [score for score in scores if score is not None]
    return median(known) if known else None


def first_seen(rows: Sequence[Row], damage: str, dimension: str) -> float | None:
    """The size from which on the score stays below ``LIKE_REAL``, median over tables and seeds; ``inf`` where that is
    no size that was tried, None where the dimension did not apply."""
    ladders: dict[tuple[str, int], dict[float, float]] = {}
    for row in rows:
        score = row["scores"].get(dimension)
        if row["damage"] == damage and score is not None:
            ladders.setdefault((row["table"], row["seed"]), {})[row["size"]] = score
    found = []
    for ladder in ladders.values():
        seen = float("inf")
        for size in sorted(ladder, reverse=True):
            if ladder[size] >= LIKE_REAL:
                break
            seen = size
        found.append(seen)
    return sorted(found)[(len(found) - 1) // 2] if found else None


def place(damage: str, dimension: str) -> str:
    """``own``, ``shared`` or ``other``."""
    known = DAMAGES[damage]
    return "own" if dimension == known.own else "shared" if dimension in known.shared else "other"


def _matrix(rows: Sequence[Row], damages: Sequence[str]) -> list[str]:
    lines = [
        "| damage | " + " | ".join(DIMENSIONS[name].title for name in DIMENSIONS) + " |",
        "|---" * (len(DIMENSIONS) + 1) + "|",
    ]
    for damage in damages:
        cells = [_cell(rows, damage, dimension) for dimension in DIMENSIONS]
        lines.append(f"| `{damage}`: {DAMAGES[damage].what} | " + " | ".join(cells) + " |")
    return lines


def _cell(rows: Sequence[Row], damage: str, dimension: str) -> str:
    score, seen = score_at(rows, damage, dimension, SHOWN), first_seen(rows, damage, dimension)
    if score is None or seen is None:
        return "n/a"
    text = f"{score:.0f}, {_percent(seen)}"
    kind = place(damage, dimension)
    if kind == "own":
        return f"**{text}**"
    if kind == "shared":
        return f"*{text}*"
    return f"**!** {text}" if seen <= SHOWN else text


def _by_table(rows: Sequence[Row], damages: Sequence[str]) -> list[str]:
    lines = [
        "## First seen by its own dimension, by table",
        "",
        "| damage | dimension | table: size |",
        "|---|---|---|",
    ]
    for damage in damages:
        own = DAMAGES[damage].own
        tables = sorted({row["table"] for row in rows if row["damage"] == damage})
        each = []
        for table in tables:
            seen = first_seen([row for row in rows if row["table"] == table], damage, own)
            each.append(f"{table}: {'n/a' if seen is None else _percent(seen)}")
        lines.append(f"| `{damage}` | {DIMENSIONS[own].title} | {', '.join(each)} |")
    return lines


def _reasons(damages: Sequence[str]) -> list[str]:
    lines = ["## Seen by more than one, and why", ""]
    for damage in damages:
        for dimension, reason in DAMAGES[damage].shared.items():
            lines.append(f"- `{damage}`, {DIMENSIONS[dimension].title.lower()}: {reason}.")
    return lines


def picture(rows: Sequence[Row], damages: Sequence[str]) -> str:
    """The matrix as an SVG: the darker a cell, the lower the score at ``SHOWN``; framed where the damage is meant."""
    width, height = LEFT + CELL_WIDTH * len(DIMENSIONS) + 10, TOP + CELL_HEIGHT * len(damages) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for column, dimension in enumerate(DIMENSIONS):
        x = LEFT + CELL_WIDTH * (column + 0.5)
        for line, word in enumerate(DIMENSIONS[dimension].title.replace("-", "- ").split()):
            parts.append(f'<text x="{x}" y="{18 + 15 * line}" text-anchor="middle">{word.rstrip()}</text>')
    for line, damage in enumerate(damages):
        y = TOP + CELL_HEIGHT * line
        parts.append(f'<text x="{LEFT - 10}" y="{y + 24}" text-anchor="end">{damage}</text>')
        parts += [_drawn(rows, damage, name, LEFT + CELL_WIDTH * k, y) for k, name in enumerate(DIMENSIONS)]
    parts.append(
        f'<text x="{LEFT}" y="{height - 12}" fill="#444">score at {SHOWN:.0%} damage; below it the size from which '
        f"on it is seen; framed: the dimension meant</text></svg>"
    )
    return "\n".join(parts) + "\n"


def _drawn(rows: Sequence[Row], damage: str, dimension: str, x: float, y: float) -> str:
    score, seen = score_at(rows, damage, dimension, SHOWN), first_seen(rows, damage, dimension)
    if score is None or seen is None:
        fill, ink, lines = "#f2f2f2", "#777", ("n/a", "")
    else:
        # From white at 100 to a dark blue at 50 and below.
        depth = min((100.0 - score) / 50.0, 1.0)
        fill = "#" + "".join(f"{round(255 + depth * (end - 255)):02x}" for end in (12, 60, 130))
        ink, lines = "#fff" if depth > 0.45 else "#222", (f"{score:.0f}", _percent(seen))
    frame = 'stroke="#d2691e" stroke-width="3"' if place(damage, dimension) == "own" else 'stroke="#ccc"'
    middle = x + CELL_WIDTH / 2
    return (
        f'<rect x="{x + 2}" y="{y + 2}" width="{CELL_WIDTH - 4}" height="{CELL_HEIGHT - 4}" fill="{fill}" {frame}/>'
        f'<text x="{middle}" y="{y + 17}" text-anchor="middle" fill="{ink}">{lines[0]}</text>'
        f'<text x="{middle}" y="{y + 31}" text-anchor="middle" font-size="11" fill="{ink}">{lines[1]}</text>'
    )


def _percent(size: float) -> str:
    return "never" if size == float("inf") else f"{100 * size:g} %"
