"""What one column gathers in the pass: nulls, moments, distinct values, heavy hitters; and its codes and hashes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling import distinct, heavy, moments
from synthos.profiling.binning import GridBins
from synthos.profiling.dictionary import Dictionary
from synthos.profiling.distinct import DistinctRows
from synthos.profiling.hashing import Hashes, cell_hashes
from synthos.profiling.heavy import HeavyHitters
from synthos.profiling.moments import Moments
from synthos.tables.codec import Bins, Codes, NumericBins, label_view, numeric_view
from synthos.tables.schema import NUMERIC_KINDS, Column

#: Distinct hashes kept for each column: exact up to here, then a relative standard error of 1.6 %.
DISTINCT_CAPACITY = 4096

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColumnState:
    """What was gathered about one column; joined by ``merge``. ``fractions`` are values that are no whole number."""

    nulls: int = 0
    fractions: int = 0
    moments: Moments = field(default_factory=Moments)
    distinct: DistinctRows = distinct.EMPTY
    heavy: HeavyHitters = field(default_factory=HeavyHitters)


def merge(a: ColumnState, b: ColumnState) -> ColumnState:
    return ColumnState(
        a.nulls + b.nulls,
        a.fractions + b.fractions,
        moments.merge(a.moments, b.moments),
        distinct.merge(a.distinct, b.distinct, DISTINCT_CAPACITY),
        heavy.merge(a.heavy, b.heavy),
    )


class ColumnScanner:
    """Gathers one column of one shard while its batches pass.

    A column begins with a dictionary of its values; when that overflows, what it counted goes into the sketches and
    the rest of the shard goes there directly.
    """

    def __init__(self, column: Column, bins: Bins | None) -> None:
        self._column, self._bins = column, bins
        self._numeric = column.kind in NUMERIC_KINDS
        self._grid = GridBins(bins) if isinstance(bins, NumericBins) else None
        self._state = ColumnState()
        # Keys hardly ever repeat, and their most frequent values tell nothing.
        self._dictionary = None if column.kind == "key" else Dictionary(None if bins is None else self._codes)

    def add(self, series: pl.Series) -> tuple[Hashes, Codes | None]:
        """Takes one more batch; returns its cell hashes and its codes (None where the column is not modelled)."""
        hashes = cell_hashes(series, self._column.kind)
        nulls = series.null_count()
        values = present = None
        fractions = 0
        gathered = Moments()
        if self._numeric:
            values = numeric_view(series, self._column.kind).to_numpy().astype(np.float64, copy=False)
            present = values[~np.isnan(values)] if nulls else values
            gathered = moments.of(present)
            if series.dtype.is_float() and self._column.kind == "integer":
                fractions = int(np.count_nonzero(present != np.rint(present)))
        state = self._state
        self._state = ColumnState(
            state.nulls + nulls,
            state.fractions + fractions,
            moments.merge(state.moments, gathered),
            state.distinct,
            state.heavy,
        )
        if self._dictionary is not None:
            found = self._dictionary.index(series, hashes)
            if found is not None:
                return hashes, None if self._bins is None else self._dictionary.codes[found]
            self._flush()
        self._sketch(series, hashes, present, nulls)
        if self._grid is not None and values is not None:
            return hashes, self._grid.encode(values)
        return hashes, None if self._bins is None else self._codes(series)

    def finished(self) -> ColumnState:
        self._flush()
        return self._state

    def _codes(self, series: pl.Series) -> Codes:
        if isinstance(self._bins, NumericBins):
            return self._bins.encode(numeric_view(series, self._column.kind).to_numpy().astype(np.float64, copy=False))
        assert self._bins is not None
        return self._bins.encode(series)

    def _flush(self) -> None:
        """What the dictionary counted goes into the sketches."""
        known, self._dictionary = self._dictionary, None
        if known is None or known.values is None:
            return
        seen = known.values.is_not_null().to_numpy() & (known.counts > 0)
        order = np.argsort(known.hashes[seen])
        counted = DistinctRows(known.hashes[seen][order], known.counts[seen][order], distinct.SPACE)
        hitters = heavy.of(self._plain(known.values.filter(seen)), known.counts[seen])
        self._join(counted, hitters)

    def _sketch(self, series: pl.Series, hashes: Hashes, present: Floats | None, nulls: int) -> None:
        valid = hashes[series.is_not_null().to_numpy()] if nulls else hashes
        counted = distinct.add(self._state.distinct, valid, DISTINCT_CAPACITY)
        hitters = HeavyHitters()
        if self._column.kind == "text" or not self._numeric:
            if self._column.kind != "key":
                tally = series.drop_nulls().alias("value").value_counts(name="rows")
                hitters = heavy.of(self._plain(tally["value"]), tally["rows"].to_numpy().astype(np.int64))
        elif present is not None:
            hitters = heavy.of_sorted(np.sort(present))
        self._state = ColumnState(
            self._state.nulls,
            self._state.fractions,
            self._state.moments,
            counted,
            heavy.merge(self._state.heavy, hitters),
        )

    def _join(self, counted: DistinctRows, hitters: HeavyHitters) -> None:
        self._state = merge(self._state, ColumnState(distinct=counted, heavy=hitters))

    def _plain(self, values: pl.Series) -> Floats | list[str]:
        if self._numeric and self._column.kind != "text":
            return numeric_view(values, self._column.kind).to_numpy().astype(np.float64, copy=False)
        return label_view(values).to_list()
