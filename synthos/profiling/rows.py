"""The stratified sample: every shard keeps its lowest-priority rows, and gives as many as its share of the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.hashing import Hashes, priorities
from synthos.tables.types import compact


@dataclass(frozen=True, slots=True)
class ShardRows:
    """The kept rows of one shard. ``positions`` count from 0 within the shard, ascending; ``seen`` rows were read."""

    seen: int
    positions: npt.NDArray[np.int64]
    priorities: Hashes
    frame: pl.DataFrame

    def lowest(self, count: int) -> ShardRows:
        """The ``count`` rows of lowest priority (all where there are fewer), in row order."""
        if count >= len(self.positions):
            return self
        # Priorities are distinct: positions pass through bijections of 64-bit words.
        chosen = np.flatnonzero(self.priorities <= _smallest(self.priorities, count)) if count else np.empty(0, int)
        frame = compact(self.frame[chosen])
        return ShardRows(self.seen, self.positions[chosen], self.priorities[chosen], frame)


def _smallest(ranks: Hashes, count: int) -> np.uint64:
    """The ``count``-th smallest of random words, of which few need looking at where ``count`` is small."""
    low = ranks[ranks < np.uint64(min((1 << 64) - 1, (1 << 64) // len(ranks) * (2 * count + 50)))]
    pool = low if len(low) >= count else ranks
    smallest: np.uint64 = np.partition(pool, count - 1)[count - 1]
    return smallest


class RowKeeper:
    """Keeps the lowest-priority rows of a shard while its batches pass."""

    def __init__(self, shard: int, seed: int, capacity: int) -> None:
        self._shard, self._seed, self._capacity = shard, seed, capacity
        self._seen = 0
        self._limit: np.uint64 | None = None
        self._positions: list[npt.NDArray[np.int64]] = []
        self._priorities: list[Hashes] = []
        self._frames: list[pl.DataFrame] = []
        self._held = 0

    def add(self, batch: pl.DataFrame) -> None:
        ranks = priorities(self._seed, self._shard, self._seen, batch.height)
        if self._limit is None and batch.height > self._capacity:
            self._limit = _smallest(ranks, self._capacity)
        chosen = np.arange(batch.height) if self._limit is None else np.flatnonzero(ranks <= self._limit)
        if len(chosen):
            self._positions.append(chosen + self._seen)
            self._priorities.append(ranks[chosen])
            self._frames.append(batch if len(chosen) == batch.height else compact(batch[chosen]))
            self._held += len(chosen)
        self._seen += batch.height
        if self._held > 2 * self._capacity:
            self._shrink()

    def _shrink(self) -> None:
        kept = self._joined().lowest(self._capacity)
        self._positions, self._priorities, self._frames = [kept.positions], [kept.priorities], [kept.frame]
        self._held = len(kept.positions)
        self._limit = kept.priorities.max()

    def _joined(self) -> ShardRows:
        return ShardRows(
            self._seen,
            np.concatenate(self._positions),
            np.concatenate(self._priorities),
            pl.concat(self._frames, how="vertical_relaxed", rechunk=True),
        )

    def kept(self) -> ShardRows | None:
        """What was kept, or None where no row was read."""
        return self._joined().lowest(self._capacity) if self._frames else None


def ceiling(rows: int, total: int, sample_rows: int) -> int:
    """Most rows that a shard of ``rows`` can be asked for once the table has at least ``total`` rows."""
    return min(rows, math.ceil(rows * sample_rows / max(total, 1)) + 1)


def allot(rows: Sequence[int], sample_rows: int) -> list[int]:
    """How many rows each shard gives: its share by largest remainder, all of them where the table fits.

    >>> allot([50, 30, 20], 10)
    [5, 3, 2]
    """
    total = sum(rows)
    if total <= sample_rows:
        return list(rows)
    quotas = [divmod(count * sample_rows, total) for count in rows]
    given = [whole for whole, _ in quotas]
    order = sorted(range(len(rows)), key=lambda index: (-quotas[index][1], index))
    for index in order[: sample_rows - sum(given)]:
        given[index] += 1
    return given


def assemble(shards: Sequence[ShardRows], sample_rows: int) -> tuple[pl.DataFrame, npt.NDArray[np.int64]]:
    """The sample in table order from the shards in order, and its rows' positions in the table."""
    given = allot([shard.seen for shard in shards], sample_rows)
    firsts = np.concatenate(([0], np.cumsum([shard.seen for shard in shards])))
    chosen = [shard.lowest(count) for shard, count in zip(shards, given, strict=True)]
    frame = pl.concat([shard.frame for shard in chosen], how="vertical_relaxed", rechunk=True)
    rows = np.concatenate([shard.positions + first for shard, first in zip(chosen, firsts[:-1], strict=True)])
    return frame, rows.astype(np.int64)
