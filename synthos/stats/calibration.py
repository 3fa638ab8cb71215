"""Null calibration: what a statistic gives between real halves, between real and synthetic, and on a wreck.

The scale is the same for every statistic: 100 where the synthetic table is no further from the reference than the
reference is from itself, 0 where it is as far as the wreck. Halves make both sides comparable: with disjoint halves of
m rows, ``R1 - R2`` and ``R1 - S_b`` have the same variance for a fresh real sample, and the spread of the half-sample
statistic estimates the sampling error of the whole-sample one (delete-half jackknife: Shao & Wu 1989).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthos.errors import InternalError
from synthos.results import Interval

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[Any]
#: ``statistic(reference rows, other rows)`` gives one figure per element (column, pair), shape (p,); higher is worse.
Statistic = Callable[[Rows, Rows], Floats]
Wreck = Callable[[Rows, np.random.Generator], Rows]

#: Resplits of large and of small tables: where rows are few, draws are cheap and the null is ragged.
RESPLITS, MORE_RESPLITS, FEW_ROWS = 60, 120, 1_500
WRECKS = 8
#: A null may reach this part of the way from its median to the wreck; beyond, a statistic cannot be judged.
MOST_NULL = 0.5
MAX_HALF = 10_000
#: Cells (rows x columns) that one side of a resplit may hold, and the rows that it always may.
MAX_CELLS, ALWAYS_ROWS = 200_000, 1_000


@dataclass(frozen=True, slots=True)
class Draws:
    """A statistic of p elements over paired resplits.

    Attributes
    ----------
    null : between disjoint reference halves, shape (B, p).
    observed : between the same first halves and synthetic subsamples of the same size, shape (B, p).
    wreck : between reference halves and wrecks of their counterparts, shape (W, p).
    rows : m, the rows on each side.
    """

    null: Floats
    observed: Floats
    wreck: Floats
    rows: int

    def reduced(self, reduce: Callable[[Floats], Floats]) -> Draws:
        """Each draw's p elements reduced to one, so that the null of a maximum is the maximum's own null.

        ``reduce`` maps shape (draws, p) to (draws,).
        """
        null, observed, wreck = (reduce(side)[:, None] for side in (self.null, self.observed, self.wreck))
        return Draws(null, observed, wreck, self.rows)

    def judge(self, element: int = 0, *, power: float = 1.0) -> Judgement:
        """The judgement on one element."""
        return judge(self.observed[:, element], self.null[:, element], self.wreck[:, element], power=power)

    def loss(self) -> Draws:
        """Every element on a common scale: 0 at its null median, 1 at its wreck; elements that no wreck can move are
        dropped to 0, since nothing can be learnt from them."""
        median = np.median(self.null, axis=0)
        gap = np.median(self.wreck, axis=0) - median
        scale = np.where(self.judgeable(), gap, np.inf)
        return Draws(
            (self.null - median) / scale, (self.observed - median) / scale, (self.wreck - median) / scale, self.rows
        )

    def judgeable(self) -> npt.NDArray[np.bool_]:
        """Elements whose wreck lies clearly outside the null, shape (p,)."""
        bound, median, wreck = (
            np.quantile(self.null, 0.95, axis=0),
            np.median(self.null, axis=0),
            np.median(self.wreck, axis=0),
        )
        return np.asarray((wreck > bound) & (bound - median <= MOST_NULL * (wreck - median)))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A statistic on the 0-100 scale. ``score`` and ``interval`` are None where the wreck is hardly worse than the
    null: the table is then too small, or the element too constant, for the question."""

    value: float
    null_median: float
    null_q95: float
    wreck: float
    score: float | None
    interval: Interval | None


def half_rows(reference_rows: int, synthetic_rows: int, cap: int = MAX_HALF) -> int:
    """Rows on each side of a resplit: half of the smaller table, at most ``cap``."""
    return min(reference_rows // 2, synthetic_rows // 2, cap)


def cap_for(columns: int, cap: int = MAX_HALF) -> int:
    """``cap`` for a statistic over so many columns, lower for wide tables, so that its cost is bounded."""
    return min(cap, max(ALWAYS_ROWS, MAX_CELLS // max(columns, 1)))


def shuffled_columns(rows: Rows, rng: np.random.Generator) -> Rows:
    """The standard wreck: every column permuted on its own, so that margins stay and dependence goes."""
    return np.asarray(rng.permuted(rows, axis=0))


def remembered(summary: Callable[[Rows], Floats]) -> Callable[[Rows], Floats]:
    """``summary``, recomputed only when its rows are another array than last time: ``draw`` meets each first half two
    or three times in a row."""
    kept: list[tuple[Rows, Floats]] = []

    def once(rows: Rows) -> Floats:
        if not kept or kept[0][0] is not rows:
            kept[:] = [(rows, summary(rows))]
        return kept[0][1]

    return once


def draw(
    statistic: Statistic,
    reference: Rows,
    synthetic: Rows,
    rng: np.random.Generator,
    *,
    wreck: Wreck = shuffled_columns,
    resplits: int | None = None,
    wrecks: int = WRECKS,
    cap: int = MAX_HALF,
) -> Draws:
    """The statistic over paired resplits of ``reference`` and subsamples of ``synthetic``; rows lie on axis 0.

    To reach things beside the rows, pass row numbers: ``np.arange(nR)`` and ``nR + np.arange(nS)`` into stacked tables.
    """
    half = half_rows(len(reference), len(synthetic), cap)
    if half < 2:
        raise InternalError(f"resplits need at least 4 rows on each side, got {len(reference)} and {len(synthetic)}")
    null, observed, wrecked = [], [], []
    for index in range(resplits or (MORE_RESPLITS if half < FEW_ROWS else RESPLITS)):
        order = _some(rng, len(reference), 2 * half)
        first, second = reference[order[:half]], reference[order[half:]]
        null.append(statistic(first, second))
        observed.append(statistic(first, synthetic[_some(rng, len(synthetic), half)]))
        if index < wrecks:
            wrecked.append(statistic(first, wreck(second, rng)))
    return Draws(np.stack(null), np.stack(observed), np.stack(wrecked), half)


def judge(observed: npt.ArrayLike, null: npt.ArrayLike, wreck: npt.ArrayLike, *, power: float = 1.0) -> Judgement:
    """The score of a statistic from its draws, shapes (B,), (B0,) and (W,) or scalars; higher values are worse.

    ``score = 100 (1 - clip((r(T) - r(q95 T0)) / (r(Tc) - r(q95 T0)), 0, 1))`` with T the mean over draws, Tc the median
    wreck and ``r(t) = max(t - median T0, 0) ** power``: 100 up to the null's upper end, 0 from the wreck on. Where the
    null reaches more than half of the way to the wreck there is no score: chance would decide it.
    ``power`` 1/2 is for statistics that grow with the square of the share of damaged rows (JSD, mutual information), so
    that half-damaged reads about 50. The interval is the 95 % range of the draws, put through the same formula.
    """
    seen, base, worst = (np.atleast_1d(np.asarray(side, np.float64)) for side in (observed, null, wreck))
    if not all(np.isfinite(side).all() and side.size for side in (seen, base, worst)):
        raise InternalError("a statistic gave no draws, or draws that are not finite")
    value, median, bottom = float(seen.mean()), float(np.median(base)), float(np.median(worst))
    bound = float(np.quantile(base, 0.95))
    if bound - median > (bottom - median) * MOST_NULL or bottom <= bound:
        return Judgement(value, median, bound, bottom, None, None)
    start, end = (bound - median) ** power, (bottom - median) ** power

    def score(statistic: float) -> float:
        reached = max(statistic - median, 0.0) ** power
        return float(100.0 * (1.0 - np.clip((reached - start) / (end - start), 0.0, 1.0)))

    point = score(value)
    low, high = score(float(np.quantile(seen, 0.975))), score(float(np.quantile(seen, 0.025)))
    return Judgement(
        value, median, bound, bottom, point, Interval(low=min(low, point), high=max(high, point), level=0.95)
    )


def _some(rng: np.random.Generator, rows: int, count: int) -> npt.NDArray[np.int64]:
    """``count`` distinct row numbers below ``rows`` in random order."""
    return np.asarray(rng.choice(rows, count, replace=False))
