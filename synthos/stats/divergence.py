"""How far apart two discrete distributions are. Counts and probabilities are both taken; each side is normalised.

All figures are >= 0, 0 for equal distributions, and symmetric. Sides may have leading axes: the last one is the one
summed over. A side without mass is a ``ValueError``.
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


def total_variation(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Half the summed absolute difference, in [0, 1]: the share of rows to change to turn one into the other.

    >>> float(total_variation([1, 1], [3, 1]))
    0.25
    """
    return np.asarray(np.abs(_probabilities(a) - _probabilities(b)).sum(axis=-1) / 2)


def expected_total_variation(p: npt.ArrayLike, spread: float) -> Floats:
    """Total variation to expect by chance alone: ``sum sqrt(p (1-p) spread / 2 pi)``, the mean of a half-normal a cell.

    ``spread`` is the variance of a difference of shares over ``p (1-p)``: ``1/n + 1/m`` between samples of n and m
    rows of one distribution, ``1/n - 1/N`` between N rows and n of them drawn without replacement.
    """
    cells = _probabilities(p)
    return np.asarray(np.sqrt(cells * (1 - cells) * spread / (2 * np.pi)).sum(axis=-1))


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
