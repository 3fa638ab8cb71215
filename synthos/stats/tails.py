"""How heavy a tail is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Part of the values taken as the tail, and the fewest that make an estimate.
TAIL_SHARE, FEWEST = 0.02, 20


def hill(values: npt.NDArray[np.float64]) -> float | None:
    """Hill's estimate of the tail index 1/alpha from the largest 2 % of finite ``values`` (Hill 1975).

    0 for a bounded tail, 1/alpha for a Pareto one; standard error about ``estimate / sqrt(k)`` with k values in the
    tail. None where the tail holds fewer than 20 values or does not lie above zero.
    """
    count = int(values.size * TAIL_SHARE)
    if count < FEWEST:
        return None
    top = np.sort(np.partition(values, values.size - count - 1)[values.size - count - 1 :])
    if top[0] <= 0:
        return None
    return float(np.log(top[1:] / top[0]).mean())
