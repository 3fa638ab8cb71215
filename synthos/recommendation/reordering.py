"""Another order for the rows of a table that need not fit into memory: into buckets first, then each is sorted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from synthos.recommendation.mending import uniforms

BUCKET_ROWS = 500_000
MOST_BUCKETS = 256
_KEY = "__synthos_order__"
_SALT = 11


class Reordering:
    """Takes frames in any order and gives all rows back sorted by a column, or shuffled where ``by`` is None.

    ``sampled`` are values of the column that cut it into buckets of like size (ignored for a shuffle). Rows with a
    null in the column come last. Holds one bucket in memory; the rest lies in ``folder``.
    """

    def __init__(self, folder: Path, by: str | None, rows: int, seed: int, sampled: pl.Series | None = None) -> None:
        self._folder, self._by, self._seed = folder, by, seed
        self._buckets = max(1, min(MOST_BUCKETS, -(-rows // BUCKET_ROWS)))
        self._seen = 0
        self._writers: dict[int, pq.ParquetWriter] = {}
        self._cuts: pl.Series | None = None
        if sampled is not None and self._buckets > 1:
            known = sampled.drop_nulls().sort()
            places = (np.arange(1, self._buckets) * known.len()) // self._buckets
            self._cuts = known.gather(places.tolist()).unique().sort() if known.len() else None

    def add(self, frame: pl.DataFrame) -> None:
        keys = uniforms(np.arange(self._seen, self._seen + frame.height), self._seed, _SALT)
        self._seen += frame.height
        if self._by is None:
            bucket = (keys * self._buckets).astype(np.int64)
        elif self._cuts is None:
            bucket = np.zeros(frame.height, np.int64)
        else:
            column = frame[self._by]
            found = np.asarray(self._cuts.search_sorted(column, side="right"), np.int64)
            bucket = np.where(column.is_null().to_numpy(), len(self._cuts), found)
        keyed = frame.with_columns(pl.Series(_KEY, keys))
        for number in np.unique(bucket):
            table = keyed.filter(pl.Series(bucket == number)).to_arrow()
            if int(number) not in self._writers:
                self._writers[int(number)] = pq.ParquetWriter(self._path(int(number)), table.schema)
            self._writers[int(number)].write_table(table)

    def sorted(self) -> Iterator[pl.DataFrame]:
        """All rows in the new order, a bucket at a time."""
        for writer in self._writers.values():
            writer.close()
        for number in sorted(self._writers):
            frame = pl.read_parquet(self._path(number))
            # Equal values keep the order in which they came.
            frame = frame.sort(_KEY) if self._by is None else frame.sort(self._by, nulls_last=True, maintain_order=True)
            yield frame.drop(_KEY)

    def _path(self, number: int) -> Path:
        return self._folder / f"bucket-{number:03}.parquet"
