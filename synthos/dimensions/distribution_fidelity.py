"""One column at a time: are its values as often what they are in the real table?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from synthos.dimensions.base import Dimension, Judged, combine, judged
from synthos.dimensions.views import blame, coarse, numeric_columns, numeric_values, reference_of
from synthos.results import Blame, DimensionResult
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import Draws, Rows, cap_for, draw, remembered
from synthos.stats.dependence import Tuples
from synthos.stats.divergence import segment_jensen_shannon

NAME = "distribution_fidelity"
GRID = 512
#: All that a code can tell apart.
MOST_CODES = 256
#: Fewer values than this on either side say nothing about distances; the nulls themselves show in the bins.
MINIMUM_VALUES = 100
#: Fewer reference values than this other than the commonest make no scale: what counts then is how often it is left.
MINIMUM_OTHERS = 30
#: Chance at which so many rows beyond the reference's least or greatest value are no longer taken for chance.
CHANCE = 0.001

Floats = npt.NDArray[np.float64]


def measure(evidence: Evidence) -> DimensionResult:
    """Jensen-Shannon divergence on the reference's bins and categories, and Wasserstein distance for numbers."""
    draws = column_draws(evidence)
    if draws is None:
        return combine([])
    # A column may hold one value in most rows, and its collapse then costs little; on its own scale a trifle would read
    # as ruin. One column alone is therefore measured against disjoint values: 1 bit.
    apart = replace(draws, wreck=np.ones((1, len(evidence.sizes))))
    parts = [
        judged(
            "jsd_mean",
            draws.reduced(lambda d: d.mean(axis=1)).judge(power=0.5),
            unit="bits",
            meaning="Jensen-Shannon divergence on the reference's bins, mean over columns; the wreck has every column "
            "collapsed to its mode",
        ),
        judged(
            "jsd_worst",
            apart.loss().reduced(lambda d: d.max(axis=1)).judge(power=0.5),
            unit="bits",
            meaning="Jensen-Shannon divergence of the worst column above its null; the wreck has no value in common",
        ),
    ]
    distances, notes = _distances(evidence)
    return combine([*parts, *distances], blame=_blame(evidence, draws), notes=notes)


def column_draws(evidence: Evidence) -> Draws | None:
    """JSD in bits of every modelled column, against a wreck with each column collapsed to its mode; None where there
    are no modelled columns."""
    if not evidence.sizes:
        return None
    (reference, synthetic), sizes = coarse(evidence, MOST_CODES)
    table = Tuples(tuple((j,) for j in range(len(sizes))), sizes)
    offsets = table.offsets
    histogram = table.count(reference)
    modes = np.array([np.argmax(histogram[a:b]) for a, b in pairwise(offsets)])

    real = remembered(table.count)

    def divergence(first: Rows, other: Rows) -> Floats:
        return segment_jensen_shannon(real(first), table.count(other), offsets)

    def collapsed(rows: Rows, rng: np.random.Generator) -> Rows:
        return np.tile(modes.astype(rows.dtype), (len(rows), 1))

    rng, cap = generator(evidence.seed, NAME, "jsd"), cap_for(len(evidence.sizes))
    return draw(divergence, reference, synthetic, rng, wreck=collapsed, cap=cap)


def _distances(evidence: Evidence) -> tuple[list[Judged], tuple[str, ...]]:
    """Wasserstein components, none where there is no numeric column, and notes."""
    names = numeric_columns(evidence)
    sides = [numeric_values(evidence, arm, names) for arm in (reference_of(evidence), evidence.synthetic)]
    filled = np.min([np.isfinite(side).sum(axis=0) for side in sides], axis=0) >= MINIMUM_VALUES
    left_out = [name for name, kept in zip(names, filled, strict=True) if not kept]
    notes = (f"distances leave out columns that are nearly all null: {', '.join(left_out)}",) if left_out else ()
    if not filled.any():
        return [], notes
    draws = _distance_draws(evidence, *_on_scale(sides[0][:, filled], sides[1][:, filled]))
    shifted = replace(draws, wreck=np.ones((1, int(filled.sum()))))
    return [
        judged(
            "w1_mean",
            draws.reduced(lambda d: d.mean(axis=1)).judge(),
            unit="standard deviations",
            meaning="Wasserstein-1 distance of numeric columns over the reference's standard deviation; the "
            "few values beyond all of the reference that chance may have made count as one deviation from its end (of "
            "nearly constant columns how much oftener their value is left), mean over columns; the wreck has every "
            "column collapsed to its median",
        ),
        judged(
            "w1_worst",
            shifted.loss().reduced(lambda d: d.max(axis=1)).judge(),
            unit="standard deviations",
            meaning="the same of the worst numeric column, above its null; the wreck lies one standard deviation away",
        ),
    ], notes


def _on_scale(reference: Floats, synthetic: Floats) -> tuple[Floats, Floats]:
    """Both sides in units of the reference's standard deviation, shape (rows, columns), synthetic ones by
    ``_cut``; nearly constant columns as 1 where their commonest value is left and 0 where it is not."""
    ours, theirs = np.empty_like(reference), np.empty_like(synthetic)
    for j in range(reference.shape[1]):
        own = reference[np.isfinite(reference[:, j]), j]
        values, counts = np.unique(own, return_counts=True)
        if own.size - counts.max() < MINIMUM_OTHERS:
            for side, out in ((reference, ours), (synthetic, theirs)):
                left = side[:, j] != values[counts.argmax()]
                out[:, j] = np.where(np.isfinite(side[:, j]), left, np.nan)
            continue
        # Not the interquartile range: it is 0 where one value holds most rows. Clipped, so that one outlier of the
        # reference does not hide everything.
        scale = np.clip(own, *np.quantile(own, [0.001, 0.999])).std() or own.std()
        ours[:, j] = reference[:, j] / scale
        theirs[:, j] = _cut(synthetic[:, j] / scale, own.min() / scale, own.max() / scale, own.size)
    return ours, theirs


def _cut(values: Floats, low: float, high: float, reference_rows: int) -> Floats:
    """``values`` with those furthest outside of the reference's [low, high] moved to one standard deviation from it.

    Of n fresh rows k lie above all m of the reference with chance (n / (n + m)) ** k, however far: where tails are
    heavy one of them outweighs all others. As many as ``CHANCE`` allows at each end say nothing; more are left.
    """
    rows = int(np.isfinite(values).sum())
    allowed = int(np.ceil(np.log(CHANCE) / np.log(rows / (rows + reference_rows))))
    out = values.copy()
    order = np.argsort(values)[:rows]  # those that are not finite come last
    lowest, highest = order[:allowed], order[-allowed:]
    out[lowest] = np.maximum(out[lowest], low - 1.0)
    out[highest] = np.minimum(out[highest], high + 1.0)
    return out


def _distance_draws(evidence: Evidence, reference: Floats, synthetic: Floats) -> Draws:
    """W1 of each column of values on scale, shape (draws, columns).

    Values are rounded up onto a grid of pooled quantiles, so that a draw is a histogram and not a sort; the extremes
    lie on the grid, and the error is below a 512th of the mass times the width of its cell.
    """
    columns = reference.shape[1]
    grids = np.empty((columns, GRID))
    for j in range(columns):
        pooled = np.concatenate([reference[:, j], synthetic[:, j]])
        grids[j] = np.quantile(pooled[np.isfinite(pooled)], np.linspace(0, 1, GRID), method="higher")
    widths = np.diff(grids, axis=1)

    def on_grid(values: Floats) -> npt.NDArray[np.uint16]:
        cells = [np.searchsorted(grids[j], values[:, j]).astype(np.uint16) for j in range(columns)]
        return np.where(np.isfinite(values), np.column_stack(cells), GRID).astype(np.uint16)

    table = Tuples(tuple((j,) for j in range(columns)), (GRID + 1,) * columns)

    def below(rows: Rows) -> Floats:
        counts = table.count(rows).reshape(columns, GRID + 1)[:, :GRID]
        running = np.cumsum(counts, axis=1, dtype=np.float64)
        return running[:, :-1] / np.maximum(running[:, -1:], 1.0)

    real = remembered(below)

    def distance(first: Rows, other: Rows) -> Floats:
        return np.asarray((np.abs(real(first) - below(other)) * widths).sum(axis=1))

    coded = on_grid(reference)
    medians = np.array([np.searchsorted(grids[j], np.nanmedian(reference[:, j])) for j in range(columns)], np.uint16)

    def collapsed(rows: Rows, rng: np.random.Generator) -> Rows:
        return np.tile(medians, (len(rows), 1))

    rng = generator(evidence.seed, NAME, "w1")
    return draw(distance, coded, on_grid(synthetic), rng, wreck=collapsed, cap=cap_for(columns))


def _blame(evidence: Evidence, draws: Draws) -> tuple[Blame, ...]:
    bounds = np.quantile(draws.null, 0.95, axis=0)
    observed = draws.observed.mean(axis=0)
    details = [
        f"Jensen-Shannon divergence {value:.3g} bits, {bound:.3g} between real halves"
        for value, bound in zip(observed, bounds, strict=True)
    ]
    return blame([(name,) for name in evidence.columns], observed - bounds, details)


DIMENSION = Dimension(
    name=NAME,
    title="Distribution fidelity",
    question="Does each column, taken alone, hold the values of the real one as often?",
    needs_reference=True,
    needs_cascade=False,
    measure=measure,
)
