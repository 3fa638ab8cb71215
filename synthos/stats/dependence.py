"""Contingency tables over tuples of coded columns, and the dependence that they show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice
from math import comb, prod

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Coded = npt.NDArray[np.integer]


@lru_cache(maxsize=64)
def _offsets(columns: tuple[tuple[int, ...], ...], sizes: tuple[int, ...]) -> npt.NDArray[np.int64]:
    cells = [prod(sizes[c] for c in group) for group in columns]
    offsets = np.concatenate([[0], np.cumsum(cells)]).astype(np.int64)
    offsets.flags.writeable = False  # shared between callers
    return offsets


@dataclass(frozen=True, slots=True)
class Tuples:
    """Tuples of columns whose joint cells are counted side by side in one flat histogram.

    Attributes
    ----------
    columns : one tuple of column indices each, all of one order.
    sizes : codes per column of the coded matrix; every code lies in ``[0, size)``.
    """

    columns: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each tuple's cells begin in the flat histogram, and its length at the end, shape (tuples + 1,)."""
        return _offsets(self.columns, self.sizes)

    def cells(self, codes: Coded) -> npt.NDArray[np.int32]:
        """The cell of each row in each tuple, as positions in the flat histogram, shape (rows, tuples)."""
        out = np.empty((len(self.columns), len(codes)), np.int32)
        by_column = np.ascontiguousarray(codes.T, np.int32)
        for row, (group, offset) in enumerate(zip(self.columns, self.offsets, strict=False)):
            index = by_column[group[0]]
            for column in group[1:]:
                index = index * np.int32(self.sizes[column]) + by_column[column]
            np.add(index, np.int32(offset), out=out[row])
        return out.T

    def count(self, codes: Coded) -> Floats:
        """Rows per cell of every tuple, shape (offsets[-1],)."""
        cells, offsets = self.cells(codes), self.offsets
        return np.bincount(cells.ravel(order="K"), minlength=int(offsets[-1])).astype(np.float64)


def pairs(columns: int, limit: int, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """All pairs of columns in order, or ``limit`` of them at random, spread evenly so that no column is left out."""
    if columns * (columns - 1) // 2 <= limit:
        return tuple(combinations(range(columns), 2))
    order = rng.permutation(columns)
    # Rounds of a ring: step s joins each column with the one s places on, so every column gets equally many pairs.
    ring = ((int(order[i]), int(order[(i + step) % columns])) for step in range(1, columns) for i in range(columns))
    return tuple(sorted({(min(p), max(p)) for p in islice(ring, limit)}))


def mutual_information(table: npt.ArrayLike, *, corrected: bool = True) -> Floats:
    """Mutual information in bits of contingency tables, shape (..., I, J) -> (...).

    ``corrected`` takes off the Miller-Madow bias ``(K_xy - K_x - K_y + 1) / 2n ln2`` over occupied cells; it can be
    slightly negative then for independent columns. Uncorrected it lies in [0, log2 min(I, J)].
    """
    counts = np.asarray(table, np.float64)
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    total = rows.sum(axis=-1)
    if not (total > 0).all():
        raise ValueError("mutual information needs some mass")
    joint = _entropy_sum(counts.reshape(*counts.shape[:-2], -1))
    information = (_entropy_sum(rows) + _entropy_sum(columns) - joint) / total
    information = np.log2(total) + information
    if corrected:
        occupied = (counts > 0).sum(axis=(-2, -1)) - (rows > 0).sum(axis=-1) - (columns > 0).sum(axis=-1) + 1
        information = information - occupied / (2 * total * np.log(2))
    return np.asarray(information)


def _entropy_sum(counts: Floats) -> Floats:
    """``-sum c log2 c`` over the last axis, 0 log 0 = 0."""
    return np.asarray(-(counts * np.log2(np.where(counts > 0, counts, 1.0))).sum(axis=-1))


def random_tuples(columns: int, order: int, limit: int, rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    """Up to ``limit`` different tuples of ``order`` columns, all of them where there are no more; every column is met
    about equally often."""
    if comb(columns, order) <= limit:
        return tuple(combinations(range(columns), order))
    found: set[tuple[int, ...]] = set()
    while len(found) < limit:
        shuffled = rng.permutation(columns)
        for start in range(0, columns - order + 1, order):
            found.add(tuple(sorted(int(c) for c in shuffled[start : start + order])))
    return tuple(sorted(found)[: max(limit, 1)])
