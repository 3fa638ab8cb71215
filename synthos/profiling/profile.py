"""The profile of a table, read off a finished scan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from synthos.profiling import distinct, hashing
from synthos.profiling.columns import ColumnState
from synthos.results import ColumnProfile, TableProfile
from synthos.tables.schema import NUMERIC_KINDS, Column, Schema


def table_fingerprint(schema: Schema, runs: Sequence[tuple[int, int]]) -> str:
    """32 hexadecimal digits that name the table's content, order of rows included, however it was cut into shards."""
    rows, digest = 0, 0
    for count, part in runs:
        digest = hashing.join_digests(digest, part, count)
        rows += count
    columns = "\x1f".join(f"{column.name}\x1e{column.kind}" for column in schema.columns)
    return hashlib.blake2b(f"{columns}\x1d{rows}\x1d{digest}".encode(), digest_size=16).hexdigest()


def column_profile(column: Column, state: ColumnState, rows: int) -> ColumnProfile:
    found, error = distinct.distinct_count(state.distinct)
    numeric = column.kind in NUMERIC_KINDS and state.moments.count > 0
    return ColumnProfile(
        name=column.name,
        kind=column.kind,
        dtype=column.dtype,
        rows=rows,
        nulls=state.nulls,
        distinct=found,
        distinct_error=error,
        mean=state.moments.mean if numeric else None,
        std=state.moments.std if numeric else None,
        minimum=state.moments.minimum if numeric else None,
        maximum=state.moments.maximum if numeric else None,
        top=state.heavy.top(20),
    )


def table_profile(
    name: str,
    schema: Schema,
    states: Sequence[ColumnState],
    rows: int,
    distinct_rows: distinct.DistinctRows,
    frame: pl.DataFrame,
    fingerprint: str,
    size: int | None,
) -> TableProfile:
    share, error = distinct.duplicate_share(distinct_rows, rows)
    profiles = tuple(column_profile(c, s, rows) for c, s in zip(schema.columns, states, strict=True))
    parts = {"uniqueness": 100 * (1 - share)}
    return TableProfile(
        name=name,
        rows=rows,
        columns=profiles,
        duplicate_share=share,
        duplicate_error=error,
        quality_score=sum(parts.values()) / len(parts),
        quality_parts=parts,
        fingerprint=fingerprint,
        bytes=size,
    )
