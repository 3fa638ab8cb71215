"""How far apart two discrete distributions are. Counts and probabilities are both taken; each side is normalised.

All figures are >= 0, 0 for equal distributions, and symmetric but for KL. Sides may have leading axes: the last one is
the one summed over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def _probabilities(counts: npt.ArrayLike) -> Floats:
    weights = np.asarray(counts, np.float64)
    total = weights.sum(axis=-1, keepdims=True)
    if not (total > 0).all():
        raise ValueError("a distribution needs some mass")
    return np.asarray(weights / total)


def _plogp_ratio(p: Floats, q: Floats) -> Floats:
    """``p log2(p / q)``, 0 where p is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log2(p / q), 0.0)


def jensen_shannon(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Jensen-Shannon divergence in bits, in [0, 1] (Lin 1991).

    Under the null, with n rows on both sides and K cells, ``4 n ln2 JSD`` is about chi-squared with K - 1 degrees.

    >>> float(jensen_shannon([1, 1], [1, 1])), float(jensen_shannon([1, 0], [0, 1]))
    (0.0, 1.0)
    """
    p, q = _probabilities(a), _probabilities(b)
    middle = (p + q) / 2
    total = (_plogp_ratio(p, middle) + _plogp_ratio(q, middle)).sum(axis=-1) / 2
    return np.asarray(np.clip(total, 0.0, 1.0))


def kullback_leibler(a: npt.ArrayLike, b: npt.ArrayLike, *, floor: float = 0.0) -> Floats:
    """KL(a || b) in bits, in [0, inf). With ``floor`` = e it is KL(a || (1-e) b + e a) <= log2(1/e): a few impossible
    cells then cost a bounded number of bits."""
    p, q = _probabilities(a), _probabilities(b)
    return np.asarray(np.maximum(_plogp_ratio(p, (1 - floor) * q + floor * p).sum(axis=-1), 0.0))


def total_variation(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Half the summed absolute difference, in [0, 1]: the share of rows to change to turn one into the other."""
    return np.asarray(np.abs(_probabilities(a) - _probabilities(b)).sum(axis=-1) / 2)


def expected_total_variation(p: npt.ArrayLike, n: int, m: int) -> Floats:
    """Total variation to expect between samples of n and m rows of one distribution ``p``:
    ``sum sqrt(p (1-p) (1/n + 1/m) / 2 pi)`` (mean of a half-normal per cell)."""
    cells = _probabilities(p)
    return np.asarray(np.sqrt(cells * (1 - cells) * (1 / n + 1 / m) / (2 * np.pi)).sum(axis=-1))


def segment_jensen_shannon(a: npt.ArrayLike, b: npt.ArrayLike, offsets: npt.NDArray[np.int64]) -> Floats:
    """JSD in bits of each of p histograms laid end to end; segment j is ``[offsets[j], offsets[j+1])``, shape (p,).

    No segment may be empty, and all segments of a side hold the same number of rows.
    """
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    starts = offsets[:-1]
    p = left / left[starts[0] : offsets[1]].sum()
    q = right / right[starts[0] : offsets[1]].sum()
    middle = (p + q) / 2
    pieces = (_plogp_ratio(p, middle) + _plogp_ratio(q, middle)) / 2
    return np.asarray(np.clip(np.add.reduceat(pieces, starts), 0.0, 1.0))


def wasserstein(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """First Wasserstein distance of two samples of finite values, in their unit: the area between the two CDFs.

    >>> wasserstein(np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    2.0
    """
    grid = np.sort(np.concatenate([a, b]))
    below_a = np.searchsorted(np.sort(a), grid[:-1], side="right") / a.size
    below_b = np.searchsorted(np.sort(b), grid[:-1], side="right") / b.size
    return float((np.abs(below_a - below_b) * np.diff(grid)).sum())
