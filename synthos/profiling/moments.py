"""Count, mean, variance and extremes of a column: exact to rounding, joined by Chan's formula."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Moments:
    """``squares`` is the sum of squared deviations from ``mean``; extremes are +-inf where there is no value."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf

    @property
    def std(self) -> float | None:
        """Sample standard deviation (n - 1), None below two values."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


def of(values: npt.NDArray[np.float64]) -> Moments:
    """Moments of an array without NaN, in two passes over it."""
    if not len(values):
        return Moments()
    mean = float(values.mean())
    centred = values - mean
    # The mean of the residues mends what rounding left in the first mean (corrected two-pass algorithm).
    residue = float(centred.mean())
    # Not ``centred @ centred``: BLAS would share out this little sum among threads that the workers need themselves.
    np.square(centred, out=centred)
    squares = max(float(centred.sum()) - len(values) * residue**2, 0.0)
    return Moments(len(values), mean + residue, squares, float(values.min()), float(values.max()))


def merge(a: Moments, b: Moments) -> Moments:
    """Chan, Golub and LeVeque (1979): the moments of both runs of values as one."""
    if not a.count or not b.count:
        return a if a.count else b
    count = a.count + b.count
    delta = b.mean - a.mean
    return Moments(
        count,
        a.mean + delta * (b.count / count),
        a.squares + b.squares + delta * delta * (a.count * (b.count / count)),
        min(a.minimum, b.minimum),
        max(a.maximum, b.maximum),
    )
