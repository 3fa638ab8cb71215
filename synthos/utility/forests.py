"""Random forests whose every prediction is a vector: label shares, or the rank of a number (Breiman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthos.utility.design import Matrix, Rows, Target

if TYPE_CHECKING:
    from typing import TypeAlias

    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    Model: TypeAlias = RandomForestClassifier | RandomForestRegressor

Predictions = npt.NDArray[np.float32]
#: Rows in a leaf at least: fewer would learn single rows, many more would miss what is fine.
LEAF = 3
#: Trees behind a prediction, and where time is short. Fewer trees make losses noisier, and alike in both arms.
TREES, FEW_TREES = 20, 10
#: Share of the columns that a split of a number looks at; of labels it looks at the root of their number.
NUMBER_FEATURES = 0.4


class Forest:
    """A fitted forest. ``rows`` must hold at least two.

    ``trees`` speak in ``predict``. A row is out of bag of about a share 1/e of the trees: a ``bagged`` forest has so
    many that as many speak in ``out_of_bag``.
    """

    def __init__(self, target: Target, rows: Rows, seed: int, trees: int, *, bagged: bool = False) -> None:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        self.target, self._trees = target, trees
        common: dict[str, Any] = {
            "n_estimators": round(trees * np.e) if bagged else trees,
            "min_samples_leaf": LEAF,
            "random_state": seed % 2**32,
            "n_jobs": 1,
        }
        self._model: Model
        if target.labels:
            self._model = RandomForestClassifier(max_features="sqrt", **common).fit(rows.x, rows.y.astype(np.int64))
        else:
            self._model = RandomForestRegressor(max_features=NUMBER_FEATURES, **common).fit(rows.x, rows.y)

    def predict(self, x: Matrix) -> Predictions:
        """Mean over the first ``trees`` trees, shape (n, labels), or (n, 1) of a number."""
        found = np.zeros((len(x), max(self.target.labels, 1)), np.float64)
        trees = self._model.estimators_[: self._trees]
        for tree in trees:
            if self.target.labels:
                found[:, self._labels()] += tree.predict_proba(x)
            else:
                found[:, 0] += tree.predict(x)
        return (found / len(trees)).astype(np.float32)

    def out_of_bag(self, x: Matrix) -> Predictions:
        """For each training row the mean over the trees that did not see it, as ``predict``; NaN where all did.

        ``x`` are the rows that the forest was trained on, in their order.
        """
        found = np.zeros((len(x), max(self.target.labels, 1)), np.float64)
        heard = np.zeros(len(x))
        for tree, seen in zip(self._model.estimators_, self._model.estimators_samples_, strict=True):
            unseen = np.ones(len(x), bool)
            unseen[seen] = False
            places = np.flatnonzero(unseen)
            if self.target.labels:
                found[np.ix_(places, self._labels())] += tree.predict_proba(x[places])
            else:
                found[places, 0] += tree.predict(x[places])
            heard[places] += 1.0
        with np.errstate(invalid="ignore"):
            return (found / heard[:, None]).astype(np.float32)

    def _labels(self) -> npt.NDArray[np.int64]:
        return np.asarray(self._model.classes_, np.int64)


def spread_out(target: Target, rows: Rows) -> Predictions:
    """What a perfect forest would say: the labels as indicator rows, shape (n, labels), or the ranks, (n, 1)."""
    if target.labels:
        return np.eye(target.labels, dtype=np.float32)[rows.y.astype(np.int64)]
    return rows.y.astype(np.float32)[:, None]
