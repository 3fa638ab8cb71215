"""Intervals from resampled copies of a figure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthos.results import Interval


def percentile_interval(copies: npt.ArrayLike, point: float, *, level: float = 0.95) -> Interval:
    """The central ``level`` of ``copies`` (Efron 1979), widened where needed to hold ``point``, in its unit.

    >>> percentile_interval([1.0, 2.0, 3.0], 2.0, level=0.5)
    Interval(low=1.5, high=2.5, level=0.5)
    """
    low, high = np.quantile(np.asarray(copies, np.float64), [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=min(float(low), point), high=max(float(high), point), level=level)
