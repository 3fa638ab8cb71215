"""A classifier two-sample test of dependence, of whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Floats = npt.NDArray[np.float64]
MAX_ROWS = 3_000
#: Columns that one classifier looks at; of wider tables it takes some at random.
MAX_COLUMNS = 40


def dependence_gain(
    a: npt.NDArray[Any], b: npt.NDArray[Any], rng: np.random.Generator, *, rows: int = MAX_ROWS
) -> tuple[float, float]:
    """How many bits per row a classifier telling ``a`` from ``b`` gains by looking at columns together, and its
    standard error.

    Two boosted classifiers are fitted on half of the rows and tried on the other, both ways: stumps, whose log-odds are
    a sum over columns, so that they see all that margins can show, and trees of eight leaves. The gain is the stumps'
    log-loss less the trees'. A table that differs in its margins only has an additive log density ratio and gains
    nothing; without any signal the trees overfit more than the stumps and the gain is at most 0 in expectation.
    Log-loss and not the area under the curve, which saturates. ``a`` and ``b`` are codes, shape (n, columns); at most
    ``rows`` of each are used, and equally many, and at most 40 columns.
    """
    count = min(len(a), len(b), rows)
    left, right = (side[rng.choice(len(side), count, replace=False)] for side in (a, b))
    if left.shape[1] > MAX_COLUMNS:
        some = np.sort(rng.choice(left.shape[1], MAX_COLUMNS, replace=False))
        left, right = left[:, some], right[:, some]
    models = _models()
    middle = count // 2
    folds = (slice(None, middle), slice(middle, None))
    gains = []
    # Fits this small lose more to waking threads than they win from them.
    with threadpool_limits(1):
        for fit, held in (folds, folds[::-1]):
            train, test = (np.concatenate([left[part], right[part]]) for part in (fit, held))
            labels = np.repeat([0, 1], [len(left[fit]), len(right[fit])])
            truth = np.repeat([0, 1], [len(left[held]), len(right[held])])
            losses = [_log_loss(model.fit(train, labels), test, truth) for model in models]
            gains.append(losses[0] - losses[1])
    gain = np.concatenate(gains)
    return float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))


def _models() -> tuple[HistGradientBoostingClassifier, HistGradientBoostingClassifier]:
    # A second to import, and most of a run never asks for it. Before the limit on threads, which knows what is loaded.
    from sklearn.ensemble import HistGradientBoostingClassifier

    common = {"early_stopping": False, "max_bins": 64}
    return (
        HistGradientBoostingClassifier(max_leaf_nodes=2, learning_rate=0.4, max_iter=30, **common),
        HistGradientBoostingClassifier(max_leaf_nodes=8, learning_rate=0.2, max_iter=20, **common),
    )


def _log_loss(model: HistGradientBoostingClassifier, rows: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Floats:
    """Bits of each row, shape (n,)."""
    return np.asarray(-np.log2(model.predict_proba(rows)[np.arange(len(labels)), labels]))
