"""Tables that are in memory already: polars, pandas and Arrow. Shards are slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from synthos.tables.reader import BATCH_ROWS, SHARD_ROWS, Reader, Shard


@dataclass(frozen=True)
class MemoryReader:
    """A frame that travels with its source, or the rows of it that ``part`` covers."""

    frame: pl.DataFrame
    name: str
    part: tuple[Shard, ...] = ()

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        return dict(self.frame.schema)

    @property
    def shards(self) -> tuple[Shard, ...]:
        if self.part:
            return self.part
        height = self.frame.height
        share = self.frame.estimated_size() / max(1, height)
        bounds = [(start, min(start + SHARD_ROWS, height)) for start in range(0, height, SHARD_ROWS)]
        return tuple(
            Shard(index, self.name, start, stop - start, int(share * (stop - start)), start, stop)
            for index, (start, stop) in enumerate(bounds)
        )

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        yield self.frame.select(columns).slice(shard.start - self._first, shard.stop - shard.start)

    def only(self, shards: Sequence[Shard]) -> Reader:
        first, last = shards[0].start - self._first, shards[-1].stop - self._first
        return MemoryReader(self.frame.slice(first, last - first), self.name, tuple(shards))

    @property
    def _first(self) -> int:
        """The table's row with which the frame begins."""
        return self.part[0].start if self.part else 0

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        return self
