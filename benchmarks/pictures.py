"""The bench in two pictures: risk against measured harm, ours and theirs, and whether the probability means it.

``collapse_bench --pictures DIR`` draws both, each as PNG and SVG. A file is the same bytes for the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.merit import (
    Bin,
    Risks,
    brier_skill,
    calibration_slope,
    comparison,
    detection,
    rank_correlation,
    reliability,
)
from benchmarks.truth import COLLAPSED, Row

Floats = npt.NDArray[np.float64]
INK, MUTED, OURS_TINT = "#1c2530", "#6b7785", "#eef5fb"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": "#c5ccd4",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": MUTED,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "svg.hashsalt": "synthos",
}
#: Kinds of tables by the beginning of their family: name, colour, marker. The first that fits is taken.
KINDS = (
    ("healthy_memorised", "real rows, drawn again", "#56b4e9", "s"),
    ("healthy", "fresh real sample", "#000000", "*"),
    ("planted", "planted block of bad rows", "#b8bfc8", "o"),
    ("cart", "refitted trees", "#d55e00", "o"),
    ("copula", "copula", "#0072b2", "o"),
    ("ctgan", "GAN", "#cc79a7", "o"),
    ("tvae", "VAE", "#009e73", "o"),
    ("narrow", "narrowed sampling", "#e69f00", "o"),
    ("", "other", "#555555", "o"),
)
TICKS = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)


def kind(family: str) -> tuple[str, str, str]:
    """Name, colour and marker of a family of synthetic tables."""
    return next(rest for start, *rest in KINDS if family.startswith(start))  # type: ignore[return-value]


def spread(values: Floats) -> Floats:
    """Square root that keeps the sign: small harms, which are most of the bench, come apart."""
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def gathered(values: Floats) -> Floats:
    """The inverse of ``spread``."""
    return np.asarray(np.sign(values) * values**2)


def draw(truth: Sequence[Row], risks: Risks, folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Both pictures; the second only where there are answers of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        files = _save(risk_against_harm(truth, best_of_each_tool(truth, risks)), folder / "collapse_bench")
        if rows:
            chance = np.array([row["collapse_probability"] for row in rows], float)
            collapsed = np.array([row["utility_loss"] > COLLAPSED for row in truth])
            files += _save(reliability_diagram(chance, collapsed), folder / "reliability")
    return files


def draw_reliability(
    chance: Floats, happened: npt.NDArray[np.bool_], stem: Path, *, title: str, event: str, verb: str
) -> list[Path]:
    """One reliability diagram as PNG and SVG beside ``stem``; see ``reliability_diagram``."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        return _save(reliability_diagram(chance, happened, title=title, event=event, verb=verb), stem)


def _save(figure: Figure, stem: Path) -> list[Path]:
    files = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
    figure.savefig(files[0], dpi=150, facecolor="white", metadata={"Software": None})
    figure.savefig(files[1], facecolor="white", metadata={"Date": None})
    return files


def best_of_each_tool(truth: Sequence[Row], risks: Risks) -> Risks:
    """Of a tool that gives several figures, the one whose rank correlations with the harm have the highest mean."""
    ranked = comparison(truth, risks)["rank correlation, mean"]
    best: dict[str, str] = {}
    for label in risks:
        tool = label.partition(", ")[0]
        value, rival = ranked[label], ranked[best[tool]] if tool in best else None
        if tool not in best or (value is not None and (rival is None or value > rival)):
            best[tool] = label
    return {label: risks[label] for label in best.values()}


def risk_against_harm(truth: Sequence[Row], risks: Risks) -> Figure:
    """Small multiples: a row a tool, a column a real table, a point a synthetic table."""
    tables = list(dict.fromkeys(row["table"] for row in truth))
    wide, high, top, bottom = 1.5 + 2.75 * len(tables), 1.05 * 2 + 2.05 * len(risks), 1.0, 1.05
    figure = Figure(figsize=(wide, high))
    grid = figure.subplots(len(risks), len(tables), squeeze=False, sharex=True, sharey="row")
    figure.subplots_adjust(
        left=1.15 / wide, right=1 - 0.2 / wide, top=1 - top / high, bottom=bottom / high, wspace=0.1, hspace=0.34
    )
    harm = np.array([row["utility_loss"] for row in truth], float)
    place = np.array([tables.index(row["table"]) for row in truth])
    for line, (label, given) in zip(grid, risks.items(), strict=True):
        values = np.array([np.nan if value is None else value for value in given], float)
        for column, axes in enumerate(line):
            here = (place == column) & np.isfinite(values)
            _points(axes, harm[here], values[here], [truth[index] for index in np.flatnonzero(here).tolist()])
            _title(axes, tables[column], rank_correlation(values[here], harm[here]), ours=label.startswith("Synthos"))
            axes.set_ylim(bottom=-0.06 * np.nanmax([*values, 1e-9]), top=1.1 * np.nanmax([*values, 1e-9]))
        name, _, figure_name = label.partition(", ")
        line[0].set_ylabel(figure_name + ", points of 100", labelpad=4)
        line[0].annotate(
            name,
            (-0.36, 0.5),
            xycoords="axes fraction",
            rotation=90,
            va="center",
            ha="center",
            weight="bold",
            size=11,
            color=INK,
        )
    grid[0, 0].set_xlim(1.6 * min(harm.min(), -0.002), 1.1 * max(harm.max(), 0.3))  # shared by all
    for axes in grid[-1]:
        axes.set_xlabel("measured harm u")
    figure.text(
        0.2 / wide, 1 - 0.3 / high, "Does the risk say what the table will cost?", size=16, weight="bold", va="center"
    )
    figure.text(
        0.2 / wide,
        1 - 0.58 / high,
        f"{len(truth)} synthetic versions of {len(tables)} real tables. Across: the measured loss of models trained on "
        f"them, on real rows that no tool saw (dashed: u = {COLLAPSED}). Up: what the tool says. ρ: rank correlation.",
        size=9,
        color=MUTED,
        va="center",
    )
    marks = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=11 if marker == "*" else 6.5, label=text)
        for text, colour, marker in dict.fromkeys(tuple(kind(row["family"])) for row in truth)
    ]
    figure.legend(
        handles=marks, loc="lower center", ncols=len(marks), frameon=False, handletextpad=0.2, columnspacing=1.4
    )
    return figure


def _points(axes: Axes, harm: Floats, values: Floats, cases: Sequence[Row]) -> None:
    """The points of one panel; generations of one generator are joined in their order."""
    axes.set_xscale("function", functions=(spread, gathered))
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.axvline(COLLAPSED, color="#c5ccd4", linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    chains: dict[str, list[int]] = {}
    for index, case in enumerate(cases):
        if case.get("generation"):
            chains.setdefault(case["family"], []).append(index)
    for family, chain in chains.items():
        chain.sort(key=lambda index: cases[index]["generation"])
        axes.plot(harm[chain], values[chain], color=kind(family)[1], linewidth=1.0, alpha=0.45, zorder=1)
    for index, case in enumerate(cases):
        _, colour, marker = kind(case["family"])
        size, order = (150, 4) if marker == "*" else (26, 2 if case["family"].startswith("planted") else 3)
        axes.scatter(
            harm[index],
            values[index],
            s=size,
            c=colour,
            marker=marker,
            linewidths=0.6,
            edgecolors="white",
            zorder=order,
        )


def _title(axes: Axes, table: str, rho: float | None, *, ours: bool) -> None:
    told = "ρ –" if rho is None else f"ρ {rho:.2f}".replace("-", "−")
    axes.set_title(table, loc="left", size=9, color=MUTED, pad=5)
    axes.set_title(told, loc="right", size=11, weight="bold", color="#0b5fa5" if ours else INK, pad=5)
    if ours:
        axes.set_facecolor(OURS_TINT)


def reliability_diagram(
    chance: Floats,
    collapsed: npt.NDArray[np.bool_],
    *,
    title: str = "Does the probability mean it?",
    event: str = f"u > {COLLAPSED}",
    verb: str = "collapsed",
) -> Figure:
    """Predicted against observed shares in eight bins with exact 95 % intervals, and how many cases each holds.

    ``event`` is what the chance is of, and ``verb`` what the cases are called in which it came.
    """
    bins = reliability(chance, collapsed)
    figure = Figure(figsize=(5.6, 6.0))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    figure.subplots_adjust(left=0.12, right=0.96, top=0.85, bottom=0.09, hspace=0.08)
    above.plot([0, 1], [0, 1], color="#c5ccd4", linewidth=1.2, linestyle=(0, (4, 3)), zorder=0)
    _bins(above, bins)
    above.set_ylim(-0.04, 1.04)
    above.set_ylabel(f"share that {verb} ({event})")
    below.bar([found.predicted for found in bins], [found.cases for found in bins], width=0.05, color="#9ec9e8")
    for found in bins:
        told_of = f"{found.collapsed}/{found.cases}"
        below.annotate(told_of, (found.predicted, found.cases), (0, 3), textcoords="offset points", ha="center", size=8)
    below.set_ylim(top=1.25 * max(found.cases for found in bins))
    below.set_ylabel(f"{verb}/cases")
    below.set_xlabel(f"predicted probability of {event}")
    below.set_xlim(-0.04, 1.04)
    told = {
        "Brier skill": brier_skill(chance, collapsed),
        "slope": calibration_slope(chance, collapsed),
        "AUROC": detection(chance, collapsed),
    }
    figure.text(0.04, 0.955, title, size=15, weight="bold", va="center")
    figure.text(
        0.04,
        0.905,
        f"{len(chance)} tables, {int(collapsed.sum())} {verb} · "
        + " · ".join(f"{name} {'–' if value is None else format(value, '.2f')}" for name, value in told.items()),
        color=MUTED,
        va="center",
    )
    return figure


def _bins(axes: Axes, bins: Sequence[Bin]) -> None:
    for found in bins:
        axes.plot([found.predicted] * 2, [found.low, found.high], color="#0b5fa5", linewidth=1.6, alpha=0.5)
        axes.scatter(found.predicted, found.observed, s=60, color="#0b5fa5", edgecolors="white", zorder=3)
