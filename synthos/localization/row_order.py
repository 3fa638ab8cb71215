"""What the order of the rows carries by itself: columns that run along it, and which of two equal rows is the copy.

A column by which a table is sorted (a date of entry, a counter) takes other values in every run of rows, with a small
spread in each. Held against the whole table's margin every run of it looks damaged, so such columns are left out of
the comparison. What can still be seen in them are nulls, a value that stands still, and values far from those around.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.hashing import Hashes
from synthos.sampling.evidence import ArmData, Evidence
from synthos.tables.codec import Codes, numeric_view
from synthos.tables.schema import NUMERIC_KINDS, Column

Floats = npt.NDArray[np.float64]

#: Share of the variance of the row number that a column's bins explain from which on the column runs along the rows.
#: Two unlike parts of a table, however unlike, explain three quarters at most.
RUNS_ALONG = 0.8
#: The same where the column runs along the rows of the reference.
STILL_ALONG = 0.25
#: Distinct values of a column from which on it is asked how its values follow one another.
_DISTINCT = 256
#: Rows around a row, itself among them, whose middle value says where along the order it lies.
_NEIGHBOURS = 15
#: What a row whose only equals come later counts against a row that repeats an earlier one, in ``later_copies``.
_ORIGINAL = 0.25


def trending(
    codes: Codes, sizes: Sequence[int], rows: npt.NDArray[np.int64], least: float = RUNS_ALONG
) -> frozenset[int]:
    """Columns that run along the rows, by index. ``codes``: shape (n, columns), 0 for null, in table order. Only
    ``rows`` (ascending) are looked at: copies of other rows lie where they were put, not where their order is.

    The measure is the correlation ratio of the row number given the code (Fisher 1925), adjusted for the number of
    codes: 0 where the rows are in random order, near 1 for a sorted column, for labels in whichever order they come.
    It has to reach ``least``.
    """
    found = set()
    for column, size in enumerate(sizes):
        place = rows[codes[rows, column] > 0]
        own = codes[place, column]
        counts = np.bincount(own, minlength=size)
        groups, known = int(np.count_nonzero(counts)), len(place)
        if groups < 2 or known <= 2 * groups:
            continue
        centred = place - place.mean()
        sums = np.bincount(own, weights=centred, minlength=size)
        between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum()) / float(centred @ centred)
        if 1.0 - (1.0 - between) * (known - 1) / (known - groups) >= least:
            found.add(column)
    return frozenset(found)


def trending_columns(evidence: Evidence, rows: npt.NDArray[np.int64]) -> frozenset[int]:
    """Columns of the synthetic table that run along its ``rows``.

    A column that runs along the reference too is one from ``STILL_ALONG`` on, since damage takes from its order.
    """
    found = trending(evidence.synthetic.codes, evidence.sizes, rows)
    if evidence.reference is None:
        return found
    usual = trending(evidence.reference.codes, evidence.sizes, np.arange(len(evidence.reference.codes)))
    return found | (usual & trending(evidence.synthetic.codes, evidence.sizes, rows, STILL_ALONG))


def along(arm: ArmData, column: Column) -> tuple[Floats, Floats] | None:
    """How the numbers of a column lie along the rows of a table, each of shape (n,); None for labels, and where values
    repeat so often that no block of rows is without a repetition.

    Returns
    -------
    stuck : log2 of the length of the run of equal values that the row is in; 0 for a value unlike its neighbours.
    displaced : log2(1 + d), with d the distance of the value's rank to the median rank of the ``_NEIGHBOURS`` rows
        around it, in rows; 0 where it is null.
    """
    if column.kind not in NUMERIC_KINDS or column.kind == "text":
        return None
    values = numeric_view(arm.frame[column.name], column.kind).to_numpy().astype(np.float64)
    known = np.flatnonzero(~np.isnan(values))
    distinct, ranks = np.unique(values[known], return_inverse=True)
    if len(distinct) < _DISTINCT:
        return None
    change = np.concatenate([[True], values[1:] != values[:-1]])
    stuck = np.log2(np.diff(np.append(np.flatnonzero(change), len(values))))[np.cumsum(change) - 1]
    place = pl.Series(ranks * (len(known) / len(distinct)))
    middle = place.rolling_median(_NEIGHBOURS, center=True, min_samples=1).to_numpy()
    displaced = np.zeros(len(values))
    displaced[known] = np.log2(1.0 + np.abs(place.to_numpy() - middle))
    return stuck, displaced


def later_copies(hashes: Hashes, start: int, stop: int) -> int:
    """Where the copies in the rows ``[start, stop)`` begin; ``stop`` where all are originals of copies further on.

    A row is a copy if an equal row came before it in the table. The rows in front of the answer hold more originals
    (no equal row before, one after) than copies.
    """
    _, first, inverse, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    repeated = counts[inverse[start:stop]] > 1
    original = first[inverse[start:stop]] == np.arange(start, stop)
    gains = np.concatenate([[0.0], np.cumsum(np.where(repeated, np.where(original, -_ORIGINAL, 1.0), 0.0))])
    lowest = np.flatnonzero(gains <= gains.min() + 1e-9)
    return start + int(lowest[-1])
