"""What a table format must offer: one small protocol, one file per format beside this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

#: No frame that ``Source.read`` yields is longer, and none of several rows much larger.
BATCH_ROWS, BATCH_BYTES = 131_072, 32 * 2**20
#: Shards of files that do not bring units of their own (row groups, record batches) have about this many rows.
SHARD_ROWS = 262_144
#: Row groups and record batches are gathered into shards of up to so many bytes.
SHARD_BYTES = 64 * 2**20
#: Shards that are small are scanned together, up to so many rows and bytes.
UNIT_ROWS, UNIT_BYTES = SHARD_ROWS // 2, 32 * 2**20
#: Nor are more of them scanned together: opening so many files takes as long as reading a large one.
UNIT_SHARDS = 1_024


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of neighbouring rows that one worker reads alone.

    Attributes
    ----------
    index : position among the table's shards, in table order.
    path : the file it lies in (the table's name for tables in memory).
    offset : its first row in the table, counted from 0.
    rows : how many rows it has.
    bytes : roughly how many bytes its rows take, decompressed where that is known, for planning.
    start, stop : where it lies in its file, in the format's own unit (rows, record batches or bytes).
    line : for text, the line of the file (counted from 1) on which it begins.
    version : of its file; another one where its contents changed. None where that cannot be known.
    """

    index: int
    path: str
    offset: int
    rows: int
    bytes: int
    start: int = 0
    stop: int = 0
    line: int = 1
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Neighbouring shards that are scanned as one, so that a folder of small files is no folder of small tasks."""

    index: int
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """Rows of all its shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def offset(self) -> int:
        """Its first row in the table, counted from 0."""
        return self.shards[0].offset


def rows_within(size: int, rows: int, most: int = BATCH_BYTES) -> int:
    """How many of ``rows`` rows that take ``size`` bytes together fit into ``most`` bytes; one at least.

    >>> rows_within(300 * 2**20, 300)
    32
    """
    return max(1, rows * most // max(size, 1))


def units(shards: Sequence[Shard]) -> tuple[Unit, ...]:
    """The shards in table order, small neighbours together. Shards that are added behind leave all but the last."""
    gathered: list[list[Shard]] = []
    rows = size = 0
    for shard in shards:
        rows, size = rows + shard.rows, size + shard.bytes
        if not gathered or rows > UNIT_ROWS or size > UNIT_BYTES or len(gathered[-1]) == UNIT_SHARDS:
            gathered.append([])
            rows, size = shard.rows, shard.bytes
        gathered[-1].append(shard)
    return tuple(Unit(index, tuple(together)) for index, together in enumerate(gathered))


class Reader(Protocol):
    """An opened table of one format. Picklable: it travels to the workers that read its shards.

    Attributes
    ----------
    dtypes : the types in which the format stores each column, by name, in file order.
    shards : fixed by the files alone, in table order.
    """

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]: ...

    @property
    def shards(self) -> tuple[Shard, ...]: ...

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        """Frames of any height with exactly ``columns``, in row order; types are brought into line by the source.

        With ``most`` below ``BATCH_ROWS`` memory is short: about so many rows are held at once, as far as the format
        lets rows be read apart.
        """
        ...

    def only(self, shards: Sequence[Shard]) -> Reader:
        """What of the table its reader needs to know to read these shards: it travels to a worker of its own."""
        ...

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        """The same table with columns read as other types, for text, whose types are only inferred."""
        ...
