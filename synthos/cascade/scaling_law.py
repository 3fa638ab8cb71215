"""The scaling law ``L_t(D) = E_t + B_t / D^b`` of one arm: fit, back-test, extrapolation with an error.

Every tier has a floor and a coefficient of its own, all tiers share the exponent, and the exponent has a prior: sizes
that span one and a half decades cannot tell a slow power from a floor, and without a prior the floor runs away
downwards. For a fixed exponent the law is linear, so the exponent goes over a grid and the rest comes from weighted
least squares, with B held at or above zero. That gives the exponent's posterior, from which the copies are drawn.

The forms that this one was compared with, and how well each predicts 10 and 30 times the largest size, are in
``benchmarks/laws.py`` and ``docs/scaling.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.results import ArmLaw, ModelRun

Floats = npt.NDArray[np.float64]
FORM = "L(D) = E + B/D^b for each tier, one b"
#: Relative error of predicting the largest size from the smaller ones above which no law is stated.
BACKTEST_LIMIT = 0.03
#: Half width of the interval at ten times the largest size, relative to the loss, above which no law is stated: curves
#: that fall so fast that they may end anywhere are those that back-tests missed.
WIDEST = 0.05
#: Draws from the posterior behind every interval.
COPIES = 400

_EXPONENTS = np.round(np.arange(0.1, 1.21, 0.02), 2)
#: Mean and standard deviation of the exponent before any model is trained; from the back-tests.
PRIOR_EXPONENT = (0.45, 0.1)
#: Relative error of a trained model's loss before any residual is seen, and how many residuals that is worth.
_PRIOR_ERROR, _PRIOR_FREEDOM = 0.003, 3.0
#: How much wider than the posterior the error is, as the back-tests show it: no law is quite true.
_STRETCH = 1.5
#: Larger runs say more about what is beyond them: weight of a squared residual, as a power of the rows.
_WEIGHT = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Finished models of one arm: free parameters N, training rows D, loss L in bits per row, each shape (m,).

    Models of as many parameters are one tier.
    """

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
    """The law of one tier (index 0) and draws from its posterior (1.., before they are stretched), as arrays.

    Attributes
    ----------
    floor, data, exponent : E, B, b, each shape (1 + copies,).
    error : residual standard error at the largest size, bits per row.
    surprise : signed error of predicting the tier's largest size from the smaller ones, bits per row.
    largest : largest training size.
    """

    floor: Floats
    data: Floats
    exponent: Floats
    error: float
    surprise: float
    largest: float

    @property
    def law(self) -> ArmLaw:
        return ArmLaw(
            floor=float(self.floor[0]),
            model_coefficient=0.0,
            model_exponent=1.0,
            data_coefficient=float(self.data[0]),
            data_exponent=float(self.exponent[0]),
            error=self.error,
        )

    def predict(self, rows: float) -> Floats:
        """Loss at ``rows`` by the law and by every copy, shape (1 + copies,); ``inf`` gives the floors."""
        bits = self.floor + (self.data / rows**self.exponent if np.isfinite(rows) else 0.0)
        bits[1:] = bits[0] + _STRETCH * (bits[1:] - bits[0])
        return bits


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Solutions at every exponent of the grid, which is the first axis (g).

    Attributes
    ----------
    solution : of each tier the loss at the largest size and the fall to it from the smallest, shape (g, tiers, 2).
    covariance : of these, in units of the noise's variance, shape (g, tiers, 2, 2).
    variance : of the noise at the largest size, shape (g,).
    posterior : of the exponent, shape (g,).
    least, largest : the sizes.
    """

    solution: Floats
    covariance: Floats
    variance: Floats
    posterior: Floats
    least: float
    largest: float


def fit_law(points: Points, rng: np.random.Generator, *, parameters: float | None = None) -> Fit:
    """Fit one arm, draw from the posterior, and back-test.

    Parameters
    ----------
    points : models at three distinct training sizes or more, each size in every tier.
    parameters : whose law is wanted, by the free parameters of its models; default the largest tier's.
    """
    tiers = np.unique(points.parameters)
    tier = len(tiers) - 1 if parameters is None else int(np.flatnonzero(tiers == parameters)[0])
    grid = _solve(points)
    exponents = np.append(grid.posterior @ _EXPONENTS, rng.choice(_EXPONENTS, COPIES, p=grid.posterior))
    at = _nearest(exponents)
    means = grid.solution[at, tier]
    spread = np.linalg.cholesky(grid.covariance[at, tier] * grid.variance[at, None, None])
    drawn = np.einsum("kij,kj->ki", spread, rng.standard_normal(means.shape))
    drawn[0] = 0
    end, fall = (means + drawn).T
    exponents = _EXPONENTS[at]
    data = np.maximum(fall, 0) / (grid.least**-exponents - grid.largest**-exponents)
    return Fit(
        floor=end - data * grid.largest**-exponents,
        data=data,
        exponent=exponents,
        error=float(np.sqrt(grid.variance[at[0]])),
        surprise=_backtest(points, tier),
        largest=grid.largest,
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
    ahead = fit.predict(10 * fit.largest)
    width = 1.96 * float(ahead[1:].std()) / float(ahead[0])
    if width > WIDEST:
        return f"the loss still falls too fast to say where it ends (±{width:.1%} at ten times the largest size)"
    return None


def _backtest(points: Points, tier: int) -> float:
    """Signed error (actual minus predicted) at the largest size of a tier, predicted from the smaller ones."""
    last = points.rows == points.rows.max()
    grid = _solve(points.take(~last))
    at = _nearest(np.array([grid.posterior @ _EXPONENTS]))[0]
    end, fall = grid.solution[at, tier]
    asked = points.bits[last & (points.parameters == np.unique(points.parameters)[tier])]
    return float(asked.mean() - end - fall * _reach(points.rows[last][:1], grid.least, grid.largest)[at, 0])


def _nearest(exponents: Floats) -> npt.NDArray[np.int64]:
    """Places on the grid of exponents."""
    places: npt.NDArray[np.int64] = np.abs(exponents[:, None] - _EXPONENTS).argmin(1)
    return places


def _reach(rows: Floats, least: float, largest: float) -> Floats:
    """What multiplies the fall, for every exponent and size: 1 at ``least``, 0 at ``largest``; shape (g, rows)."""
    b = _EXPONENTS[:, None]
    reach: Floats = (rows**-b - largest**-b) / (least**-b - largest**-b)
    return reach


def _solve(points: Points) -> _Grid:
    """Least squares of every tier at every exponent, falls held at or above zero."""
    least, largest = float(points.rows.min()), float(points.rows.max())
    solutions, covariances = [], []
    squares, freedom = np.zeros(len(_EXPONENTS)), _PRIOR_FREEDOM
    for parameters in np.unique(points.parameters):
        tier = points.take(points.parameters == parameters)
        weights = (tier.rows / largest) ** _WEIGHT
        terms = np.stack([np.ones((len(_EXPONENTS), len(weights))), _reach(tier.rows, least, largest)], axis=2)
        # A trace on the diagonal: sizes may be so few that one cannot tell level from fall.
        normal = np.einsum("gmi,gmj,m->gij", terms, terms, weights) + 1e-9 * np.eye(2)
        covariance = np.linalg.inv(normal)
        solution = np.einsum("gij,gmj,m->gi", covariance, terms, weights * tier.bits)
        rising = solution[:, 1] < 0
        solution[rising] = [np.average(tier.bits, weights=weights), 0.0]
        left = tier.bits - np.einsum("gmi,gi->gm", terms, solution)
        squares += left**2 @ weights
        freedom += len(weights) - 2
        solutions.append(solution)
        covariances.append(covariance)
    scale = _PRIOR_ERROR * float(points.bits.min())
    variance = (squares + _PRIOR_FREEDOM * scale**2) / freedom
    mean, spread = PRIOR_EXPONENT
    log = -0.5 * ((_EXPONENTS - mean) / spread) ** 2 - 0.5 * freedom * np.log(variance)
    posterior = np.exp(log - log.max())
    return _Grid(
        solution=np.stack(solutions, axis=1),
        covariance=np.stack(covariances, axis=1),
        variance=variance,
        posterior=posterior / posterior.sum(),
        least=least,
        largest=largest,
    )
