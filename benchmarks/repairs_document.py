"""docs/fixes.md, from the trials of ``benchmarks.repairs``: what fixes promised and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.truth import Row

#: A prediction is right within this share of itself.
NEAR = 0.3
#: Standard errors that a measured drop may be away from what is said of it.
LEVEL = 1.96

HEAD = """# Do the fixes work?

Generated: `python -m benchmarks.repairs --bench DIR --write docs/fixes.md`, {cases} tables. Each was validated without
the cascade, mended in every way that was recommended with a prediction, and measured anew: u is the utility loss of
random forests on real rows that no part of the validation was shown (0 as good as real rows, 1 as bad as a constant),
the mean of {times} measurements. *Predicted* is what the recommendation said of u before and after, *drop* the measured
one beside the predicted one with its interval. The default choice is what `synthos repair` applies where nothing is
named. A drop is right within ±{near:.0%} of the predicted one; one measured drop has a standard error of {error:.3f}.
"""


def drops(row: Row) -> tuple[float, float]:
    """Predicted and measured drop of u of a trial that has a prediction."""
    before, after, _, _ = row["predicted"]
    return before - after, float(np.mean(row["before"]) - np.mean(row["after"]))


def error_of_drop(rows: Sequence[Row]) -> float:
    """Standard error of a measured drop (a mean over its measurements), pooled over all trials; NaN without any."""
    spread = []
    for row in rows:
        if row["fix"] is not None:
            each = np.subtract(row["before"], row["after"])
            spread.append(each.var(ddof=1) / len(each))
    return float(np.sqrt(np.mean(spread))) if spread else float("nan")


def figures(rows: Sequence[Row]) -> dict[str, str]:
    """What came of the trials, in numbers."""
    tried = [row for row in rows if row["fix"] is not None]
    promised = [row for row in tried if row["predicted"] is not None]
    error = error_of_drop(rows)
    near, inside, harmful, clearly = 0, 0, 0, 0
    for row in promised:
        said, came = drops(row)
        low, high = row["predicted"][2:]
        near += abs(came - said) <= NEAR * said
        inside += abs(came - said) <= NEAR * said or low - LEVEL * error <= came <= high + LEVEL * error
    for row in tried:
        came = float(np.mean(row["before"]) - np.mean(row["after"]))
        harmful += came < 0.0
        clearly += came < -LEVEL * error
    cases = {(row["table"], row["key"]) for row in rows}
    mended = {(row["table"], row["key"]) for row in tried}
    return {
        "tables": f"{len(cases)}, {len(mended)} of them with a fix",
        "fixes carried out": f"{len(tried)}, {len(promised)} with a prediction",
        f"measured drop within {NEAR:.0%} of the predicted one": _share(near, len(promised)),
        "that, or within the interval and the measurement's error": _share(inside, len(promised)),
        "harmful: u rose": _share(harmful, len(tried)),
        "harmful beyond the measurement's error": _share(clearly, len(tried)),
        "standard error of a measured drop": f"{error:.4f}",
        "processor seconds for verdict and gains, median and most": _seconds(rows),
    }


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.2f})" if whole else "")


def _seconds(rows: Sequence[Row]) -> str:
    taken = list({(row["table"], row["key"]): row["seconds"] for row in rows}.values())
    return f"{np.median(taken):.1f}, {max(taken):.1f}" if taken else "-"


def lines(rows: Sequence[Row]) -> list[str]:
    """A Markdown table, a line a trial."""
    found = [
        "| table | case | fix | rows | u before | predicted | u after | predicted | drop | predicted (interval) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        before = float(np.mean(row["before"]))
        start = f"| {row['table']} | {row['key']} |"
        if row["fix"] is None:
            found.append(f"{start} nothing helps | | {before:.3f} | | | | | |")
            continue
        after = float(np.mean(row["after"]))
        said = row["predicted"] or [None] * 4
        drop = "" if said[0] is None else f"{said[0] - said[1]:.3f} ({said[2]:.3f} to {said[3]:.3f})"
        cells = [
            row["fix"] if row["fix"] == row["ids"][-1] else f"{row['fix']}: {', '.join(row['ids'])}",
            f"{row['rows'][0]:,} → {row['rows'][1]:,}",
            f"{before:.3f}",
            _number(said[0]),
            f"{after:.3f}",
            _number(said[1]),
            f"{before - after:.3f}",
            drop,
        ]
        found.append(f"{start} {' | '.join(cells)} |")
    return found


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def write(rows: Sequence[Row], target: Path) -> None:
    """Write the document."""
    head = HEAD.format(
        cases=len({(row["table"], row["key"]) for row in rows}),
        times=len(rows[0]["before"]),
        near=NEAR,
        error=error_of_drop(rows),
    )
    summary = [f"- {name}: {value}" for name, value in figures(rows).items()]
    target.write_text("\n".join([head, *summary, "", *lines(rows), ""]), encoding="utf-8")
