"""The profile of a table, read off a finished scan."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling import distinct, hashing
from synthos.profiling.columns import ColumnState
from synthos.profiling.pii import find_pii
from synthos.profiling.quality import quality
from synthos.profiling.quantiles import quantiles
from synthos.results import ColumnProfile, Json, TableProfile
from synthos.tables.codec import Bins, Codec, NumericBins, numeric_view
from synthos.tables.schema import NUMERIC_KINDS, Column, Schema

TOP = 20


def table_fingerprint(schema: Schema, runs: Sequence[tuple[int, int]]) -> str:
    """32 hexadecimal digits that name the table's content, order of rows included, however it was cut into shards.

    ``runs`` are (rows, digest) of the shards in order.
    """
    rows, digest = 0, 0
    for count, part in runs:
        digest = hashing.join_digests(digest, part, count)
        rows += count
    columns = "\x1f".join(f"{column.name}\x1e{column.kind}" for column in schema.columns)
    return hashlib.blake2b(f"{columns}\x1d{rows}\x1d{digest}".encode(), digest_size=16).hexdigest()


def table_profile(
    name: str,
    codec: Codec,
    states: Sequence[ColumnState],
    distinct_rows: distinct.DistinctRows,
    histogram: npt.NDArray[np.int64],
    sample: pl.DataFrame,
    rows: int,
    fingerprint: str,
    size: int | None,
) -> TableProfile:
    """Everything that is shown about a table. ``histogram`` is laid out by the codec, ``sample`` has its columns."""
    columns = codec.schema.columns
    share, error = distinct.duplicate_share(distinct_rows, rows)
    bins = {column.name: item for column, item in zip(codec.schema.modelled, codec.bins, strict=True)}
    cuts = np.split(histogram, np.cumsum(codec.sizes)[:-1]) if codec.sizes else []
    counts = {column.name: cut for column, cut in zip(codec.schema.modelled, cuts, strict=True)}
    score, parts = quality(columns, states, rows, share)
    return TableProfile(
        name=name,
        rows=rows,
        columns=tuple(
            _column_profile(column, state, rows, sample[column.name], bins.get(column.name), counts.get(column.name))
            for column, state in zip(columns, states, strict=True)
        ),
        duplicate_share=share,
        duplicate_error=error,
        quality_score=score,
        quality_parts=parts,
        fingerprint=fingerprint,
        bytes=size,
    )


def _column_profile(
    column: Column,
    state: ColumnState,
    rows: int,
    sample: pl.Series,
    bins: Bins | None,
    counts: npt.NDArray[np.int64] | None,
) -> ColumnProfile:
    found, error = distinct.distinct_count(state.distinct)
    numeric = column.kind in NUMERIC_KINDS and state.moments.count > 0
    pii = find_pii(sample)
    ranks: dict[str, float] = {}
    rank_error = 0.0
    if numeric and isinstance(bins, NumericBins) and counts is not None:
        values = numeric_view(sample, column.kind).to_numpy().astype(np.float64, copy=False)
        ranks, rank_error = quantiles(values, bins.encode(values), counts)
    profile = ColumnProfile(
        name=column.name,
        kind=column.kind,
        dtype=str(sample.dtype),
        rows=rows,
        nulls=state.nulls,
        distinct=found,
        distinct_error=error,
        mean=state.moments.mean if numeric else None,
        std=state.moments.std if numeric else None,
        minimum=_shown(state.moments.minimum, column) if numeric else None,
        maximum=_shown(state.moments.maximum, column) if numeric else None,
        quantiles=ranks,
        quantile_error=rank_error,
        top=_top(column, state),
        pii=pii,
        notes=_notes(column, state, rows, found),
    )
    return without_values(profile) if pii else profile


def without_values(profile: ColumnProfile) -> ColumnProfile:
    """The profile of a column that looks personal: counts stay, values and what they could be read off go.

    A mean goes too: of a constant column it is the value. Figures of text describe its length and stay.
    """
    if profile.kind == "text":
        return replace(profile, top=())
    return replace(profile, mean=None, std=None, minimum=None, maximum=None, quantiles={}, quantile_error=0.0, top=())


def _top(column: Column, state: ColumnState) -> tuple[tuple[Json, int], ...]:
    """The most frequent values, but none whose rank the sketch cannot vouch for."""
    certain = [(value, count) for value, count in state.heavy.top(TOP) if count > state.heavy.lost]
    return tuple((_shown(value, column), count) for value, count in certain)


def _shown(value: str | float, column: Column) -> Json:
    whole = column.kind in ("integer", "text") and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


def _notes(column: Column, state: ColumnState, rows: int, found: int) -> tuple[str, ...]:
    """Where the full table contradicts the kind that was inferred from a few rows, and what the sketches left open."""
    present = rows - state.nulls
    notes = []
    if not present:
        notes.append("empty: every value is null")
    elif found == 1:
        notes.append("constant: every value that is not null is the same")
    if state.fractions:
        notes.append(f"{state.fractions} values of this integer column are not whole numbers")
    if column.kind == "boolean" and found > 2:
        notes.append(f"taken for a boolean, but has {found} distinct values")
    if column.kind == "key" and state.distinct.is_complete and found < present:
        notes.append(f"taken for a key, but only {found} of {present} values are distinct")
    if column.kind == "category" and found > max(1000, math.sqrt(max(present, 0)) * 10):
        notes.append(f"taken for a category, but has about {found} distinct values")
    if state.heavy.lost and any(count > state.heavy.lost for count in state.heavy.counts.values()):
        notes.append(f"counts of the most frequent values may be too low by up to {state.heavy.lost}")
    return tuple(notes)
