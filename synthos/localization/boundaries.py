"""From a run of blocks to a run of rows: where exactly does the difference begin and end?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ROUNDS = 4
_RIDGE = 0.05


def row_score(values: npt.NDArray[np.float32], start: int, stop: int) -> Floats:
    """Fisher's linear discriminant between the rows ``[start, stop)`` and all others, shape (n,).

    Inside scores high. The score is centred so that its sign is the log-likelihood ratio of the two sides (equal
    covariance, shrunk towards its diagonal, which keeps near-copies of a channel from cancelling each other).
    """
    inside = np.zeros(len(values), bool)
    inside[start:stop] = True
    scale = values.std(axis=0, dtype=np.float64)
    scaled = values / np.where(scale > 0, scale, 1.0)
    one, other = scaled[inside].astype(np.float64), scaled[~inside].astype(np.float64)
    pooled = (np.cov(one, rowvar=False) * len(one) + np.cov(other, rowvar=False) * len(other)) / len(values)
    pooled = np.atleast_2d(pooled)
    pooled += _RIDGE * np.diag(np.diag(pooled)) + 1e-4 * np.eye(len(pooled))
    weights = np.linalg.solve(pooled, one.mean(axis=0) - other.mean(axis=0))
    middle = (one.mean(axis=0) + other.mean(axis=0)) / 2
    return np.asarray((scaled - middle) @ weights, np.float64)


def sharpen(values: npt.NDArray[np.float32], start: int, stop: int, reach: int) -> tuple[int, int]:
    """Move both ends, by at most about ``reach`` rows at a time, to where the likelihood of two segments is largest."""
    rows = len(values)
    for _ in range(_ROUNDS):
        gains = np.concatenate([[0.0], np.cumsum(row_score(values, start, stop))])
        middle = (start + stop) // 2
        low, high = max(0, start - reach), min(middle, start + reach)
        new_start = low + int(gains[low : high + 1].argmin())
        low, high = max(middle, stop - reach), min(rows, stop + reach)
        new_stop = low + int(gains[low : high + 1].argmax())
        if (new_start, new_stop) == (start, stop) or new_stop - new_start < 2 or new_stop - new_start > rows - 2:
            break
        start, stop = new_start, new_stop
    return start, stop


def ramp(score: Floats, start: int, stop: int, edges: npt.NDArray[np.int64], reach: int) -> tuple[int, int]:
    """The run whose linear trend explains most of ``score``: for a drift, whose beginning is too faint for a step.

    For every pair of block edges within ``reach`` rows of the present ends the score is fitted by a straight line
    inside and a constant outside; the pair that leaves the least squares wins.
    """
    centred = score - score.mean()
    place = np.arange(len(score), dtype=np.float64)
    sums, moments = (np.concatenate([[0.0], np.cumsum(x)]) for x in (centred, centred * place))
    firsts = edges[(edges >= start - reach) & (edges <= start + reach)]
    lasts = edges[(edges >= stop - reach) & (edges <= stop + reach)]
    a, b = (grid.ravel().astype(np.int64) for grid in np.meshgrid(firsts, lasts, indexing="ij"))
    fits = b - a >= 2 * int(np.diff(edges).max())
    a, b = a[fits], b[fits]
    if not len(a):
        return start, stop
    inside, total = (b - a).astype(np.float64), float(len(score))
    mean = (sums[b] - sums[a]) / inside
    centre = (a + b - 1) / 2
    slope = (moments[b] - moments[a] - centre * (sums[b] - sums[a])) / (inside * (inside**2 - 1) / 12)
    outside = np.maximum(total - inside, 1.0)
    explained = inside * mean**2 + slope**2 * inside * (inside**2 - 1) / 12 + (inside * mean) ** 2 / outside
    best = int(explained.argmax())
    return int(a[best]), int(b[best])
