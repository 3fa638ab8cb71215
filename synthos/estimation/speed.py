"""How fast this machine is, by four small pieces of the kinds of work that a validation consists of."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from threadpoolctl import threadpool_limits

_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Speed:
    """Processor seconds of fixed work on one thread.

    ``arrays`` sorts and counts, ``trees`` grows a forest, ``small_step`` and ``large_step`` train a density model.
    """

    arrays: float
    trees: float
    small_step: float
    large_step: float

    def of(self, kind: str) -> float:
        """The seconds of one kind of work, by the name of its field; 1 of what is in seconds already."""
        if kind == "seconds":
            return 1.0
        return float(asdict(self)[kind])


def measure_speed(*, training: bool = True) -> Speed:
    """Time the fixed work, the fastest of five goes: one or two seconds in all.

    Without ``training`` the steps are not timed (NaN), and PyTorch is not loaded.
    """
    with threadpool_limits(1):
        arrays, trees = _fastest(_arrays), _fastest(_trees)
    if not training:
        return Speed(arrays, trees, float("nan"), float("nan"))
    # Imported here because torch takes seconds to load, and the quick mode trains nothing.
    from synthos.cascade.speed import LARGE, SMALL, step_seconds

    return Speed(arrays, trees, step_seconds(SMALL), step_seconds(LARGE))


def _fastest(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(_REPEATS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return min(spent)


def _arrays() -> None:
    drawn = np.random.default_rng(0)
    values = drawn.normal(size=1_000_000)
    np.sort(values)
    np.unique((values * 1_000).astype(np.int64))
    np.bincount(drawn.integers(0, 5_000, len(values)))
    np.linalg.norm(values.reshape(-1, 20) @ np.ones((20, 20)))


def _trees() -> None:
    from sklearn.ensemble import RandomForestRegressor

    drawn = np.random.default_rng(0)
    x = drawn.normal(size=(2_000, 8))
    y = x[:, 0] * x[:, 1] + drawn.normal(size=len(x))
    forest = RandomForestRegressor(12, min_samples_leaf=3, max_features=0.4, random_state=0, n_jobs=1).fit(x, y)
    forest.predict(x)
