"""What one column gathers in the pass: nulls, moments, distinct values, heavy hitters; and its codes and hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling import distinct, heavy, moments
from synthos.profiling.binning import WORTHWHILE, GridBins
from synthos.profiling.dictionary import Dictionary
from synthos.profiling.distinct import DistinctRows
from synthos.profiling.hashing import Hashes, cell_hashes
from synthos.profiling.heavy import HeavyHitters
from synthos.profiling.moments import Moments
from synthos.tables.codec import Bins, Codes, NumericBins, label_view, numeric_view
from synthos.tables.schema import NUMERIC_KINDS, Column

#: Distinct hashes kept for each column of tables that are not very wide: a relative standard error of 1.6 % beyond.
DISTINCT_CAPACITY = 4096

#: Of longer values so many characters are remembered, their length and their hash.
LONGEST = 4096

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much each column may keep: distinct hashes and heavy hitters."""

    distinct: int = DISTINCT_CAPACITY
    heavy: int = heavy.CAPACITY


def limits_for(columns: int) -> Limits:
    """Limits of a table with that many columns; very wide tables keep less of each, at wider stated errors."""
    spare = max(columns, 1)
    return Limits(
        min(DISTINCT_CAPACITY, max(512, 4_000_000 // spare)), min(heavy.CAPACITY, max(64, 1_000_000 // spare))
    )


@dataclass(frozen=True, slots=True)
class ColumnState:
    """What was gathered about one column; joined by ``merge``. ``fractions`` are values that are no whole number."""

    limits: Limits
    nulls: int
    fractions: int
    moments: Moments
    distinct: DistinctRows
    heavy: HeavyHitters


def merge(a: ColumnState, b: ColumnState) -> ColumnState:
    """What scanning both parts of one column at once would have gathered."""
    return ColumnState(
        a.limits,
        a.nulls + b.nulls,
        a.fractions + b.fractions,
        moments.merge(a.moments, b.moments),
        distinct.merge(a.distinct, b.distinct, a.limits.distinct),
        heavy.merge(a.heavy, b.heavy),
    )


class ColumnScanner:
    """Gathers one column of one shard while its batches pass.

    A column begins with a dictionary of its values; when that overflows, what it counted goes into the sketches and
    the rest of the shard goes there directly.
    """

    def __init__(self, column: Column, bins: Bins | None, limits: Limits) -> None:
        self._column, self._bins, self._limits = column, bins, limits
        self._numeric = column.kind in NUMERIC_KINDS
        self._grid: GridBins | None = None
        self._nulls, self._fractions = 0, 0
        self._moments = Moments()
        self._distinct = distinct.EMPTY
        self._heavy = HeavyHitters(capacity=limits.heavy)
        # Keys hardly ever repeat, and their most frequent values tell nothing.
        self._dictionary = None if column.kind == "key" else Dictionary(None if bins is None else self._codes)

    def add(self, series: pl.Series) -> tuple[Hashes, Codes | None]:
        """Takes one more batch; returns its cell hashes and its codes (None where the column is not modelled)."""
        hashes = cell_hashes(series, self._column.kind)
        nulls = series.null_count()
        self._nulls += nulls
        values = present = None
        if self._numeric:
            values = numeric_view(series, self._column.kind).to_numpy().astype(np.float64, copy=False)
            present = values[~np.isnan(values)] if nulls else values
            self._moments = moments.merge(self._moments, moments.of(present))
            if series.dtype.is_float() and self._column.kind == "integer":
                self._fractions += int(np.count_nonzero(present != np.rint(present)))
        if self._dictionary is not None:
            found = self._dictionary.index(series, hashes)
            if found is not None:
                return hashes, None if self._bins is None else self._dictionary.codes[found]
            self._flush()
        self._sketch(series, hashes, present, nulls)
        if isinstance(self._bins, NumericBins) and values is not None:
            if self._grid is None and len(values) >= WORTHWHILE:
                self._grid = GridBins(self._bins)
            if self._grid is None:
                return hashes, self._bins.encode(values)
            return hashes, self._grid.encode(values, gaps=nulls > 0)
        return hashes, None if self._bins is None else self._codes(series)

    def finished(self) -> ColumnState:
        self._flush()
        return ColumnState(self._limits, self._nulls, self._fractions, self._moments, self._distinct, self._heavy)

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
        values, hashes, counts = known.values, known.hashes, known.counts
        seen = counts > 0
        if values.null_count():
            seen &= values.is_not_null().to_numpy()
        if not seen.all():
            values, hashes, counts = values.filter(seen), hashes[seen], counts[seen]
        order = np.argsort(hashes)
        counted = DistinctRows(hashes[order], counts[order], distinct.SPACE)
        self._distinct = distinct.merge(self._distinct, counted, self._limits.distinct)
        self._remember(values, counts)

    def _sketch(self, series: pl.Series, hashes: Hashes, present: Floats | None, nulls: int) -> None:
        valid = hashes[series.is_not_null().to_numpy()] if nulls else hashes
        self._distinct = distinct.add(self._distinct, valid, self._limits.distinct)
        if present is not None and self._column.kind != "text":
            self._heavy = heavy.merge(self._heavy, heavy.of_numbers(present, valid, self._limits.heavy))
        elif self._column.kind != "key":
            tally = series.drop_nulls().alias("value").value_counts(name="rows")
            self._remember(tally["value"], tally["rows"].to_numpy().astype(np.int64))

    def _remember(self, values: pl.Series, counts: npt.NDArray[np.int64]) -> None:
        kept, cut = heavy.survivors(counts, self._limits.heavy)
        found = heavy.of(self._plain(values.gather(kept)), counts[kept] - cut, self._limits.heavy)
        self._heavy = heavy.merge(self._heavy, replace(found, lost=cut))

    def _plain(self, values: pl.Series) -> Floats | list[str]:
        if self._numeric and self._column.kind != "text":
            return numeric_view(values, self._column.kind).to_numpy().astype(np.float64, copy=False)
        return [_shortened(text) for text in label_view(values).to_list()]


def _shortened(text: str) -> str:
    """The text; of a long one the beginning and what tells it from others, so that many of them can be held."""
    if len(text) <= LONGEST:
        return text
    rest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[:LONGEST]}… [{len(text):,} characters, {rest}]"
