"""Rows per code in runs of consecutive rows: the fingerprints from which drift and regions are read.

Blocks begin small and double as a table turns out to be longer, inside each shard, so that shards of unknown length
can be scanned in any order and still give the same blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_BLOCKS = 2048
#: Most cells that all blocks together may take, so that very wide tables get fewer blocks instead of more memory.
MAX_CELLS = 1 << 24


@dataclass(frozen=True, slots=True)
class Blocks:
    """Per-block fingerprints of the full table, for drift and regions.

    Attributes
    ----------
    starts : first row of each block, counted from 0, ascending, shape (B,); block i ends where i+1 starts.
    counts : rows per code, shape (B, sum of codec sizes); columns of the codec lie side by side at ``offsets``.
    offsets : where each modelled column's codes begin in ``counts``, shape (modelled + 1,).
    """

    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShardBlocks:
    """The blocks of one shard: ``counts[i]`` covers its rows from ``i * block_rows`` on, the last one the rest."""

    block_rows: int
    rows: int
    counts: npt.NDArray[np.uint32]

    def coarsened(self, block_rows: int) -> ShardBlocks:
        """The same blocks joined into runs of ``block_rows``, a power of two times the present size."""
        if block_rows <= self.block_rows:
            return self
        starts = np.arange(0, len(self.counts), block_rows // self.block_rows)
        return ShardBlocks(block_rows, self.rows, np.add.reduceat(self.counts, starts, axis=0, dtype=np.uint32))


def offsets_of(sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Where each column starts when codes lie end to end, and where the last ends, shape (columns + 1,)."""
    return np.concatenate(([0], np.cumsum(np.asarray(sizes, np.int64)))).astype(np.int64)


def block_limit(sizes: Sequence[int]) -> int:
    """Most blocks that a table with these code sizes is cut into."""
    return max(64, min(MAX_BLOCKS, MAX_CELLS // max(sum(sizes), 1)))


def block_rows_for(rows: int, smallest: int, limit: int) -> int:
    """Rows per block: ``smallest``, doubled until ``rows`` rows make at most ``limit`` blocks."""
    size = smallest
    while rows > size * limit:
        size *= 2
    return size


def lay_out(shards: Sequence[ShardBlocks], sizes: Sequence[int], smallest: int) -> Blocks:
    """Blocks of the whole table from those of its shards in order; runs too short are joined to their neighbours."""
    offsets = offsets_of(sizes)
    total = sum(shard.rows for shard in shards)
    # Where rows could not be read there are fewer than the blocks were made for.
    made = max((shard.block_rows for shard in shards), default=smallest)
    size = max(block_rows_for(total, smallest, block_limit(sizes)), made)
    coarse = [shard.coarsened(size) for shard in shards if shard.rows]
    if not coarse:
        return Blocks(np.empty(0, np.int64), np.empty((0, int(offsets[-1])), np.uint32), offsets)
    lengths = np.concatenate([np.diff(np.append(np.arange(0, part.rows, size), part.rows)) for part in coarse])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    heads = [0]
    for index, start in enumerate(starts):
        if start - starts[heads[-1]] >= size:
            heads.append(index)
    if len(heads) > 1 and total - starts[heads[-1]] < max(size // 2, min(size, 50)):
        heads.pop()  # a short end tells too little by itself
    counts = np.add.reduceat(np.concatenate([part.counts for part in coarse]), heads, axis=0, dtype=np.uint32)
    return Blocks(starts[heads].astype(np.int64), counts, offsets)
