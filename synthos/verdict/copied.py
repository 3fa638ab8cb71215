"""What the verdict says of copies of reference rows: how many, how sure, and what is not known."""

from __future__ import annotations

from synthos.dimensions.memorisation import HIDDEN, Copies, Memorisation
from synthos.results import Interval, NotApplicable
from synthos.verdict.thresholds import Thresholds

Answer = Memorisation | NotApplicable | None
#: An interval that reaches beyond this share leaves the question open.
OPEN_ABOVE = 0.1


def about_copies(answer: Answer) -> tuple[str, ...]:
    """One sentence where copies were looked for: flagged, a few, or none, with the interval and what is usual."""
    if not isinstance(answer, Memorisation):
        return ()
    if answer.flagged:
        return (
            f"Memorised: {_share(answer.share)} of its rows (95 % interval {_span(answer.interval)}) are copies of "
            f"reference rows, beyond what {_usual(answer)}: {_counts(answer)}. Train the generator anew; "
            "rows that equal one of the reference can be left out.",
        )
    if answer.interval.low > 0.0:
        return (
            f"A few copies of reference rows: {_share(answer.share)} of its rows (95 % interval "
            f"{_span(answer.interval)}) beyond what {_usual(answer)}; not surely enough to call them memorised.",
        )
    if most(answer) > OPEN_ABOVE:
        return ()
    return (
        f"No memorised rows were found: copies of reference rows, exact or nearly, beyond what {_usual(answer)} are at "
        f"most {_share(most(answer))} of its rows.",
    )


def fault_of_copies(answer: Answer, limits: Thresholds) -> tuple[str, ...]:
    """What is left to mend where so many rows are surely copied that the table should not pass as it is."""
    if isinstance(answer, Memorisation) and answer.flagged and answer.interval.low > limits.most_copied:
        return (f"{_share(answer.share)} of its rows are copies of reference rows",)
    return ()


def copies_left_open(answer: Answer) -> tuple[str, ...]:
    """What cannot be said of copies although there is a reference, and why."""
    if isinstance(answer, NotApplicable):
        return (f"Whether rows were memorised is left open: {answer.reason}.",) if answer == HIDDEN else ()
    if answer is None or answer.flagged:
        return ()
    found = []
    if most(answer) > OPEN_ABOVE:
        found.append(
            f"Whether rows were memorised is left open: up to {_share(most(answer))} of them may be copies of "
            "reference rows, since so many real rows are alike."
        )
    if answer.against == "reference":
        found.append(
            "How many copies are usual was read off the reference's rows among themselves; real rows that the "
            "generator never saw would show it directly: give them with --holdout."
        )
    return tuple(found)


def most(answer: Memorisation) -> float:
    """The upper end for copies of either kind: that of near ones, which count the exact ones too, where it is known."""
    counts = [count for count in (answer.near, answer.exact) if isinstance(count, Copies)]
    return counts[0].interval.high if counts else 1.0


def _counts(answer: Memorisation) -> str:
    """Both counts as they were seen, each with what is usual."""
    parts = []
    if isinstance(answer.exact, Copies):
        parts.append(f"{_share(answer.exact.seen)} equal a single one of them (usual {_share(answer.exact.usual)})")
    if isinstance(answer.near, Copies):
        parts.append(
            f"{_share(answer.near.seen)} are far nearer to one than to the next (usual {_share(answer.near.usual)})"
        )
    return ", ".join(parts)


def _usual(answer: Memorisation) -> str:
    if answer.against == "holdout":
        return "rows of the holdout show"
    return "reference rows show among themselves"


def _share(value: float) -> str:
    """A share that is rounded neither to none nor to all."""
    text = f"{value:.0%}" if value == 1.0 or 0.1 <= value < 0.995 else f"{value:.1%}"
    return text.replace("%", " %")


def _span(interval: Interval) -> str:
    return f"{_share(interval.low)} to {_share(interval.high)}"
