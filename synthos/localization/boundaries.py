"""From a run of blocks to a run of rows: where exactly does the difference begin and end?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ROUNDS = 4
_RIDGE = 0.05
#: Evidence, in nats, that fixes an end: 20 to 1.
_CERTAIN = float(np.log(20.0))


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Fisher's linear discriminant between the rows of a run and all others.

    ``scale`` and ``weights`` have a figure a channel, shape (C,). Inside scores high; the score is centred so that its
    sign is the log-likelihood ratio of the two sides (equal covariance, shrunk towards its diagonal, which keeps
    near-copies of a channel from cancelling each other).
    """

    scale: Floats
    middle: Floats
    weights: Floats

    @classmethod
    def fit(cls, values: npt.NDArray[np.float32], start: int, stop: int) -> Discriminant:
        """Between the rows ``[start, stop)`` of ``values``, shape (n, C), and all others."""
        inside = np.zeros(len(values), bool)
        inside[start:stop] = True
        spread = values.std(axis=0, dtype=np.float64)
        scale = np.where(spread > 0, spread, 1.0)
        scaled = values / scale
        one, other = scaled[inside].astype(np.float64), scaled[~inside].astype(np.float64)
        pooled = (np.cov(one, rowvar=False) * len(one) + np.cov(other, rowvar=False) * len(other)) / len(values)
        pooled = np.atleast_2d(pooled)
        pooled += _RIDGE * np.diag(np.diag(pooled)) + 1e-4 * np.eye(len(pooled))
        ends = one.mean(axis=0), other.mean(axis=0)
        return cls(scale, (ends[0] + ends[1]) / 2, np.linalg.solve(pooled, ends[0] - ends[1]))

    def score(self, values: npt.NDArray[np.float32]) -> Floats:
        """How much each row looks like those inside, in nats, shape (n,)."""
        return np.asarray((values / self.scale - self.middle) @ self.weights, np.float64)


def row_score(values: npt.NDArray[np.float32], start: int, stop: int) -> Floats:
    """What the discriminant of the rows ``[start, stop)`` says of every row, shape (n,)."""
    return Discriminant.fit(values, start, stop).score(values)


def blur(score: Floats, start: int, stop: int, most: int) -> int:
    """Rows by which an end may be off: as many as it takes to gather ``_CERTAIN`` nats on either side of it."""
    inside = float(score[start:stop].mean())
    outside = -float(np.concatenate([score[:start], score[stop:]]).mean())
    gain = min(inside, outside)
    return int(np.clip(np.ceil(_CERTAIN / gain), 1, most)) if gain > 0 else most


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
