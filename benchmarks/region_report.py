"""Figures of ``benchmarks.regions`` as tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.merit import overlap

LEAST_IOU = 0.5
LEAST_DAMAGED = 0.25
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """One planted run, and what of it was found; None for what was not found."""

    line: Line
    planted: Line
    region: Line | None

    @property
    def edge_rows(self) -> float | None:
        """Mean distance of the two ends, in rows."""
        if self.region is None:
            return None
        pairs = zip(self.region["row_range"], self.planted["row_range"], strict=True)
        return float(np.mean([abs(a - b) for a, b in pairs]))

    @property
    def edge_share(self) -> float | None:
        """The same as a share of the planted run."""
        rows = self.edge_rows
        return None if rows is None else rows / (self.planted["row_range"][1] - self.planted["row_range"][0])

    @property
    def named(self) -> bool | None:
        return None if self.region is None else self.region["issue"] == self.planted["issue"]

    @property
    def columns(self) -> tuple[float, float] | None:
        """Jaccard index of the columns blamed and damaged, and share of the damaged ones that are blamed.

        A column by which the rows are sorted is not counted: all of them are judged without it.
        """
        if self.region is None:
            return None
        blamed, damaged = (set(x["columns"]) - {self.line["order"]} for x in (self.region, self.planted))
        return len(blamed & damaged) / max(len(blamed | damaged), 1), len(blamed & damaged) / max(len(damaged), 1)


def hits(lines: Sequence[Line]) -> list[Hit]:
    """Every planted run with the region that overlaps it most, if by enough."""
    found = []
    for line in lines:
        for planted in line["planted"]:
            near = max(line["regions"], key=lambda r: overlap(r["row_range"], planted["row_range"]), default=None)
            good = near is not None and overlap(near["row_range"], planted["row_range"]) >= LEAST_IOU
            found.append(Hit(line, planted, near if good else None))
    return found


def precision(lines: Sequence[Line]) -> tuple[int, int]:
    """Regions that overlap a planted run by enough, or lie in a shuffled part of it, and all regions."""
    regions = [(r, line) for line in lines for r in line["regions"]]
    good = [
        any(overlap(r["row_range"], p["row_range"]) >= LEAST_IOU for p in line["planted"])
        or (line["layout"] == "shards" and r["damaged"] >= LEAST_DAMAGED)
        for r, line in regions
    ]
    return sum(good), len(good)


def _mean(values: Sequence[float | bool | None]) -> str:
    known = [float(v) for v in values if v is not None]
    return f"{np.mean(known):.2f}" if known else "–"


def _median(values: Sequence[float | None], form: str) -> str:
    known = [v for v in values if v is not None]
    return format(float(np.median(known)), form) if known else "–"


def table(lines: Sequence[Line], by: str, of: Callable[[Hit], Any]) -> str:
    """A row of figures for each value of ``of``, and one of all."""
    every = hits(lines)
    head = f"| {by} | runs | recall | precision | issue | ends, rows | ends, share | columns, Jaccard | recall |"
    out = [head, "|---|" + "---|" * 8]
    for name in [*dict.fromkeys(of(hit) for hit in every), None]:
        some = [hit for hit in every if name is None or of(hit) == name]
        good, total = precision([hit.line for hit in {id(h.line): h for h in some}.values()])
        columns = [hit.columns for hit in some]
        figures = [
            str(len(some)),
            _mean([hit.region is not None for hit in some]),
            f"{good / total:.2f}" if total else "–",
            _mean([hit.named for hit in some]),
            _median([hit.edge_rows for hit in some], ".0f"),
            _median([hit.edge_share for hit in some], ".1%"),
            _mean([c and c[0] for c in columns]),
            _mean([c and c[1] for c in columns]),
        ]
        out.append("| " + " | ".join([str("all" if name is None else name), *figures]) + " |")
    return "\n".join(out)


def clean(lines: Sequence[Line]) -> str:
    """How many sound tables had a region."""
    out = ["| table | splits | with a region |", "|---|---|---|"]
    for name in dict.fromkeys(line["table"] for line in lines):
        some = [line for line in lines if line["table"] == name]
        out.append(f"| {name} | {len(some)} | {sum(bool(line['regions']) for line in some)} |")
    total = sum(bool(line["regions"]) for line in lines)
    return "\n".join([*out, f"| all | {len(lines)} | {total} |"])


def page(lines: Sequence[Line]) -> str:
    """All figures, those with a reference and those without one apart."""
    parts = [HEAD]
    for mode, title in (("reference", "With a reference"), ("alone", "Without a reference")):
        mine = [line for line in lines if line["mode"] == mode]
        damaged = [line for line in mine if line["planted"]]
        if damaged:
            parts.append(f"## {title}")
            large = [line for line in damaged if line["share"] >= 10]
            parts.append("By damage, at 10 % of the rows and more:\n\n" + table(large, "damage", _issue))
            parts.append("By share of the rows:\n\n" + table(damaged, "share", lambda h: f"{h.line['share']} %"))
            parts.append("By layout, 10 % and more:\n\n" + table(large, "layout", lambda h: h.line["layout"]))
            parts.append("By table, 10 % and more:\n\n" + table(large, "table", lambda h: h.line["table"]))
        sound = [line for line in mine if not line["planted"]]
        if sound:
            parts.append(f"Sound tables, {title[0].lower()}{title[1:]}:\n\n" + clean(sound))
    seconds = [line["seconds"] for line in lines]
    parts.append(f"{len(lines)} tables, median {np.median(seconds):.1f} s each.")
    return "\n\n".join(parts) + "\n"


def _issue(hit: Hit) -> str:
    return str(hit.planted["issue"])


HEAD = """# Regions: what is found of planted damage

Made by `python -m benchmarks.regions --page docs/regions.md`; what is planted, where and in which tables is told in
`benchmarks/regions.py`, `damages.py` and `region_tables.py`. A run is found if a region has an IoU of at least 0.5 with
it; the other figures are of found runs. *Columns*: those blamed against those whose cells the damage changed."""
