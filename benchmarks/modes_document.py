"""The document of the three modes, from the logs of ``benchmarks.modes`` and ``benchmarks.memorised``.

    python -m benchmarks.modes_document --large LOG --small LOG --memorised LOG --write docs/modes.md

Cases count in a bench's figures where all three modes have an answer in the log; figures that need harm leave those out
whose harm was not measured.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.memorised import summary
from benchmarks.merit import brier_skill, calibration_slope, detection, rank_correlation
from benchmarks.modes import MODES
from benchmarks.truth import COLLAPSED, Row, read_log

NONE = "–"
INTRO = f"""# Without a reference, with one, and with a holdout

`synthos validate S` alone, `synthos validate S -r R`, and `synthos validate S -r R --holdout H`, measured the same way:
quick mode (forests of ten trees, no cascade), every case in all three modes. Harm is the measured utility loss; a table
has collapsed where it is above {COLLAPSED}. Tables whose harm nobody measured (`leak20`, where the bench has none)
count for copies alone. How sure a share of copies must be to be flagged was set on other draws of two of the small
tables.
Made by

    python -m benchmarks.modes --bench DIR --log large.jsonl            # and again for the small bench
    python -m benchmarks.memorised --bench DIR SMALL_DIR --out memorised.jsonl
    python -m benchmarks.modes_document --large large.jsonl --small small.jsonl --memorised memorised.jsonl \\
        --write docs/modes.md

Read the figures with this in mind:

- **Alone**, the figures are what can be had from one table: repeats, and changes along its rows. Lost values, lost
  dependence and lost rare patterns leave no trace there. The answer is a lower bound of the risk, its interval ends at
  100, no probability is stated, and no table is approved.
- **Reference**: the judges are rows that the generator has seen; what it gains by that is estimated.
- **Holdout** is flattered on both benches: their `holdout.parquet` also measured the harm, so that judge and truth are
  the same rows. It cannot be cut in two, since the truth is of all of it. What the mode is worth on other rows, these
  figures do not say.
- The model of the probability was fitted on the tables of the large bench, and on none of the small one, whose harm
  counts other columns than the verdict does: the verdict may be above or below it on the very same rows.
"""


def complete(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The answers by mode, of the cases that all modes have answered, in the same order."""
    by_case: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by_case.setdefault((row["table"], row["key"]), {})[row["mode"]] = row
    whole = [answers for answers in by_case.values() if len(answers) == len(MODES)]
    return {mode: [answers[mode] for answers in whole] for mode in MODES}


def figures(rows: Sequence[Row]) -> Iterator[tuple[str, float | None]]:
    """Figures of merit of one mode. Refused cases have no risk and are left out of all but the counts."""
    known = [row for row in rows if row["utility_loss"] is not None and row["risk_score"] is not None]
    harm = np.array([row["utility_loss"] for row in known], float)
    risk = np.array([row["risk_score"] for row in known], float)
    names = list(dict.fromkeys(row["table"] for row in rows))
    for name in sorted(names):
        here = np.array([row["table"] == name for row in known], bool)
        yield f"rank correlation with the harm, {name}", rank_correlation(risk[here], harm[here])
    told = [row for row in known if row["collapse_probability"] is not None]
    chance = np.array([row["collapse_probability"] for row in told], float)
    collapsed = np.array([row["utility_loss"] > COLLAPSED for row in told], bool)
    yield f"AUROC of harm > {COLLAPSED}", detection(chance, collapsed) if told else None
    yield "Brier skill", brier_skill(chance, collapsed) if told else None
    yield "calibration slope", calibration_slope(chance, collapsed) if told else None
    ends = np.array([row["probability_interval"] for row in told], float)
    yield "width of the probability's interval, median", float(np.median(ends[:, 1] - ends[:, 0])) if told else None
    sound = [row["risk_score"] for row in known if row["family"] == "healthy"]
    yield "highest risk of fresh real rows", max(sound) if sound else None


def decided(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    """Decisions, by what the harm was."""
    found: dict[str, Counter[str]] = {"sound": Counter(), "collapsed": Counter()}
    for row in rows:
        if row["utility_loss"] is not None:
            found["collapsed" if row["utility_loss"] > COLLAPSED else "sound"][row["decision"]] += 1
    return found


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *lines)]
    return "\n".join(rows) + "\n"


def part(title: str, rows: Sequence[Row]) -> str:
    """One bench: figures, decisions, copies, and what is left open."""
    modes = complete(rows)
    if not modes["alone"]:
        return f"\n## {title}\n\nNo case has been judged in all three modes yet.\n"
    count, names = len(modes["alone"]), sorted({row["table"] for row in modes["alone"]})
    keys = ", ".join(f"`{key}`" for key in dict.fromkeys(row["key"] for row in modes["alone"]))
    asked = len(names) * len({row["key"] for row in modes["alone"]})
    short = "" if count == asked else "; not of every table all of them"
    each = {mode: dict(figures(answers)) for mode, answers in modes.items()}
    lines = [[name, *(shown(each[mode][name]) for mode in MODES)] for name in each["alone"]]
    lines.append(["cases judged", *(str(sum(r["risk_score"] is not None for r in modes[m])) for m in MODES)])
    text = f"\n## {title}\n\n{count} cases of {', '.join(names)}: {keys}{short}.\n\n"
    text += table(["", *MODES], lines)
    text += "\nDecisions:\n\n" + table(
        ["harm", "decision", *MODES],
        [
            [harm, decision, *(str(decided(modes[mode])[harm][decision]) for mode in MODES)]
            for harm in ("sound", "collapsed")
            for decision in ("approved", "fix_first", "rejected", "inconclusive", "refused")
        ],
    )
    text += "\nCopies of reference rows beyond chance, flagged of those asked (largest share stated):\n\n"
    families = list(dict.fromkeys(row["family"] for row in modes["alone"]))
    told = ("reference", "holdout")
    text += table(["family", *told], [[f, *(copies(modes[mode], f) for mode in told)] for f in families])
    text += "\nLeft open, share of the cases in which it is said:\n\n"
    return text + table(["", *MODES], [[what, *(said(modes[mode], start) for mode in MODES)] for what, start in OPEN])


#: What is left open, and how the sentence that says so begins.
OPEN = (
    ("values, dependence, rare patterns, copies", "Without real rows it cannot be known"),
    ("loop and scale (the quick mode)", "Loop and scale are left open"),
    ("what knowing the judges hides", "The forests were judged on rows of the reference"),
    ("how many copies are usual", "How many copies are usual"),
    ("whether rows were memorised", "Whether rows were memorised"),
    ("correlation preservation", "Correlation preservation was not judged"),
    ("temporal stability", "Temporal stability was not judged"),
    ("statistical integrity", "Statistical integrity was not judged"),
)


def said(rows: Sequence[Row], start: str) -> str:
    """How often a question that begins so is left open."""
    asked = [row for row in rows if "open" in row]
    return percent(sum(any(text.startswith(start) for text in row["open"]) for row in asked), len(asked))


def copies(rows: Sequence[Row], family: str) -> str:
    """Flagged cases of a family, of those asked, with the largest share."""
    found = [row["memorisation"] for row in rows if row["family"] == family and "flagged" in row["memorisation"]]
    if not found:
        return NONE
    share = max(item["share"] for item in found)
    return f"{sum(item['flagged'] for item in found)} of {len(found)} ({100 * share:.1f} %)"


def percent(count: int, of: int) -> str:
    return f"{100 * count / of:.0f} %" if of else NONE


def shown(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def draws(rows: Sequence[Row]) -> str:
    """The part about small sizes."""
    sizes = sorted({row["rows"] for row in rows})
    names = sorted({row["table"] for row in rows})
    text = (
        f"\n## Copies at small sizes\n\nRandom draws of {', '.join(f'{size:,}' for size in sizes)} rows of "
        f"{', '.join(names)} (reference, fresh rows and holdout each), "
        f"{len({(row['table'], row['rows'], row['draw']) for row in rows})} in all. Flagged of those asked; the middle "
        "share with half the width of its interval. `blurred` are reference rows whose numbers were moved by a "
        "hundredth of a standard deviation; what is a number in few values, or a table of few columns, then no "
        "longer stands beside its row and alone.\n\n"
    )
    lines = []
    for size in sizes:
        for row in summary([item for item in rows if item["rows"] == size]):
            share = NONE if row["share"] is None else f"{100 * row['share']:.1f} ± {50 * row['width']:.1f} %"
            lines.append([f"{size:,}", row["kind"], row["mode"], f"{row['flagged']} of {row['asked']}", share])
    missed = Counter(
        (row["table"], row["kind"], row["rows"])
        for row in rows
        if row["kind"] in ("leak20", "bootstrap") and not row["flagged"]
    )
    accused = Counter((row["table"], row["rows"]) for row in rows if row["kind"] == "real" and row["flagged"])
    text += table(["rows", "kind", "mode", "flagged", "share"], lines)
    text += "\nMissed leaks of a fifth and bootstraps: " + (
        "; ".join(f"{name} {kind} at {size:,} rows ({n})" for (name, kind, size), n in missed.items()) or "none"
    )
    return text + f". Fresh real rows accused: {sum(accused.values()) or 'none'}.\n"


def document(large: Sequence[Row], small: Sequence[Row], memorised: Sequence[Row]) -> str:
    """The whole document."""
    text = INTRO
    text += part("The large bench: 8,000 rows", large)
    text += part("The small bench: packaged tables of 600 to 6,700 rows", small)
    return text + (draws(memorised) if memorised else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write what each mode knows.")
    for name in ("large", "small", "memorised"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"JSON lines of the {name} log")
    parser.add_argument("--write", type=Path, help="file to write; shown where none is given")
    options = parser.parse_args()
    text = document(*(list(read_log(log)) for log in (options.large, options.small, options.memorised)))
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
