"""Parquet: shards are row groups, small ones taken together and long ones cut.

A reader has to begin a group at its beginning, so that cutting one of few but large rows would have it read again for
each piece. Such a group is read as a stream, of which a page of every column and a bounded batch are held. A table that
says how it is to be cut (``synthos.tables.cut``) has a shard for each of its units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError

from synthos.errors import FormatError
from synthos.progress import Listener, silent
from synthos.tables.arrow_types import frame_of, schema_of
from synthos.tables.cut import KEY, Cut, cut_from_json
from synthos.tables.files import File, reading
from synthos.tables.folder import common_dtypes, unique_names
from synthos.tables.opening import Heard, each
from synthos.tables.reader import BATCH_BYTES, BATCH_ROWS, SHARD_BYTES, SHARD_ROWS, Reader, Shard, rows_within

#: Row groups of more bytes, decompressed, are streamed; polars reads others faster, and holds all of them.
STREAMED_BYTES = 256 * 2**20
#: What is read ahead of each column of a group that is streamed.
_AHEAD_BYTES = 2**20


@dataclass(frozen=True)
class ParquetReader:
    """Parquet files of one schema. ``streamed`` are the files of which a row group, or a shard of several, is large."""

    files: Mapping[str, File]
    dtypes: Mapping[str, pl.DataType]
    shards: tuple[Shard, ...]
    streamed: frozenset[str] = frozenset()
    cut: Cut | None = None

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        file = self.files[shard.path]
        try:
            with reading(file.shown):
                large = shard.path in self.streamed or most < BATCH_ROWS
                if file.scheme is None and not large:
                    lazy = pl.scan_parquet(shard.path, glob=False, hive_partitioning=False)
                    yield lazy.slice(shard.start, shard.stop - shard.start).select(columns).collect()
                else:
                    yield from _stream(file, shard, columns, most, large)
        except (PolarsError, PanicException, pa.ArrowInvalid) as error:
            raise _corrupt(file, error, shard) from error

    def only(self, shards: Sequence[Shard]) -> Reader:
        named = {shard.path: self.files[shard.path] for shard in shards}
        # A cut is of the whole table.
        return replace(self, files=named, shards=tuple(shards), streamed=self.streamed & named.keys(), cut=None)

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        return self


def open_parquet(files: Sequence[File], listener: Listener = silent) -> Reader:
    """Reads every footer.

    Raises
    ------
    FormatError : a footer or schema that is not Parquet.
    SchemaError : duplicate column names; files whose columns differ.
    """
    schemas: list[tuple[str, Mapping[str, pl.DataType]]] = []
    shards: list[Shard] = []
    streamed: set[str] = set()
    last: tuple[Any, Mapping[str, pl.DataType]] | None = None
    cut: Cut | None = None
    for file, (schema, groups, told) in each(files, _footer, listener):
        if last is None or not schema.equals(last[0]):
            unique_names(schema.names, file.shown)
            last = schema, schema_of(schema)
        schemas.append((file.shown, last[1]))
        offset = shards[-1].offset + shards[-1].rows if shards else 0
        # Of several files each is cut by itself, and none says how the others are.
        runs = _runs(groups)
        if told is not None and len(files) == 1:
            cut = cut_from_json(told, [rows for rows, _ in groups], len(runs))
        runs = runs if cut is None else _runs_of(cut, groups)
        shards += _shards(file, runs, len(shards), offset)
        # A group that is cut would be streamed from its beginning for every part.
        large = any(size > STREAMED_BYTES and rows <= 2 * SHARD_ROWS for rows, size in groups)
        if large or (cut is not None and any(size > STREAMED_BYTES for _, _, size in runs)):
            streamed.add(file.path)
    known = {file.path: file for file in files}
    return ParquetReader(known, common_dtypes(schemas), tuple(shards), frozenset(streamed), cut)


def _footer(file: File, heard: Heard) -> tuple[Any, list[tuple[int, int]], bytes | None]:
    """The Arrow schema, what ``_groups`` says, and the cut that the file tells of."""
    try:
        with reading(file.shown), file.open() as stream, pq.ParquetFile(stream) as parquet:
            return parquet.schema_arrow, _groups(parquet.metadata), (parquet.metadata.metadata or {}).get(KEY)
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException as error:
        raise _corrupt(file, error) from error


def _groups(metadata: Any) -> list[tuple[int, int]]:
    """Rows of each row group, and its bytes, decompressed."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return [(group.num_rows, group.total_byte_size) for group in groups]


def _runs(groups: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Row groups gathered up to about ``SHARD_ROWS`` and ``SHARD_BYTES``; what is twice as long is cut evenly.

    Each run is its first row, its end and its bytes.
    """
    runs: list[tuple[int, int, int]] = []
    row = begin = size = 0
    for rows, bytes_ in groups:
        if row > begin and size + bytes_ > SHARD_BYTES:
            runs.append((begin, row, size))
            begin, size = row, 0
        row, size = row + rows, size + bytes_
        if row - begin > 2 * SHARD_ROWS:
            parts = -(-(row - begin) // SHARD_ROWS)
            cuts = [begin + (row - begin) * part // parts for part in range(parts + 1)]
            runs += [(start, stop, size // parts) for start, stop in pairwise(cuts)]
            begin, size = row, 0
        elif row - begin >= SHARD_ROWS // 2:
            runs.append((begin, row, size))
            begin, size = row, 0
    if row > begin:
        runs.append((begin, row, size))
    return runs


def _runs_of(cut: Cut, groups: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """The row groups of each unit together, as ``_runs`` gives them."""
    runs: list[tuple[int, int, int]] = []
    left = iter(groups)
    row = 0
    for _, wanted in cut.units:
        begin, size = row, 0
        while row < begin + wanted:
            rows, bytes_ = next(left)
            row, size = row + rows, size + bytes_
        runs.append((begin, row, size))
    return runs


def _shards(file: File, runs: Sequence[tuple[int, int, int]], index: int, offset: int) -> list[Shard]:
    return [
        Shard(index + at, file.path, offset + start, stop - start, bytes_, start, stop, version=file.version)
        for at, (start, stop, bytes_) in enumerate(runs)
    ]


def _stream(file: File, shard: Shard, columns: Sequence[str], most: int, large: bool) -> Iterator[pl.DataFrame]:
    """The rows of a shard in bounded batches. What is not ``large`` is asked for at once, as servers like it."""
    ahead = _AHEAD_BYTES if large else 0
    with file.open() as stream, pq.ParquetFile(stream, pre_buffer=not large, buffer_size=ahead) as parquet:
        first = 0
        for group, (rows, size) in enumerate(_groups(parquet.metadata)):
            last = first + rows
            if first < shard.stop and last > shard.start:
                seen = first
                length = min(most, rows_within(size, rows, BATCH_BYTES // 2))
                for batch in parquet.iter_batches(length, row_groups=[group], columns=list(columns)):
                    low, high = max(shard.start - seen, 0), min(shard.stop - seen, batch.num_rows)
                    seen += batch.num_rows
                    if low < high:
                        yield frame_of(batch.slice(low, high - low))
                    if seen >= shard.stop:
                        return
            first = last


def _corrupt(file: File, error: BaseException, shard: Shard | None = None) -> FormatError:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    where = "" if shard is None else f" in rows {shard.start:,} to {shard.stop - 1:,}"
    return FormatError(
        f"is not a sound Parquet file{where} ({reason})",
        where=file.shown,
        fix="write or download it again",
        row=None if shard is None else shard.offset,
    )
