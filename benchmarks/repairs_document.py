"""docs/fixes.md, from the trials of ``benchmarks.repairs``: what fixes promised and what came of them."""

from __future__ import annotations

from collections import Counter
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
the cascade, mended in every way that was recommended with a prediction, and measured anew on real rows that no part of
the validation was shown. *Loss* is what is foretold: the product's own forests, without a look at the reference's rows.
*u* is harm as `benchmarks/harm.py` measures it, on its own: other forests, other columns, absolute errors instead of
squared ones; the mean of {times} measurements. It is not the bench's own figure of the table as it was, which stands
beside it as *truth*: their columns and forests differ. All are 0 where models are as good as on real rows and 1 where
they are as bad as a constant. The default choice is what `synthos repair` applies where nothing is named. A drop is
right within ±{near:.0%} of the predicted one; one measured drop of u has a standard error of {error:.3f}. Cases of the
bench that are not listed were not run.
"""


def drops(row: Row) -> tuple[float, float]:
    """Predicted and measured drop of u of a trial that has a prediction."""
    before, after, _, _ = row["predicted"]
    return before - after, measured_drop(row)


def measured_drop(row: Row) -> float:
    """By how much the independently measured harm fell."""
    return float(np.mean(row["before"]) - np.mean(row["after"]))


def own_drop(row: Row) -> float | None:
    """By how much the product's own loss on unseen rows fell; None where it was not measured."""
    before, after = row.get("own") or (None, None)
    return None if before is None or after is None else before - after


def error_of_drop(rows: Sequence[Row]) -> float:
    """Standard error of a measured drop (a mean over its measurements), pooled over all trials; NaN without any."""
    spread = []
    for row in rows:
        if row["fix"] is not None:
            each = np.subtract(row["before"], row["after"])
            spread.append(each.var(ddof=1) / len(each))
    return float(np.sqrt(np.mean(spread))) if spread else float("nan")


def figures(rows: Sequence[Row]) -> dict[str, str]:
    """What came of the trials, in numbers; the default choice counts where it is not one of the fixes anyway."""
    tried = list(
        {(row["table"], row["key"], *sorted(row["ids"])): row for row in rows if row["fix"] is not None}.values()
    )
    promised = [row for row in tried if row["predicted"] is not None]
    error = error_of_drop(rows)
    near, inside, harmful, clearly = 0, 0, 0, 0
    for row in promised:
        said, came = drops(row)
        low, high = row["predicted"][2:]
        near += abs(came - said) <= NEAR * said
        inside += abs(came - said) <= NEAR * said or low - LEVEL * error <= came <= high + LEVEL * error
    for row in tried:
        harmful += measured_drop(row) < 0.0
        clearly += measured_drop(row) < -LEVEL * error
    own = [(drops(row)[0], lost) for row in promised if (lost := own_drop(row)) is not None]
    cases = {(row["table"], row["key"]) for row in rows}
    mended = {(row["table"], row["key"]) for row in tried}
    return {
        "tables": f"{len(cases)}, {len(mended)} of them with a fix",
        "fixes carried out": f"{len(tried)}, {len(promised)} with a prediction",
        f"drop of the loss on unseen rows within {NEAR:.0%} of the predicted one": _share(
            sum(abs(lost - said) <= NEAR * said for said, lost in own), len(own)
        ),
        f"drop of u within {NEAR:.0%} of the predicted one": _share(near, len(promised)),
        "that, or within the interval and the measurement's error": _share(inside, len(promised)),
        "harmful: u rose": _share(harmful, len(tried)),
        "harmful beyond the measurement's error": _share(clearly, len(tried)),
        "harmful: the loss on unseen rows rose": _share(sum(lost < 0.0 for _, lost in own), len(own)),
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
        "| table | case | truth | fix | rows | predicted loss | loss on unseen rows | u | predicted drop (interval) "
        "| drop of the loss | drop of u |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        start = f"| {row['table']} | {row['key']} | {row['truth']:.3f} |"
        if row["fix"] is None:
            found.append(f"{start} nothing helps | | | | {np.mean(row['before']):.3f} | | | |")
            continue
        said = row["predicted"]
        cells = [
            row["fix"] if row["fix"] == row["ids"][-1] else f"{row['fix']}: {', '.join(row['ids'])}",
            f"{row['rows'][0]:,} → {row['rows'][1]:,}",
            "" if said is None else f"{said[0]:.3f} → {said[1]:.3f}",
            "" if own_drop(row) is None else "{:.3f} → {:.3f}".format(*row["own"]),
            f"{np.mean(row['before']):.3f} → {np.mean(row['after']):.3f}",
            "" if said is None else f"{said[0] - said[1]:.3f} ({said[2]:.3f} to {said[3]:.3f})",
            _number(own_drop(row)),
            _number(measured_drop(row)),
        ]
        found.append(f"{start} {' | '.join(cells)} |")
    return found


def dropped(rows: Sequence[Row]) -> list[str]:
    """Why fixes that were tried are not recommended, with how many there are of each kind."""
    cases = {(row["table"], row["key"]): row.get("vain", ()) for row in rows}
    counts = Counter((item["kind"], item["why"]) for vain in cases.values() for item in vain)
    told = [f"| {kind} | {why} | {count} |" for (kind, why), count in sorted(counts.items(), key=lambda pair: -pair[1])]
    return ["| kind of fix | why it is left out | tables |", "|---|---|---|", *told] if told else []


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
    parts = [head, *summary, "", *lines(rows), ""]
    vain = dropped(rows)
    if vain:
        parts += ["## Tried, and not recommended", "", *vain, ""]
    target.write_text("\n".join(parts), encoding="utf-8")
