"""Bottom-k of hashes with exact copies: distinct rows, their multiplicities, and distinct counts of columns.

Keeping the k smallest distinct hashes of everything seen (KMV, Bar-Yossef et al. 2002; coordinated samples, Cohen 1997)
is exactly associative and commutative, and picks the same rows in every table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SPACE = 1 << 64


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """The distinct rows with the smallest hashes, each with its exact number of copies in the full table.

    The same hash picks the same rows in every table, so two tables can be compared row for row.

    Attributes
    ----------
    hashes : ascending, shape (k,); all distinct rows of the table whose hash is below ``threshold``.
    copies : shape (k,), int64.
    threshold : hashes below this were kept; 2**64 where every distinct row was.
    """

    hashes: npt.NDArray[np.uint64]
    copies: npt.NDArray[np.int64]
    threshold: int

    @property
    def is_complete(self) -> bool:
        """True where every distinct row was kept."""
        return self.threshold == SPACE


EMPTY = DistinctRows(np.empty(0, np.uint64), np.empty(0, np.int64), SPACE)


def run_starts(ordered: npt.NDArray[np.uint64] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Where each run of equal values begins in a sorted array."""
    if not len(ordered):
        return np.empty(0, np.int64)
    return np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1))


def count_sorted(ordered: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Distinct values of a sorted array, and how often each occurs."""
    starts = run_starts(ordered)
    return ordered[starts], np.diff(starts, append=len(ordered)).astype(np.int64)


def add(state: DistinctRows, hashes: npt.NDArray[np.uint64], capacity: int) -> DistinctRows:
    """The state after more rows."""
    if not state.is_complete:
        hashes = hashes[hashes < np.uint64(state.threshold)]
        return merge(state, of(hashes, capacity), capacity) if len(hashes) else state
    return merge(state, of(hashes, capacity), capacity)


def of(hashes: npt.NDArray[np.uint64], capacity: int) -> DistinctRows:
    """The state of one run of rows."""
    if len(hashes) > 2 * capacity:
        # Where values hardly repeat, the smallest ones all lie below a bound known beforehand, and few need sorting.
        bound = SPACE // len(hashes) * (capacity + capacity // 4)
        low, copies = count_sorted(np.sort(hashes[hashes < np.uint64(bound)]))
        if len(low) > capacity:
            return DistinctRows(low[:capacity], copies[:capacity], int(low[capacity]))
    fresh, copies = count_sorted(np.sort(hashes))
    if len(fresh) > capacity:
        return DistinctRows(fresh[:capacity], copies[:capacity], int(fresh[capacity]))
    return DistinctRows(fresh, copies, SPACE)


def merge(a: DistinctRows, b: DistinctRows, capacity: int) -> DistinctRows:
    """Both states as one: exact copies of the ``capacity`` smallest distinct hashes of the two together."""
    if not len(a.hashes) and a.is_complete:
        return b
    if not len(b.hashes) and b.is_complete:
        return a
    threshold = min(a.threshold, b.threshold)
    a, b = _below(a, threshold), _below(b, threshold)
    both = np.concatenate([a.hashes, b.hashes])
    order = np.argsort(both, kind="stable")
    ordered = both[order]
    starts = run_starts(ordered)
    hashes = ordered[starts]
    copies = np.concatenate([a.copies, b.copies])[order]
    copies = np.add.reduceat(copies, starts) if len(starts) else copies
    if len(hashes) <= capacity:
        return DistinctRows(hashes, copies, threshold)
    return DistinctRows(hashes[:capacity], copies[:capacity], int(hashes[capacity]))


def _below(state: DistinctRows, threshold: int) -> DistinctRows:
    if threshold >= state.threshold:
        return state
    keep = int(np.searchsorted(state.hashes, np.uint64(threshold)))
    return DistinctRows(state.hashes[:keep], state.copies[:keep], threshold)


def distinct_count(state: DistinctRows) -> tuple[int, float]:
    """Distinct hashes seen and the relative standard error of that figure, 0 where it is exact.

    The KMV estimate ``(k - 1) / u`` with ``u`` the k-th smallest hash on (0, 1) has relative error ``1/sqrt(k - 2)``.
    """
    kept = len(state.hashes)
    if state.is_complete:
        return kept, 0.0
    return round(kept / (state.threshold / SPACE)), 1 / math.sqrt(max(kept - 1, 1))


def duplicate_share(state: DistinctRows, rows: int) -> tuple[float, float]:
    """``1 - distinct rows / rows`` in [0, 1) and its standard error; 0 error where every distinct row was kept.

    Distinct rows with small hashes are a uniform sample of the distinct rows, so the mean of their copies estimates
    ``rows / distinct`` far more sharply than the KMV count does.
    """
    if state.is_complete:
        return (1 - len(state.hashes) / rows if rows else 0.0), 0.0
    mean = float(state.copies.mean())
    spread = float(state.copies.std(ddof=1)) if len(state.copies) > 1 else 0.0
    return 1 - 1 / mean, spread / mean**2 / math.sqrt(len(state.copies))
