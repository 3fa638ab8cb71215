"""What is done where memory does not hold what was to be read: the same again, fewer rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

from synthos.errors import TooLargeError
from synthos.tables.files import shown
from synthos.tables.reader import BATCH_ROWS, Shard

#: Most rows that are held at once, from one attempt to the next.
STEPS = (BATCH_ROWS, 8_192, 512, 32, 1)


def steps_from(step: int) -> tuple[int, ...]:
    """The attempts that are left to one that holds ``step`` rows at once, itself the first.

    >>> steps_from(600)
    (600, 512, 32, 1)
    """
    return (step, *(smaller for smaller in STEPS if smaller < step))


def too_large(shards: Sequence[Shard], *, died: bool = False) -> TooLargeError:
    """The error to raise where neighbouring shards cannot be read even row by row.

    ``died``: whoever read them is no more, so that for want of what can only be supposed.
    """
    first, last = shards[0], shards[-1]
    rows = f"rows {first.offset:,} to {last.offset + last.rows - 1:,} of the table"
    known = f"{rows} do not fit into memory, however few are read at once"
    supposed = f"every process that reads {rows} dies, however few it reads at once, most likely for want of memory"
    return TooLargeError(
        supposed if died else known,
        where=shown(first.path) if first.path == last.path else f"{shown(first.path)} to {shown(last.path)}",
        fix="give each worker more memory, or write the table with smaller row groups or shorter values",
        row=first.offset,
    )
