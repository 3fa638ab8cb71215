"""Repeated and copied rows over full tables, and how many of them real data of the same size would have.

Everything is read off ``DistinctRows``: the distinct rows with the smallest hashes, each with its copies. The same
hash picks the same rows in every table, so shares over the kept rows are unbiased for the whole table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, nbdtrik, ndtri

from synthos.profiling.distinct import DistinctRows

Floats = npt.NDArray[np.float64]

#: Quantiles at which a closed-form null is laid out, standing in for as many draws.
GRID = (np.arange(61) + 0.5) / 61


@dataclass(frozen=True, slots=True)
class Count:
    """``hits`` among ``rows`` rows looked at."""

    hits: float
    rows: float

    @property
    def share(self) -> float:
        return self.hits / self.rows if self.rows else 0.0


def duplicates(rows: DistinctRows, total: int) -> Count:
    """Rows beyond the first of their kind, among the rows whose hash was kept (all ``total`` in small tables)."""
    seen = int(rows.copies.sum())
    return Count(float(seen - rows.copies.size), float(min(seen, total)))


def rarefied_duplicates(rows: DistinctRows, total: int, size: int) -> float:
    """Expected share of repeated rows in ``size`` rows of this population; [0, 1].

    Below ``total`` rows the hypergeometric rarefaction (Hurlbert 1971); above it the line through the origin, which
    bounds the share from above, since it grows ever more slowly with the size.
    """
    share = duplicates(rows, total).share
    if size >= total:
        return min(1.0, share * (size - 1) / max(total - 1, 1))
    copies = rows.copies.astype(np.float64)
    left = total - copies
    # log of C(total - c, size) / C(total, size): the chance that none of the c copies is among the rows.
    with np.errstate(invalid="ignore"):
        missed = np.exp(
            gammaln(left + 1) - gammaln(left - size + 1) - (gammaln(total + 1.0) - gammaln(total - size + 1.0))
        )
    distinct = np.sum(1.0 - np.where(left >= size, missed, 0.0))
    expected = size * copies.sum() / total
    return float(np.clip(1.0 - distinct / expected, 0.0, 1.0))


def occurring(rows: DistinctRows, reference: DistinctRows) -> Count:
    """Rows that the reference holds too, over the hashes that both tables kept."""
    limit = min(rows.threshold, reference.threshold)
    mine = _below(rows, limit)
    known = np.isin(rows.hashes[mine], reference.hashes)
    copies = rows.copies[mine]
    return Count(float(copies[known].sum()), float(copies.sum()))


def recurring(rows: DistinctRows) -> Count:
    """Rows that occur again in their own table: what a fresh real row would do in the reference (Good 1953)."""
    return Count(float(rows.copies[rows.copies >= 2].sum()), float(rows.copies.sum()))


def expected_shares(base: Count, rows: float, growth: float = 1.0) -> Floats:
    """Shares that ``rows`` fresh rows would show, given ``base`` in real data, at the quantiles ``GRID``, shape (61,).

    The real rate is known from a count only (Jeffreys prior), and the fresh count scatters about it: a negative
    binomial. ``growth`` is the factor by which the rate itself rises at the fresh size.
    """
    if not rows or not base.rows:
        return np.zeros(GRID.size)
    scale = rows / base.rows * growth
    hits = np.ceil(nbdtrik(GRID, base.hits + 0.5, 1.0 / (1.0 + scale)))
    return np.asarray(np.clip(hits / rows, 0.0, 1.0))


def observed_shares(count: Count) -> Floats:
    """The share with its own scatter, a Poisson count's, around ``count.share``, shape (61,)."""
    if not count.rows:
        return np.zeros(GRID.size)
    spread = np.sqrt(count.hits * max(1.0 - count.share, 0.0)) / count.rows
    return np.asarray(np.clip(count.share + spread * ndtri(GRID), 0.0, 1.0))


def _below(rows: DistinctRows, limit: int) -> npt.NDArray[np.bool_]:
    if limit >= 2**64:
        return np.ones(rows.hashes.size, bool)
    return np.asarray(rows.hashes < np.uint64(limit))
