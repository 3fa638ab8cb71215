"""What forests learn of each column: a strip from a constant guess (0) to real rows (100 %), synthetic rows between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthos.reporting import numbers
from synthos.results import ColumnUtility

#: Columns drawn at most; the table names all of them.
MOST_STRIPS = 14
#: Per cent of the strip's width where a constant and where real rows stand; what lies beyond is drawn at the ends.
CONSTANT, REAL = 7.0, 93.0
EDGE = 2.0
#: Losses from which a column is called bad, and middling: those that make a risk of 50 and of 20.
BAD, MIDDLING = 0.3, 0.1
#: A hidden part below this is no wider than its own mark.
VISIBLE = 0.005


@dataclass(frozen=True, slots=True)
class Learned:
    """One column's strip. Positions in per cent of its width.

    Attributes
    ----------
    at : how much synthetic rows teach, without what was known by heart.
    seeming : how much they seem to teach with it; None where nothing is hidden.
    beyond : the end that ``at`` lies beyond, where it does: worse than a constant, or better than real rows.
    tone : the palette's colour for the loss.
    words : the strip for those who cannot see it.
    """

    column: ColumnUtility
    at: float
    seeming: float | None
    beyond: str | None
    tone: str
    words: str


def position(taught: float) -> float:
    """Where a share of what can be learned stands: 0 at ``CONSTANT``, 1 at ``REAL``, outside within the margins."""
    return round(min(max(CONSTANT + (REAL - CONSTANT) * taught, EDGE), 100.0 - EDGE), 2)


def learned(columns: Sequence[ColumnUtility]) -> tuple[Learned, ...]:
    """The strips of the columns that lose most, worst first."""
    worst = sorted(columns, key=lambda column: (-column.loss, column.column))
    return tuple(_strip(column) for column in worst[:MOST_STRIPS])


def _strip(column: ColumnUtility) -> Learned:
    taught = 1.0 - column.loss
    raw = CONSTANT + (REAL - CONSTANT) * taught
    hides = column.hidden >= VISIBLE
    words = f"{numbers.short(column.column, 60)}: {described(column.loss)}"
    if hides:
        words += f"; {numbers.percent(column.hidden)} of it hidden by rows known by heart"
    return Learned(
        column=column,
        at=position(taught),
        seeming=position(1.0 - column.loss + column.hidden) if hides else None,
        beyond="low" if raw < EDGE else "high" if raw > 100.0 - EDGE else None,
        tone="bad" if column.loss >= BAD else "middling" if column.loss >= MIDDLING else "good",
        words=words,
    )


def described(loss: float) -> str:
    """A loss in words.

    >>> described(0.21), described(1.2), described(0.0)
    ('21 % of what real rows teach is lost', 'worse than a constant guess (loss 120 %)', 'nothing is lost')
    """
    if loss > 1.0:
        return f"worse than a constant guess (loss {numbers.percent(loss)})"
    if loss <= 0.0:
        return "nothing is lost"
    return f"{numbers.percent(loss)} of what real rows teach is lost"
