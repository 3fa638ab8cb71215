"""What ``benchmarks.scale`` measured, in one picture: seconds and memory by rows, and where the seconds go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.pictures import MUTED, STYLE
from benchmarks.truth import Row

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#8c564b")
#: Stages as they are told, and what they are called in the picture.
STAGES = {
    "read": "open",
    "scan": "scan",
    "sample": "sample",
    "dimensions_regions_cascade": "dimensions, regions, models",
    "verdict": "verdict",
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Write the picture, in the format that the name ends in."""
    if not rows:
        raise SystemExit("nothing is measured yet")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.4), dpi=160, layout="constrained")
        seconds, memory, stages = figure.subplots(1, 3)
        _lines(seconds, rows, "seconds", "seconds, whole command")
        _bare(seconds, rows)
        _lines(memory, rows, "peak_mb", "MB, all processes together")
        _parts(stages, max(rows, key=lambda row: (row["rows"], row["workers"], row["mode"] == "full")))
        figure.legend(
            *seconds.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8
        )
        figure.savefig(path)


def _lines(axes: Axes, rows: Sequence[Row], name: str, title: str) -> None:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        workers = f", {row['workers']} workers" if row["workers"] else ""
        label = f"{row['mode']}, {row['format']}, {row['columns']} columns{workers}"
        groups.setdefault(label, []).append(row)
    for (label, group), colour in zip(groups.items(), COLOURS * len(groups), strict=False):
        ordered = sorted(group, key=lambda row: row["rows"])
        axes.plot(
            [row["rows"] for row in ordered], [row[name] for row in ordered], "o-", ms=4, color=colour, label=label
        )
    axes.set_xscale("log")
    axes.set_xlabel("rows")
    axes.set_title(title, fontsize=9, loc="left")
    if name == "seconds":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_ylim(bottom=0)


def _bare(axes: Axes, rows: Sequence[Row]) -> None:
    for form, line in (("parquet", ":"), ("csv", "--"), ("jsonl", "-.")):
        read: dict[int, list[float]] = {}
        for row in rows:
            if "bare" in row and row["format"] == form and row["mode"] == "quick":
                read.setdefault(row["rows"], []).append(row["bare"]["seconds"])
        if read:
            middle = [median(read[count]) for count in sorted(read)]
            axes.plot(sorted(read), middle, line, color=MUTED, label=f"polars alone, {form}")


def _parts(axes: Axes, row: Row) -> None:
    spent = {name: row["stages"].get(key, 0.0) for key, name in STAGES.items()}
    spent["start, report and rest"] = max(0.0, row["seconds"] - sum(spent.values()))
    names = list(spent)[::-1]
    bars = axes.barh(names, [spent[name] for name in names], color=COLOURS[0])
    axes.bar_label(bars, fmt="%.1f s", padding=3, fontsize=7)
    axes.set_title(f"{row['rows']:,} rows, {row['mode']}", fontsize=9, loc="left")
    axes.set_xlabel("seconds")
    axes.margins(x=0.2)
