"""The scaling law ``L(N, D) = E + A/N^a + B/D^b`` of one arm: fit, back-test, extrapolation with an error.

Form after Hoffmann et al. 2022. For fixed exponents the law is linear, so the exponents go over a grid and the
coefficients, held at or above zero, come from least squares (variable projection). With 18 points and three linear
coefficients this is exact, has no starting point, and vectorises over bootstrap copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.results import ArmLaw, ModelRun

Floats = npt.NDArray[np.float64]
FULL_FORM = "L(N, D) = E + A/N^a + B/D^b"
DATA_FORM = "L(D) = E + B/D^b, heavy tier"
#: Relative error of predicting the largest size above which no law is stated.
BACKTEST_LIMIT = 0.03
#: Residual bootstrap copies behind every interval.
COPIES = 200

_MODEL_EXPONENTS = np.array([0.2, 0.4, 0.7, 1.0])
# Below a quarter, 1 1/2 decades cannot tell a slow power from a floor, and the floor runs away downwards.
_DATA_EXPONENTS = np.round(np.arange(0.24, 1.21, 0.04), 2)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Finished models of one arm: free parameters N, training rows D, loss L in bits per row, each shape (m,)."""

    parameters: Floats
    rows: Floats
    bits: Floats

    @classmethod
    def of(cls, runs: Sequence[ModelRun]) -> Points:
        return cls(
            np.array([run.parameters for run in runs], float),
            np.array([run.rows for run in runs], float),
            np.array([run.loss_bits for run in runs], float),
        )

    def take(self, mask: npt.NDArray[np.bool_]) -> Points:
        return Points(self.parameters[mask], self.rows[mask], self.bits[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Laws fitted to the points (index 0) and to bootstrap copies of them (1..), as columns of arrays.

    Attributes
    ----------
    floor, model, model_exponent, data, data_exponent : E, A, a, B, b, each shape (1 + copies,).
    error : residual standard error of the fit to the points, bits per row.
    surprise : signed error of predicting the largest size from the smaller ones, bits per row.
    doublings : log2 of the step that this back-test took.
    largest : largest training size.
    """

    floor: Floats
    model: Floats
    model_exponent: Floats
    data: Floats
    data_exponent: Floats
    error: float
    surprise: float
    doublings: float
    largest: float

    @property
    def law(self) -> ArmLaw:
        return ArmLaw(
            floor=float(self.floor[0]),
            model_coefficient=float(self.model[0]),
            model_exponent=float(self.model_exponent[0]),
            data_coefficient=float(self.data[0]),
            data_exponent=float(self.data_exponent[0]),
            error=self.error,
        )

    def predict(self, parameters: float, rows: float, rng: np.random.Generator | None = None) -> Floats:
        """Loss at (N, D) by every copy, shape (1 + copies,).

        With ``rng``, the copies also carry the law's own error: the back-test's surprise (never taken smaller than
        the residual error), growing with the square root of the doublings beyond the largest run.
        """
        bits = self.floor + self.model / parameters**self.model_exponent
        bits = bits + (self.data / rows**self.data_exponent if np.isfinite(rows) else 0.0)
        if rng is not None:
            beyond = np.log2(min(rows, 100 * self.largest) / self.largest) / self.doublings
            spread = max(abs(self.surprise), self.error) * np.sqrt(max(beyond, 0.0))
            bits[1:] += spread * rng.standard_normal(len(bits) - 1)
        return bits


def fit_law(points: Points, rng: np.random.Generator, *, with_model: bool) -> Fit:
    """Fit one arm, its bootstrap copies, and the back-test.

    Parameters
    ----------
    points : models at three distinct training sizes or more.
    with_model : whether the term A/N^a is part of the law.
    """
    coefficients, fitted = _solve(points, points.bits[:, None], with_model)
    residuals = points.bits - fitted[:, 0]
    freedom = max(len(residuals) - (5 if with_model else 3), 1)
    error = float(np.sqrt((residuals**2).sum() / freedom))
    # Residuals of a fit are too small by the degrees of freedom it used.
    inflated = residuals * np.sqrt(len(residuals) / freedom)
    drawn = inflated[rng.integers(0, len(residuals), (len(residuals), COPIES))]
    copies, _ = _solve(points, fitted + drawn, with_model)
    both = np.concatenate([coefficients, copies], axis=1)
    surprise, doublings = _backtest(points, with_model)
    return Fit(
        floor=both[0],
        model=both[1],
        model_exponent=both[2],
        data=both[3],
        data_exponent=both[4],
        error=error,
        surprise=surprise,
        doublings=doublings,
        largest=float(points.rows.max()),
    )


def refusal(fit: Fit, points: Points) -> str | None:
    """Why this fit must not be extrapolated, in words; None where it may."""
    best = np.array([points.bits[points.rows == rows].min() for rows in np.unique(points.rows)])
    if best[-1] >= best[0]:
        return "the loss does not fall with more training rows"
    if fit.data[0] <= 0:
        return "the fit finds no effect of the number of training rows"
    at = points.rows == points.rows.max()
    relative = abs(fit.surprise) / float(points.bits[at].min())
    if relative > BACKTEST_LIMIT:
        return f"predicting the largest size from the smaller ones misses by {relative:.1%}"
    return None


def _backtest(points: Points, with_model: bool) -> tuple[float, float]:
    """Mean signed error (actual minus predicted) over the models of the largest size, and the step in doublings."""
    sizes = np.unique(points.rows)
    last = points.rows == sizes[-1]
    known, asked = points.take(~last), points.take(last)
    c, _ = _solve(known, known.bits[:, None], with_model)
    predicted = c[0, 0] + c[1, 0] / asked.parameters ** c[2, 0] + c[3, 0] / asked.rows ** c[4, 0]
    return float(np.mean(asked.bits - predicted)), float(np.log2(sizes[-1] / sizes[-2]))


def _solve(points: Points, bits: Floats, with_model: bool) -> tuple[Floats, Floats]:
    """Best law of every column of ``bits``, shape (m, s): coefficients (E, A, a, B, b) as (5, s), fitted (m, s).

    All pairs of exponents (g of them) are solved at once, for every subset of terms that may be the ones above zero.
    """
    # Larger runs say more about what is beyond them.
    weights = (points.rows / points.rows.max()) ** 0.25
    n_unit, d_unit = points.parameters.min(), points.rows.min()
    a, b = (grid.ravel() for grid in np.meshgrid(_MODEL_EXPONENTS if with_model else [1.0], _DATA_EXPONENTS))
    terms = np.stack(
        [
            np.ones((len(a), len(points.rows))),
            (points.rows / d_unit) ** -b[:, None],
            (points.parameters / n_unit) ** -a[:, None],
        ],
        axis=2,
    )
    subsets = ((0, 1, 2), (0, 1), (0, 2), (0,)) if with_model else ((0, 1), (0,))
    best = np.full(bits.shape[1], np.inf)
    solution = np.zeros((3, bits.shape[1]))
    chosen = np.zeros(bits.shape[1], np.int64)
    for used in subsets:
        weighted = terms[:, :, used] * weights[:, None]
        found = np.linalg.pinv(weighted) @ (bits * weights[:, None])  # (g, terms used, s)
        loss = ((bits * weights[:, None] - weighted @ found) ** 2).sum(1)
        loss[(found < 0).any(1)] = np.inf
        at = loss.argmin(0)
        lowest = loss[at, np.arange(len(at))]
        better = lowest < best
        best[better], chosen[better] = lowest[better], at[better]
        solution[:, better] = 0
        solution[np.ix_(used, better)] = found[at[better], :, np.flatnonzero(better)].T
    fitted = np.einsum("smk,ks->ms", terms[chosen], solution)
    law = [solution[0], solution[2] * n_unit ** a[chosen], a[chosen], solution[1] * d_unit ** b[chosen], b[chosen]]
    return np.stack(law), fitted
