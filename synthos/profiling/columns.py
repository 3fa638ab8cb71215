"""What one column gathers in the pass: nulls, moments, distinct values, heavy hitters; and its codes and hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling import distinct, heavy, moments
from synthos.profiling.distinct import DistinctRows
from synthos.profiling.hashing import Hashes, cell_hashes
from synthos.profiling.heavy import HeavyHitters
from synthos.profiling.moments import Moments
from synthos.tables.codec import Bins, Codes, NumericBins, label_view, numeric_view
from synthos.tables.schema import NUMERIC_KINDS, Column

#: Distinct hashes kept for each column: exact up to here, then a relative standard error of 1.6 %.
DISTINCT_CAPACITY = 4096


@dataclass(frozen=True, slots=True)
class ColumnState:
    """What was gathered about one column; joined by ``merge``."""

    nulls: int = 0
    moments: Moments = Moments()
    distinct: DistinctRows = distinct.EMPTY
    heavy: HeavyHitters = HeavyHitters()


def merge(a: ColumnState, b: ColumnState) -> ColumnState:
    return ColumnState(
        a.nulls + b.nulls,
        moments.merge(a.moments, b.moments),
        distinct.merge(a.distinct, b.distinct, DISTINCT_CAPACITY),
        heavy.merge(a.heavy, b.heavy),
    )


def scan_column(
    series: pl.Series, column: Column, bins: Bins | None, state: ColumnState
) -> tuple[ColumnState, Hashes, Codes | None]:
    """The state after one more batch, the batch's cell hashes, and its codes (None where the column is not modelled)."""
    hashes = cell_hashes(series, column.kind)
    nulls = series.null_count()
    codes: Codes | None = None
    gathered = Moments()
    present = hashes
    if nulls:
        present = hashes[series.is_not_null().to_numpy()]
    if column.kind in NUMERIC_KINDS:
        values = numeric_view(series, column.kind).to_numpy().astype(np.float64, copy=False)
        if isinstance(bins, NumericBins):
            codes = bins.encode(values)
        gathered = moments.of(values[~np.isnan(values)] if nulls else values)
    elif bins is not None and not isinstance(bins, NumericBins):
        codes = bins.encode(series)
    found = heavy.HeavyHitters() if column.kind == "key" else _heavy(series, column)
    fresh = ColumnState(nulls, gathered, distinct.add(state.distinct, present, DISTINCT_CAPACITY), found)
    return (
        ColumnState(
            state.nulls + nulls,
            moments.merge(state.moments, gathered),
            fresh.distinct,
            heavy.merge(state.heavy, found),
        ),
        hashes,
        codes,
    )


def _heavy(series: pl.Series, column: Column) -> HeavyHitters:
    if column.kind in ("integer", "number", "datetime"):
        values = numeric_view(series, column.kind).drop_nulls()
        ordered = np.sort(values.to_numpy())
        starts = (
            np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else np.empty(0, int)
        )
        counts: npt.NDArray[np.int64] = np.diff(starts, append=len(ordered)).astype(np.int64)
        return heavy.of(ordered[starts], counts)
    tally = series.drop_nulls().alias("value").value_counts(name="rows")
    return heavy.of(label_view(tally["value"]).to_list(), tally["rows"].to_numpy().astype(np.int64))
