"""A table with every type that Synthos knows, every way to write it, and how to read it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from synthos.tables.sources import Source

ROWS = 1_500


def typed_frame(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    start = dt.datetime(2024, 1, 1)
    frame = pl.DataFrame(
        {
            "count": generator.integers(0, 90, rows),
            "amount": generator.normal(50.0, 9.0, rows).round(3),
            "group": generator.choice(["north", "south, east", 'the "west"', "café"], rows),
            "flag": generator.random(rows) < 0.3,
            "day": [start.date() + dt.timedelta(days=int(d)) for d in generator.integers(0, 900, rows)],
            "at": [start + dt.timedelta(seconds=int(s)) for s in generator.integers(0, 10**7, rows)],
        }
    )
    holes = pl.Series(generator.random(rows) < 0.05)
    return frame.with_columns(pl.when(~holes).then(pl.col("amount", "group", "day")))


def rows_of(source: Source, columns: list[str] | None = None) -> pl.DataFrame:
    """All rows, read shard by shard, checking that shards state their offsets and lengths rightly."""
    parts, seen = [], 0
    for index, shard in enumerate(source.shards()):
        assert (shard.index, shard.offset) == (index, seen)
        frame = pl.concat(list(source.read(shard, columns)))
        assert frame.height == shard.rows
        parts.append(frame)
        seen += frame.height
    assert seen == source.rows
    return pl.concat(parts)


Writer = Callable[[pl.DataFrame, Path], object]
WRITERS: dict[str, Writer] = {
    "table.parquet": lambda frame, path: frame.write_parquet(path, row_group_size=400),
    "table.csv": lambda frame, path: frame.write_csv(path),
    "table.tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "table.arrow": lambda frame, path: frame.write_ipc(path, compression="zstd"),
    "stream.arrow": lambda frame, path: frame.write_ipc_stream(path),
    "table.jsonl": lambda frame, path: frame.write_ndjson(path),
}
