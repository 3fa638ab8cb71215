"""Whether a table is the one that a profile was made from."""

from __future__ import annotations

import polars as pl

from synthos.errors import AlignmentError, ConfigError, InternalError
from synthos.profiling import hashing
from synthos.profiling.profile import table_fingerprint
from synthos.progress import Event, Listener, silent
from synthos.results import TableProfile
from synthos.tables.schema import MODELLED_KINDS, Column, Schema
from synthos.tables.sources import Source
from synthos.tables.types import DATETIME

_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
#: The types that a ``Source`` delivers, by the names that profiles give them.
_TYPES = {
    str(dtype): dtype
    for dtype in (
        pl.Boolean(),
        *(kind() for kind in _INTEGERS),
        pl.Float32(),
        pl.Float64(),
        pl.String(),
        pl.Date(),
        DATETIME,
    )
}
_FIX = "give the table that was validated, or validate this one"


def content_fingerprint(source: Source, profile: TableProfile, listener: Listener = silent) -> str:
    """The fingerprint of ``source`` read with the columns, kinds and types of ``profile``: one pass, a batch in memory.

    Equal to ``profile.fingerprint`` where the table holds the same values in the same order.

    Raises
    ------
    AlignmentError : a column of the profile is missing.
    InputError : the table cannot be read with those types.
    """
    missing = [column.name for column in profile.columns if column.name not in source.dtypes]
    if missing:
        raise AlignmentError(
            f"lacks columns of the table that was validated: {', '.join(missing)}", where=source.name, fix=_FIX
        )
    unknown = [column.dtype for column in profile.columns if column.dtype not in _TYPES]
    if unknown:
        raise InternalError(f"no table is read with the types {', '.join(unknown)}")
    schema = Schema(tuple(Column(column.name, column.kind, column.dtype) for column in profile.columns))
    keys = [column for column in schema.columns if column.kind not in MODELLED_KINDS]
    read = source.with_types({column.name: _TYPES[column.dtype] for column in schema.columns})
    rows, digest, shards = 0, 0, read.shards()
    for done, shard in enumerate(shards):
        listener(Event(stage="read", done=done, total=len(shards), message=f"comparing {source.name}"))
        for batch in read.read(shard):
            # As ``scan.scan_batches`` joins them: keys are no part of what makes rows repeat, but of the contents.
            cells = [hashing.cell_hashes(batch[column.name], column.kind) for column in schema.modelled]
            content = hashing.combine(cells, batch.height)
            if keys:
                names = [hashing.cell_hashes(batch[column.name], column.kind) for column in keys]
                content = hashing.combine([content, *names], batch.height)
            digest = hashing.join_digests(digest, hashing.digest(content), batch.height)
            rows += batch.height
    listener(Event(stage="read", done=len(shards), total=len(shards), message=f"compared {source.name}"))
    return table_fingerprint(schema, [(rows, digest)])


def require_same_table(source: Source, profile: TableProfile, listener: Listener = silent) -> None:
    """Refuse a table that is not the one of ``profile``: what was found in rows of one says nothing about another.

    Raises
    ------
    InputError : its rows, its columns or its values are others.
    """
    if source.rows != profile.rows:
        raise ConfigError(
            f"has {source.rows:,} rows, and the result is of a table of {profile.rows:,}", where=source.name, fix=_FIX
        )
    if content_fingerprint(source, profile, listener) != profile.fingerprint:
        raise ConfigError("does not hold the rows of the table that the result is of", where=source.name, fix=_FIX)
