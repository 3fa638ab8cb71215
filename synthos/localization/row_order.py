"""What the order of the rows carries by itself: columns that run along it, and which of two equal rows is the copy.

A column by which a table is sorted (a date of entry, a counter) takes other values in every run of rows, with a small
spread in each. Held against the whole table's margin every run of it looks damaged, so such columns are left out of
the comparison. What can still be seen in them are nulls, and a value that stands still where values hardly ever repeat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthos.profiling.hashing import Hashes
from synthos.sampling.evidence import Evidence
from synthos.tables.codec import Codes, numeric_view
from synthos.tables.schema import NUMERIC_KINDS

Floats = npt.NDArray[np.float64]

#: Share of the variance of the row number that a column's bins explain from which on the column runs along the rows.
#: Two unlike parts of a table, however unlike, explain three quarters at most.
RUNS_ALONG = 0.8
#: Values of a column hardly ever repeat where at least this share of them is distinct in the reference.
_DISTINCT = 0.8
#: What a row whose only equals come later counts against a row that repeats an earlier one, in ``later_copies``.
_ORIGINAL = 0.25


def trending(codes: Codes, sizes: Sequence[int], rows: npt.NDArray[np.int64]) -> frozenset[int]:
    """Columns that run along the rows, by index. ``codes``: shape (n, columns), 0 for null, in table order. Only
    ``rows`` (ascending) are looked at: copies of earlier rows lie where they were put, not where their order is.

    The measure is the correlation ratio of the row number given the code (Fisher 1925), adjusted for the number of
    codes: 0 where the rows are in random order, near 1 for a sorted column, for labels in whichever order they come.
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
        if 1.0 - (1.0 - between) * (known - 1) / (known - groups) >= RUNS_ALONG:
            found.add(column)
    return frozenset(found)


def repeats(evidence: Evidence, column: int) -> Floats | None:
    """1 where a value equals the one in the row before, shape (n,); None for labels and where values often repeat.

    Whether they do is read off the reference, or off the synthetic table where there is none.
    """
    spec = evidence.schema.modelled[column]
    if spec.kind not in NUMERIC_KINDS or spec.kind == "text":
        return None
    usual = evidence.synthetic if evidence.reference is None else evidence.reference
    known = usual.frame[spec.name].drop_nulls()
    if not len(known) or known.n_unique() < _DISTINCT * len(known):
        return None
    values = numeric_view(evidence.synthetic.frame[spec.name], spec.kind).to_numpy().astype(np.float64)
    return np.concatenate([[0.0], (values[1:] == values[:-1]).astype(np.float64)])


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
