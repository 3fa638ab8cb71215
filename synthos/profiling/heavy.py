"""Heavy hitters: the most frequent values of a column with their counts, exact while there are few distinct ones.

Misra and Gries (1982) in batches, joined as in Agarwal et al., "Mergeable summaries" (2012): when more than
``capacity`` values are held, the count of the next one is taken off all. Every count is then too low by at most
``lost``, and ``lost <= rows / (capacity + 1)``; the sieve of ``of_numbers`` adds at most 0.04 % of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synthos.profiling.distinct import run_starts

#: Values held for each column of tables that are not very wide.
CAPACITY = 1024
_BUCKETS = 1 << 16

Value = str | float


@dataclass(frozen=True, slots=True)
class HeavyHitters:
    """``counts`` by value: true ones lie in ``[count, count + lost]``, those of absent values are at most ``lost``."""

    counts: dict[Value, int] = field(default_factory=dict)
    lost: int = 0
    capacity: int = CAPACITY

    def top(self, count: int) -> tuple[tuple[Value, int], ...]:
        """The ``count`` most frequent values, ties by value."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))
        return tuple(ordered[:count])


def survivors(counts: npt.NDArray[np.int64], capacity: int) -> tuple[npt.NDArray[np.int64], int]:
    """Positions that stay when ``counts`` is cut to the capacity, and what is taken off each."""
    if len(counts) <= capacity:
        return np.arange(len(counts)), 0
    next_one = len(counts) - capacity - 1
    cut = int(np.partition(counts, next_one)[next_one])
    return np.flatnonzero(counts > cut), cut


def of(
    values: npt.NDArray[np.float64] | Sequence[str], counts: npt.NDArray[np.int64], capacity: int = CAPACITY
) -> HeavyHitters:
    """The summary of one batch from its distinct values and their counts."""
    kept, cut = survivors(counts, capacity)
    return HeavyHitters({_plain(values[i]): int(counts[i]) - cut for i in kept.tolist()}, cut, capacity)


def of_sorted(ordered: npt.NDArray[np.float64], capacity: int = CAPACITY) -> HeavyHitters:
    """The summary of one batch of numbers in ascending order."""
    starts = run_starts(ordered)
    if len(starts) > capacity and len(starts) == len(ordered):
        return HeavyHitters(
            {}, 1, capacity
        )  # what ``survivors`` would come to, without looking at counts that are all 1
    return of(ordered[starts], np.diff(starts, append=len(ordered)), capacity)


def of_numbers(
    values: npt.NDArray[np.float64], hashes: npt.NDArray[np.uint64], capacity: int = CAPACITY
) -> HeavyHitters:
    """The summary of one batch of numbers and their hashes.

    All rows of a value share its hash's bucket. In a long batch, buckets hardly fuller than chance would make them are
    set aside unsorted; no value among them has more rows than the fullest, which counts as lost.
    """
    if len(values) < _BUCKETS:
        return of_sorted(np.sort(values), capacity)
    bucket = (hashes >> np.uint64(48)).view(np.int64)
    rows = np.bincount(bucket, minlength=_BUCKETS)
    full = rows > 4 * len(values) // _BUCKETS + 16
    found = of_sorted(np.sort(values[full[bucket]]), capacity)
    return HeavyHitters(found.counts, found.lost + int(rows[~full].max(initial=0)), capacity)


def _plain(value: str | np.float64) -> Value:
    return value if isinstance(value, str) else float(value)


def merge(a: HeavyHitters, b: HeavyHitters) -> HeavyHitters:
    """Both summaries, which have one capacity, as one."""
    both = dict(a.counts)
    for value, count in b.counts.items():
        both[value] = both.get(value, 0) + count
    if len(both) <= a.capacity:
        return HeavyHitters(both, a.lost + b.lost, a.capacity)
    kept, cut = survivors(np.fromiter(both.values(), np.int64, len(both)), a.capacity)
    items = list(both.items())
    return HeavyHitters({items[i][0]: items[i][1] - cut for i in kept.tolist()}, a.lost + b.lost + cut, a.capacity)
