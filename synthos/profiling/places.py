"""Where rows that were read stand in the table, of which others could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from synthos.tables.reader import Shard

#: Runs of rows that were read one after the other: (first of them, counted among those read; its row in the table).
Places = tuple[tuple[int, int], ...]
Rows = npt.NDArray[np.int64]


def places_of(shards: Sequence[Shard]) -> Places:
    """The runs that neighbouring shards, some of which may be missing, make."""
    runs: list[tuple[int, int]] = []
    read = 0
    for shard in shards:
        if not runs or shard.offset - runs[-1][1] != read - runs[-1][0]:
            runs.append((read, shard.offset))
        read += shard.rows
    return tuple(runs)


def located(parts: Sequence[tuple[int, Places | None]]) -> Callable[[Rows], Rows]:
    """From rows counted among those that were read to rows of the table.

    ``parts`` are (rows read, their runs) in table order; a part without runs follows the one before it.
    """
    firsts: list[int] = []
    table: list[int] = []
    read = 0
    for rows, places in parts:
        for first, row in places if places is not None else ((0, read),):
            firsts.append(read + first)
            table.append(row)
        read += rows
    starts, rows_there = np.asarray(firsts, np.int64), np.asarray(table, np.int64)

    def locate(positions: Rows) -> Rows:
        run = np.searchsorted(starts, positions, side="right") - 1
        return positions - starts[run] + rows_there[run]

    return locate
