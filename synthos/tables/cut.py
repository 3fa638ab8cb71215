"""How a table is cut for scanning, where that is not left to its files: a repaired one is cut as the one before it.

Rows that a repair leaves as they were then stand in units of the same index, and need not be read again. The cut
travels in the file, so that a table gives the same verdict wherever it lies and whatever is kept there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

#: The name of a cut among a Parquet file's metadata.
KEY = b"synthos.cut"
#: A cut has no more units, and none of a higher index, than so many times those that the table would have without it,
#: and no more rows than so many times those that it was planned for: what strangers wrote must not cost what they like.
MOST_TIMES, MOST_MORE, MOST_GROWN = 4, 64, 8


@dataclass(frozen=True, slots=True)
class Cut:
    """A table's units, in order.

    Attributes
    ----------
    units : (index, rows) of every unit that has rows, by ascending index.
    length : units of a span, a power of two; a span holds those of indices ``[i * length, (i + 1) * length)``.
    planned_rows : the table has so many rows at least; see ``ScanPlan.total_rows``.
    """

    units: tuple[tuple[int, int], ...]
    length: int
    planned_rows: int

    def to_json(self) -> bytes:
        return _CUTS.dump_json(self)


_CUTS = TypeAdapter(Cut)


def cut_from_json(content: bytes, groups: Sequence[int], usual: int) -> Cut | None:
    """The cut of a file whose row groups have so many rows, and that would be cut into ``usual`` units without it.

    None where it does not fit them: other programs hand metadata on with rows that they have changed.
    """
    try:
        cut = _CUTS.validate_json(content)
    except ValidationError:
        return None
    ends, row = {0}, 0
    for rows in groups:
        row += rows
        ends.add(row)
    indices = [index for index, _ in cut.units]
    seen = 0
    for _, rows in cut.units:
        seen += rows
        if rows < 1 or seen not in ends:
            return None
    orderly = indices == sorted(set(indices)) and all(0 <= index <= _most(len(indices)) for index in indices)
    planned = _is_power(cut.planned_rows) and cut.planned_rows <= row <= MOST_GROWN * cut.planned_rows
    short = _is_power(cut.length) and cut.length <= _most(len(indices))
    fits = seen == row and len(indices) <= _most(usual)
    return cut if orderly and planned and short and fits else None


def _most(count: int) -> int:
    return MOST_TIMES * count + MOST_MORE


def _is_power(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
