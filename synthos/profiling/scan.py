"""One pass over a table: the mergeable state that everything else is read off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Blocks:
    """Per-block fingerprints of the full table, for drift and regions.

    Attributes
    ----------
    starts : first row of each block, counted from 0, ascending, shape (B,); block i ends where i+1 starts.
    counts : rows per code, shape (B, sum of codec sizes); columns of the codec lie side by side at ``offsets``.
    offsets : where each modelled column's codes begin in ``counts``, shape (modelled + 1,).
    """

    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]


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


@dataclass(frozen=True, slots=True)
class Scan:
    """A finished scan, beside the ``TableProfile`` made from it.

    ``histogram`` is the full table's rows per code, laid out as in ``Blocks.counts``, shape (sum of codec sizes,).
    """

    rows: int
    histogram: npt.NDArray[np.int64]
    blocks: Blocks
    distinct_rows: DistinctRows
