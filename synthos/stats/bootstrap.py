"""Intervals by resampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from synthos.results import Interval


def interval(
    rows: npt.NDArray[Any],
    statistic: Callable[[npt.NDArray[Any]], float],
    rng: np.random.Generator,
    *,
    draws: int = 200,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval (Efron 1979) of ``statistic`` over the first axis of ``rows``, widened where needed
    to hold the point estimate."""
    if not len(rows):
        raise ValueError("the bootstrap needs rows")
    values = np.array([statistic(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(draws)])
    return percentile_interval(values, statistic(rows), level=level)


def percentile_interval(draws: npt.ArrayLike, point: float, *, level: float = 0.95) -> Interval:
    """The central ``level`` of ``draws``, widened where needed to hold ``point``."""
    values = np.asarray(draws, np.float64)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=min(float(low), point), high=max(float(high), point), level=level)
