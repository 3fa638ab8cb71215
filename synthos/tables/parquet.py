"""Parquet: shards are row groups, small ones taken together and large ones cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError

from synthos.errors import FormatError
from synthos.tables.arrow_types import frame_of, schema_of
from synthos.tables.files import File, reading
from synthos.tables.folder import common_dtypes, unique_names
from synthos.tables.reader import BATCH_ROWS, SHARD_ROWS, Reader, Shard


@dataclass(frozen=True)
class ParquetReader:
    """Parquet files of one schema."""

    files: Mapping[str, File]
    dtypes: Mapping[str, pl.DataType]
    shards: tuple[Shard, ...]

    def read(self, shard: Shard, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        file = self.files[shard.path]
        try:
            with reading(file.shown):
                if file.scheme is None:
                    lazy = pl.scan_parquet(shard.path, glob=False, hive_partitioning=False)
                    yield lazy.slice(shard.start, shard.stop - shard.start).select(columns).collect()
                else:
                    yield from self._remote(file, shard, columns)
        except (PolarsError, PanicException, pa.ArrowInvalid) as error:
            raise _corrupt(file, error, shard) from error

    def _remote(self, file: File, shard: Shard, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        with file.open() as stream, pq.ParquetFile(stream, pre_buffer=True) as parquet:
            first = 0
            for group in range(parquet.metadata.num_row_groups):
                last = first + parquet.metadata.row_group(group).num_rows
                if first < shard.stop and last > shard.start:
                    seen = first
                    for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[group], columns=list(columns)):
                        low, high = max(shard.start - seen, 0), min(shard.stop - seen, batch.num_rows)
                        seen += batch.num_rows
                        if low < high:
                            yield frame_of(batch.slice(low, high - low))
                first = last

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        return self


def open_parquet(files: Sequence[File]) -> Reader:
    """Reads every footer.

    Raises
    ------
    FormatError : a footer or schema that is not Parquet.
    SchemaError : duplicate column names; files whose columns differ.
    """
    schemas: list[tuple[str, Mapping[str, pl.DataType]]] = []
    shards: list[Shard] = []
    for file in files:
        try:
            with reading(file.shown), file.open() as stream, pq.ParquetFile(stream) as parquet:
                names = parquet.schema_arrow.names
                unique_names(names, file.shown)
                schemas.append((file.shown, schema_of(parquet.schema_arrow)))
                offset = shards[-1].offset + shards[-1].rows if shards else 0
                shards += _shards(file, parquet.metadata, len(shards), offset)
        except pa.ArrowException as error:
            raise _corrupt(file, error) from error
    return ParquetReader({file.path: file for file in files}, common_dtypes(schemas), tuple(shards))


def _shards(file: File, metadata: Any, index: int, offset: int) -> list[Shard]:
    """Row groups gathered up to about ``SHARD_ROWS``; a group of more than twice that is cut into even parts."""
    runs: list[tuple[int, int]] = []
    row, begin = 0, 0
    for group in range(metadata.num_row_groups):
        row += metadata.row_group(group).num_rows
        if row - begin > 2 * SHARD_ROWS:
            parts = -(-(row - begin) // SHARD_ROWS)
            cuts = [begin + (row - begin) * part // parts for part in range(parts + 1)]
            runs += list(pairwise(cuts))
            begin = row
        elif row - begin >= SHARD_ROWS // 2:
            runs.append((begin, row))
            begin = row
    if row > begin:
        runs.append((begin, row))
    share = file.size / max(1, row)
    return [
        Shard(
            index + position,
            file.path,
            offset + start,
            stop - start,
            int(share * (stop - start)),
            start,
            stop,
            version=file.version,
        )
        for position, (start, stop) in enumerate(runs)
    ]


def _corrupt(file: File, error: BaseException, shard: Shard | None = None) -> FormatError:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    where = "" if shard is None else f" in rows {shard.start:,} to {shard.stop - 1:,}"
    return FormatError(
        f"is not a sound Parquet file{where} ({reason})",
        where=file.shown,
        fix="write or download it again",
        row=None if shard is None else shard.offset,
    )
