"""Large tables made from a seed, written in pieces so that no more than a million rows are held at once."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from benchmarks.scan import chunk

FORMATS = ("parquet", "csv", "jsonl")
#: Rows that are made at once, of a row group, and of a file: larger tables are folders of several.
CHUNK, GROUP, FILE = 1_000_000, 262_144, 10_000_000
#: In this order, so that narrow tables have all kinds of columns.
ORDER = ("score", "age", "visits", "hour", "plan", "channel", "city", "amount", "distance", "price")


def frame(rows: int, columns: int, seed: int) -> pl.DataFrame:
    """Mixed columns, shape (rows, columns): the ten of ``benchmarks.scan``, fewer of them, or more with other seeds."""
    blocks = []
    for first in range(0, columns, len(ORDER)):
        made = chunk(rows, seed + first, ORDER[: columns - first])
        blocks.append(made.rename({name: f"{name}{first or ''}" for name in made.columns}))
    return pl.concat(blocks, how="horizontal")


def make(folder: Path, rows: int, columns: int, form: str, seed: int) -> Path:
    """The folder with that table, made where it is not there yet: by two processes, a file each."""
    target = folder / f"{form}-{rows}x{columns}-{seed}"
    if target.exists():
        return target
    part = target.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    pieces = [
        (part / f"{number:05d}.{form}", min(FILE, rows - first), columns, seed + 1_000 * number)
        for number, first in enumerate(range(0, rows, FILE))
    ]
    with mp.get_context("spawn").Pool(min(2, len(pieces))) as pool:
        for _ in pool.imap_unordered(_write, pieces):
            pass
    return part.rename(target)


def _write(piece: tuple[Path, int, int, int]) -> None:
    path, rows, columns, seed = piece
    if path.suffix == ".parquet":
        _write_parquet(path, rows, columns, seed)
        return
    with path.open("wb") as file:
        for number, made in enumerate(_chunks(rows, columns, seed)):
            if path.suffix == ".csv":
                made.write_csv(file, include_header=not number)
            else:
                made.write_ndjson(file)


def _write_parquet(path: Path, rows: int, columns: int, seed: int) -> None:
    writer: pq.ParquetWriter | None = None
    for made in _chunks(rows, columns, seed):
        table = made.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=GROUP)
    if writer is not None:
        writer.close()


def _chunks(rows: int, columns: int, seed: int) -> Iterator[pl.DataFrame]:
    for number, first in enumerate(range(0, rows, CHUNK)):
        yield frame(min(CHUNK, rows - first), columns, seed + number)
