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
#: No table has more units than this.
MOST_UNITS = 1 << 32


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


def cut_from_json(content: bytes, groups: Sequence[int]) -> Cut | None:
    """The cut of a file whose row groups have so many rows.

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
    orderly = indices == sorted(set(indices)) and all(0 <= index < MOST_UNITS for index in indices)
    is_power = 0 < cut.length <= MOST_UNITS and cut.length & (cut.length - 1) == 0
    return cut if orderly and is_power and seen == row and 0 < cut.planned_rows <= row else None
