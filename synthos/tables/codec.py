"""Binning of columns by the reference alone, so that a collapsed table cannot hide its collapse in its own bins.

Code 0 is null; codes 1..k are the reference's quantile bins or categories; the last code holds categories that the
reference sample does not have (and, for categories beyond the limit, the rest). A number that carries much mass on
one value (zero capital gain, a censored top) gets a bin of its own for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.results import Kind
from synthos.tables.schema import NUMERIC_KINDS, Schema
from synthos.tables.types import DATETIME, conform

Codes = npt.NDArray[np.uint8]
MAX_BINS = 24
MAX_CATEGORIES = 62
#: Standard errors (of a count: its root) within which two labels are about equally frequent.
SURELY = 3.0


def numeric_view(column: pl.Series, kind: Kind) -> pl.Series:
    """The column as 64-bit floats: itself, seconds since 1970 for datetimes, length in characters for text.

    Raises
    ------
    SchemaError : strings in a column of datetimes that are not ISO 8601.
    """
    if kind == "datetime":
        stamps = conform(column.to_frame(), {column.name: DATETIME}, "a column of datetimes", 0)[column.name]
        return stamps.to_physical().cast(pl.Float64) / 1e6
    if kind == "text":
        return column.cast(pl.String).str.len_chars().cast(pl.Float64)
    return column.cast(pl.Float64)


def label_view(column: pl.Series) -> pl.Series:
    """The column as strings, the form in which categories and booleans are compared."""
    return column.cast(pl.String)


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Half-open bins ``(edges[i-1], edges[i]]``; the outermost two are open-ended. ``edges`` is sorted, length k-1."""

    edges: tuple[float, ...]

    @property
    def size(self) -> int:
        return len(self.edges) + 3  # null, len(edges)+1 bins, one unused code that keeps the layout of categories

    def encode(self, values: npt.NDArray[np.float64]) -> Codes:
        codes = np.searchsorted(np.asarray(self.edges), values, side="left").astype(np.uint8) + np.uint8(1)
        codes[np.isnan(values)] = 0
        return codes


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """Labels of the reference, most frequent first; see ``fit_category``."""

    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.labels) + 2  # null, labels, other

    def encode(self, column: pl.Series) -> Codes:
        order = {label: code for code, label in enumerate(self.labels, start=1)}
        other = len(self.labels) + 1
        mapped = label_view(column).replace_strict(
            list(order), list(order.values()), default=other, return_dtype=pl.UInt8
        )
        return mapped.set(column.is_null(), 0).to_numpy().astype(np.uint8, copy=True)


Bins = NumericBins | CategoryBins


def fit_numeric(values: npt.NDArray[np.float64], bins: int = MAX_BINS) -> NumericBins:
    """Quantile edges over the finite ``values``; a value with more than 1/bins of the mass gets a bin of its own."""
    finite = np.sort(values[np.isfinite(values)])
    if finite.size == 0:
        return NumericBins(())
    distinct, counts = np.unique(finite, return_counts=True)
    if distinct.size <= bins:
        return NumericBins(tuple(float(v) for v in distinct[:-1]))
    edges: set[float] = set()
    heavy = counts > finite.size / bins
    for position in np.flatnonzero(heavy):
        if position:
            edges.add(float(distinct[position - 1]))
        edges.add(float(distinct[position]))
    light = np.repeat(distinct[~heavy], counts[~heavy])
    remaining = bins - len(edges)
    if light.size and remaining > 1:
        grid = np.arange(1, remaining) / remaining
        edges.update(float(v) for v in np.quantile(light, grid, method="inverted_cdf"))
    edges.discard(float(distinct[-1]))  # nothing of the reference lies above its maximum
    return NumericBins(tuple(sorted(edges)))


def fit_category(column: pl.Series, limit: int = MAX_CATEGORIES) -> CategoryBins:
    """A bin for each of ``limit`` labels, the most frequent first; the others share one.

    Were the most frequent taken where many are about equally so, chance would choose those that this sample has too
    many of, and other rows would seem to have lost some. Of labels whose frequency is within ``SURELY`` standard errors
    of the last that has room, those are taken whose checksum is the lowest.
    """
    counts = label_view(column).drop_nulls().value_counts(name="rows")
    ordered = counts.sort(["rows", column.name], descending=[True, False])
    if ordered.height > limit:
        last = ordered["rows"][limit - 1]
        low, high = last - SURELY * last**0.5, last + SURELY * last**0.5
        sure, alike = ordered.filter(pl.col("rows") > high), ordered.filter(pl.col("rows").is_between(low, high))
        by_lot = np.argsort([crc32(label.encode()) for label in alike[column.name]], kind="stable")
        ordered = pl.concat([sure, alike[np.sort(by_lot[: limit - sure.height])]])
    return CategoryBins(tuple(ordered[column.name].to_list()))


@dataclass(frozen=True, slots=True)
class Codec:
    """Bins of every modelled column, in the order of ``schema.modelled``."""

    schema: Schema
    bins: tuple[Bins, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, schema: Schema) -> Codec:
        """Bins from a frame of reference rows (of synthetic rows only where there is no reference)."""
        bins: list[Bins] = []
        for column in schema.modelled:
            series = frame[column.name]
            if column.kind in NUMERIC_KINDS:
                bins.append(fit_numeric(numeric_view(series, column.kind).to_numpy()))
            else:
                bins.append(fit_category(series))
        return cls(schema, tuple(bins))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of codes of each column; every code lies in ``[0, size)``."""
        return tuple(item.size for item in self.bins)

    def encode(self, frame: pl.DataFrame) -> Codes:
        """Codes of ``frame``, shape (rows, modelled columns), C-contiguous."""
        columns = []
        for column, item in zip(self.schema.modelled, self.bins, strict=True):
            series = frame[column.name]
            if isinstance(item, NumericBins):
                columns.append(item.encode(numeric_view(series, column.kind).to_numpy().astype(np.float64)))
            else:
                columns.append(item.encode(series))
        if not columns:
            return np.empty((frame.height, 0), np.uint8)
        return np.ascontiguousarray(np.column_stack(columns))

    def label(self, index: int, code: int) -> str:
        """What code ``code`` of column ``index`` stands for, for people."""
        item = self.bins[index]
        if code == 0:
            return "null"
        if isinstance(item, CategoryBins):
            return item.labels[code - 1] if code <= len(item.labels) else "(unseen or rare)"
        if code > len(item.edges) + 1:
            return "(unused)"
        low = item.edges[code - 2] if code >= 2 else None
        high = item.edges[code - 1] if code <= len(item.edges) else None
        if low is None:
            return f"≤ {high:g}" if high is not None else "any"
        return f"> {low:g}" if high is None else f"{low:g} – {high:g}"
