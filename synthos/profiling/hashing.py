"""Hashes of cells, rows and row positions: the same for equal rows in any table, batch or process.

Equal values meet in one form before they are hashed (32- and 64-bit integers, strings and categoricals, dates and
timestamps), and rows are hashed over the columns of the schema in its order, whatever the file's own order is.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.results import Kind
from synthos.tables.codec import label_view

Hashes = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
#: Base of the polynomial digest; congruent to 5 modulo 8, so that its powers repeat only after 2**62 rows.
_BASE = 0xD1342543DE82EF95
_MASK = (1 << 64) - 1
_FLOATS = (pl.Float32, pl.Float64)
#: Floats from here on have no fractions to tell apart, and may not fit an integer.
_WHOLE_LIMIT = 2.0**62


def mix(words: Hashes) -> Hashes:
    """The splitmix64 finaliser (Steele, Lea and Flood 2014): a bijection of 64-bit words that looks random."""
    mixed = words + _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= _MIX_1
    mixed ^= mixed >> np.uint64(27)
    mixed *= _MIX_2
    mixed ^= mixed >> np.uint64(31)
    return mixed


def canonical(column: pl.Series, kind: Kind) -> pl.Series:
    """The one form in which equal values of a kind are equal, whatever type their file stores them in."""
    if kind == "integer":
        return column.cast(pl.Float64 if column.dtype in _FLOATS else pl.Int64, wrap_numerical=True)
    if kind == "number":
        return column.cast(pl.Float64)
    if kind == "datetime":
        return column.cast(pl.Datetime("us")).to_physical()
    return label_view(column)


def cell_hashes(column: pl.Series, kind: Kind) -> Hashes:
    """A hash per cell, shape (n,); all nulls share one."""
    values = canonical(column, kind)
    hashes: Hashes = values.hash(seed=0x5EED).to_numpy()
    if kind == "integer" and values.dtype == pl.Float64:
        # Cell by cell, so that a fraction elsewhere in the batch does not change what a whole number hashes to.
        whole = ((values == values.round()) & (values.abs() < _WHOLE_LIMIT)).fill_null(True)
        integers = values.set(~whole, 0.0).cast(pl.Int64)
        hashes = np.where(whole.to_numpy(), integers.hash(seed=0x5EED).to_numpy(), hashes)
    return hashes


def combine(columns: Iterable[Hashes], rows: int) -> Hashes:
    """A hash per row from the hashes of its cells, in the order of ``columns``; shape (rows,)."""
    total = np.full(rows, _GOLDEN)
    for hashes in columns:
        total *= _MIX_1
        total += hashes
    return mix(total)


def priorities(seed: int, shard: int, first: int, count: int) -> Hashes:
    """A pseudo-random word for each of ``count`` row positions from ``first`` on in shard ``shard``."""
    stream = mix(np.array([seed & _MASK, shard], np.uint64))
    return mix(np.arange(first, first + count, dtype=np.uint64) * _GOLDEN + (stream[0] ^ mix(stream)[1]))


def digest(row_hashes: Hashes) -> int:
    """``sum(h[i] * base**(n-1-i)) mod 2**64``: depends on the order of rows, and joins (see ``join_digests``)."""
    return int((row_hashes * _falling_powers(len(row_hashes))).sum(dtype=np.uint64))


@lru_cache(maxsize=4)
def _falling_powers(rows: int) -> Hashes:
    powers = np.full(rows, np.uint64(_BASE))
    powers[:1] = np.uint64(1)
    return np.multiply.accumulate(powers)[::-1].copy()


def join_digests(left: int, right: int, right_rows: int) -> int:
    """The digest of two runs of rows laid end to end."""
    return (left * pow(_BASE, right_rows, 1 << 64) + right) & _MASK
