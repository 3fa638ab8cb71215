"""Arrow IPC, also called Feather: files of record batches, and streams of them. Shards are runs of batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc

from synthos.errors import FormatError
from synthos.progress import Listener, silent
from synthos.tables.arrow_types import frame_of, schema_of
from synthos.tables.files import File, reading
from synthos.tables.folder import common_dtypes, unique_names
from synthos.tables.opening import Heard, each
from synthos.tables.reader import BATCH_ROWS, SHARD_BYTES, SHARD_ROWS, Reader, Shard, rows_within

FILE_MAGIC = b"ARROW1"


@dataclass(frozen=True)
class ArrowReader:
    """Arrow files of one schema. A stream, which has no index, is one shard."""

    files: Mapping[str, File]
    dtypes: Mapping[str, pl.DataType]
    shards: tuple[Shard, ...]

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        with _batches(self.files[shard.path]) as (reader, indexed):
            if not indexed:
                yield from (frame_of(batch.select(columns)) for batch in reader)
                return
            for number in range(shard.start, shard.stop):
                yield frame_of(reader.get_batch(number).select(columns))

    def only(self, shards: Sequence[Shard]) -> Reader:
        named = {shard.path: self.files[shard.path] for shard in shards}
        return replace(self, files=named, shards=tuple(shards))

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        return self


def open_arrow(files: Sequence[File], listener: Listener = silent) -> Reader:
    """Reads every footer and the lengths of the batches.

    Raises
    ------
    FormatError : bytes that are not Arrow, or cut short.
    SchemaError : duplicate column names; files whose columns differ.
    """
    schemas: list[tuple[str, Mapping[str, pl.DataType]]] = []
    shards: list[Shard] = []
    for file, (dtypes, lengths, indexed) in each(files, _footer, listener):
        schemas.append((file.shown, dtypes))
        shards += _shards(file, lengths, indexed, shards)
    return ArrowReader({file.path: file for file in files}, common_dtypes(schemas), tuple(shards))


def _footer(file: File, heard: Heard) -> tuple[Mapping[str, pl.DataType], list[int], bool]:
    """The columns' types, the lengths of the batches, and whether it can be jumped to one."""
    with _batches(file) as (reader, indexed):
        unique_names(reader.schema.names, file.shown)
        dtypes = schema_of(reader.schema)
    return dtypes, _lengths(file), indexed


def _lengths(file: File) -> list[int]:
    # One column is enough to learn a batch's length, and spares decompressing the others.
    with _batches(file, ipc.IpcReadOptions(included_fields=[0])) as (reader, indexed):
        if not indexed:
            return [batch.num_rows for batch in reader]
        return [reader.get_batch(number).num_rows for number in range(reader.num_record_batches)]


def _shards(file: File, lengths: Sequence[int], indexed: bool, before: Sequence[Shard]) -> list[Shard]:
    """Neighbouring batches of up to about ``SHARD_ROWS`` rows and ``SHARD_BYTES`` together."""
    runs: list[tuple[int, int, int]] = []  # first batch, end, rows
    most = min(SHARD_ROWS, rows_within(file.size, sum(lengths), SHARD_BYTES))
    for number, rows in enumerate(lengths):
        if runs and (not indexed or runs[-1][2] + rows <= most):
            runs[-1] = (runs[-1][0], number + 1, runs[-1][2] + rows)
        else:
            runs.append((number, number + 1, rows))
    share = file.size / max(1, sum(lengths))
    offset = before[-1].offset + before[-1].rows if before else 0
    shards: list[Shard] = []
    for start, stop, rows in runs:
        if rows:
            place = (len(before) + len(shards), file.path, offset)
            shards.append(Shard(*place, rows, int(share * rows), start, stop, version=file.version))
            offset += rows
    return shards


@contextmanager
def _batches(file: File, options: Any = None) -> Iterator[tuple[Any, bool]]:
    """A reader of record batches, and whether it can jump to a batch."""
    try:
        with reading(file.shown), file.mapped() as stream:
            indexed = file.read(0, len(FILE_MAGIC)) == FILE_MAGIC
            opened = ipc.open_file if indexed else ipc.open_stream
            with opened(stream, options=options) as reader:
                yield reader, indexed
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise FormatError(
            f"is not a sound Arrow file ({reason})", where=file.shown, fix="write or download it again"
        ) from error
