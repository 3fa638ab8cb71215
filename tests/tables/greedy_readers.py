"""Readers that want more memory than there is as soon as they are to hold more than a few rows at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from synthos.tables.reader import BATCH_ROWS, Reader, Shard


@dataclass(frozen=True)
class GreedyReader:
    """The table of another reader, of which no more than ``fitting`` rows fit into memory.

    ``driver``: the process that has memory enough. Others do not come to say that they have too little: they die.
    """

    inner: Reader
    fitting: int
    driver: int | None = None

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        return self.inner.dtypes

    @property
    def shards(self) -> tuple[Shard, ...]:
        return self.inner.shards

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        rows = 0
        for frame in self.inner.read(shard, columns, most):
            for part in frame.iter_slices(most):
                rows += part.height
                if most > self.fitting and rows > self.fitting and self.driver is None:
                    raise MemoryError
                if most > self.fitting and self.driver not in (None, os.getpid()):
                    os._exit(1)
                yield part

    def only(self, shards: Sequence[Shard]) -> Reader:
        return replace(self, inner=self.inner.only(shards))

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        return replace(self, inner=self.inner.retyped(dtypes))
