"""Order and time: does the synthetic table move as the real one does?

Three situations, in which different components speak:

1. *A datetime column.* Both tables are put in its order. ``arrivals``: Kolmogorov-Smirnov distance of the times and of
   the gaps between them, the worse of both. ``course``: Jensen-Shannon distance of each column within equal time
   shares of the reference, so the calendar is the reference's. ``autocorrelation`` and ``spectrum`` (octave means of
   the log-periodogram) of the columns' means over equal time steps.
2. *Reference rows in an order that chance does not give* (autocorrelation, or blocks unlike the whole).
   ``autocorrelation`` and ``spectrum`` over the rows. Where the reference is merely sorted or grouped by a column, the
   synthetic table is put in the same order first. Nulls come from a circular block bootstrap of bootstrapped reference
   rows, since another course of the same process is a fair sample of it; the bottom is the reference in random order.
3. *Reference rows exchangeable or merely sorted, synthetic rows in an order of their own.* ``drift``: how much further
   synthetic blocks are from the reference, beyond chance, than the quarter of them that is nearest, or than the same
   rows in random order where those are nearer: either carries whatever is wrong everywhere. The null is the synthetic
   table in random order, the bottom blocks that share no code with the reference. Planted blocks of any kind show here.

Of the columns the worst tenth is judged, in wide tables the worst one too. Rows exchangeable on both sides and no
datetime column: not applicable. Samples stand for tables beyond their size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthos.dimensions.base import Dimension, Judged, combine, judged
from synthos.dimensions.order import (
    autocorrelations,
    block_bootstrap,
    block_counts,
    block_numbers,
    distances,
    log_spectrum,
    order_signal,
    ranks,
)
from synthos.dimensions.raw_values import is_numeric, stacked_values
from synthos.dimensions.views import blame, coarse, reference_of
from synthos.results import Blame, DimensionResult, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import RESPLITS, WRECKS, Draws, draw
from synthos.tables.codec import Codes

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

#: Rows and cells (rows x columns) in one draw.
MOST_ROWS, MOST_CELLS = 5_000, 60_000
#: Rows of an average time step, and most steps.
STEP_ROWS, MOST_STEPS = 8, 512
#: Distinct times that make an axis; rows of the smallest group that counts as sorting.
LEAST_TIMES, LEAST_GROUP = 16, 5
#: Of so many columns the worst is judged.
TENTH = 10
#: Codes a column keeps where blocks of rows are compared: finer ones would drown in the blocks' own noise.
DRIFT_LEVELS = 8
Parts = tuple[list[Judged], list[Blame]]


#: The answer where order does not matter on either side: nothing is asked, and nothing of this kind is wrong.
EXCHANGEABLE = NotApplicable(
    reason="rows are exchangeable: no datetime column, and neither table's rows stand in an order that matters"
)


def measure(evidence: Evidence) -> DimensionResult:
    """Score the worst component of the situation at hand; 100 where order and time move as in real rows."""
    reference, synthetic = reference_of(evidence), evidence.synthetic
    if not evidence.columns:
        return NotApplicable(reason="there is no column whose course over the rows could be followed")
    rng = generator(evidence.seed, "temporal_stability")
    values = stacked_values(evidence, reference, synthetic)
    real = len(reference.codes)
    axis = _time_axis(evidence, values[:real])
    codes = [reference.codes, synthetic.codes]
    parts: list[Judged] = []
    blamed: list[Blame] = []
    notes: list[str] = []
    asked = axis is not None
    if axis is not None and np.isfinite(values[real:, axis]).sum() < LEAST_TIMES:
        notes.append(f"column {evidence.columns[axis]} has too few times in the synthetic table to follow")
        axis = None
    if axis is not None:
        notes.append(f"times are those of column {evidence.columns[axis]}")
        found = _along_time(evidence, axis, codes, values[:real, axis], values[real:, axis], rng)
        parts, blamed = parts + found[0], blamed + found[1]
    sorting = _sorting_column(values[:real], is_numeric(evidence))
    if sorting is not None:
        notes.append(
            f"the reference is sorted or grouped by {evidence.columns[sorting]}; so is the synthetic table here"
        )
        codes[1] = codes[1][_same_order(values[:real, sorting], values[real:, sorting])]
    series = [ranks(side, reference.codes, evidence.sizes) for side in codes]
    moving = order_signal(series[0]).material
    if moving:
        asked = True
        if axis is None or sorting != axis:
            found = _series_parts(evidence.columns, _equal_length(series, rng), rng, "rows")
            parts, blamed = parts + found[0], blamed + found[1]
    # What the reference is sorted by says nothing of rows that are not, not even roughly: their own order is judged.
    own = ranks(synthetic.codes, reference.codes, evidence.sizes)
    loose = sorting is not None and not order_signal(own[:, [sorting]]).significant
    timed = axis is not None and _is_sorted(values[real:, axis])
    if not timed and (loose or not moving) and order_signal(own).significant:
        asked = True
        found = _drift(evidence, rng)
        parts, blamed = parts + found[0], blamed + found[1]
    if not parts:
        return NotApplicable(reason="nothing about order or time can be told from chance") if asked else EXCHANGEABLE
    return combine(parts, blame=blamed, notes=notes)


def _time_axis(evidence: Evidence, values: Floats) -> int | None:
    """The datetime column with most distinct times; None where no column has enough."""
    found = [
        (np.unique(values[np.isfinite(values[:, j]), j]).size, -j)
        for j, column in enumerate(evidence.schema.modelled)
        if column.kind == "datetime"
    ]
    count, position = max(found, default=(0, 0))
    return -position if count >= LEAST_TIMES else None


def _sorting_column(values: Floats, numeric: npt.NDArray[np.bool_]) -> int | None:
    """The column with most values by which the reference is sorted (numbers) or grouped (labels)."""
    best, most = None, 1
    for column in range(values.shape[1]):
        taken = values[:, column]
        distinct, counts = np.unique(taken, return_counts=True)
        if distinct.size <= most or not np.isfinite(taken).all():
            continue
        changes = int(np.count_nonzero(np.diff(taken)))
        grouped = changes == distinct.size - 1 and counts.min() >= LEAST_GROUP
        if _is_sorted(taken) and changes >= LEAST_GROUP if numeric[column] else grouped:
            best, most = column, distinct.size
    return best


def _is_sorted(values: Floats) -> bool:
    steps = np.diff(values[np.isfinite(values)])
    return bool((steps >= 0).all() or (steps <= 0).all())


def _same_order(reference: Floats, synthetic: Floats) -> Ids:
    """Row numbers that put synthetic values in the order in which the reference has them; unknown ones last."""
    distinct, first = np.unique(reference, return_index=True)
    known = np.isfinite(synthetic)
    place = np.interp(np.where(known, synthetic, 0.0), distinct, first.astype(np.float64))
    return np.argsort(np.where(known, place, np.inf), kind="stable")


def _equal_length(series: list[Floats], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Both series at the shorter one's length: the longer either cut or thinned, whichever lies nearer.

    Cutting fits a longer run of the same process, thinning a denser view of the same course.
    """
    rows = min(len(series[0]), len(series[1]), MOST_ROWS, max(500, MOST_CELLS // series[0].shape[1]))
    readings = [
        [side[:rows], side[np.sort(rng.choice(len(side), rows, replace=False))]] if len(side) > rows else [side]
        for side in series
    ]
    pairs = [(real, made) for real in readings[0] for made in readings[1]]
    gaps = [np.abs(autocorrelations(real) - autocorrelations(made)).mean() for real, made in pairs]
    return pairs[int(np.argmin(gaps))]


def _series_parts(names: tuple[str, ...], series: tuple[Floats, Floats], rng: np.random.Generator, unit: str) -> Parts:
    """Autocorrelation and spectrum of two series of equal length and columns."""
    real, made = series
    length = len(real)
    null, observed, wreck = [], [], []
    for index in range(RESPLITS):
        first, second = block_bootstrap(length, rng), block_bootstrap(length, rng)
        observed.append(_differences(real[first], made[second]))
        null.append(_differences(_other_course(real[first], rng), _other_course(real[second], rng)))
        if index < WRECKS:
            wreck.append(_differences(real[first], real[rng.permutation(length)]))
    # The mean gap of bootstraps holds their own noise as well; the gap of the mean does not.
    bare = _gaps([[np.mean([parts[k] for parts in observed], axis=0) for k in range(2)]])[0]
    sides = [_gaps(side) for side in (null, observed, wreck)]
    sides[1] = sides[1] * bare / np.maximum(sides[1].mean(axis=0), 1e-12)
    parts, losses = [], np.zeros(len(names))
    for position, (name, meaning) in enumerate(
        (
            (f"autocorrelation_{unit}", f"difference of autocorrelation over {unit} at lags 1, 2, 4, ..."),
            (f"spectrum_{unit}", f"difference of the log-periodogram over {unit} by octaves"),
        )
    ):
        draws = Draws(sides[0][:, position], sides[1][:, position], sides[2][:, position], length)
        # Columns without an order in the reference have none to lose.
        kept = draws.judgeable()
        if kept.any():
            some = Draws(draws.null[:, kept], draws.observed[:, kept], draws.wreck[:, kept], length).loss()
            parts += _columns_judged(name, some, meaning)
            losses[kept] += some.observed.mean(axis=0) - np.quantile(some.null, 0.95, axis=0)
    return parts, list(blame([(name,) for name in names], losses, [f"its course over {unit} is lost"] * len(names)))


def _other_course(rows: Floats, rng: np.random.Generator) -> Floats:
    """Bootstrapped rows bootstrapped twice more: another course of the same process differs by its own chance on top of
    the bootstrap's, and a bootstrap of a few dozen blocks understates that chance."""
    for _ in range(2):
        rows = rows[block_bootstrap(len(rows), rng)]
    return rows


def _differences(first: Floats, second: Floats) -> list[Floats]:
    """Differences of autocorrelation, shape (lags, columns), and of log-periodogram, shape (octaves, columns)."""
    return [statistic(first) - statistic(second) for statistic in (autocorrelations, log_spectrum)]


def _gaps(draws: list[list[Floats]]) -> Floats:
    """Mean absolute differences of both statistics in each draw, shape (draws, 2, columns)."""
    return np.stack([np.stack([np.abs(part).mean(axis=0) for part in parts]) for parts in draws])


def _columns_judged(name: str, draws: Draws, meaning: str) -> list[Judged]:
    """The worst tenth of the columns, and in wide tables the worst column as well: a mean hides one column among many,
    and a maximum many that are slightly off."""
    parts = [
        judged(name, draws.reduced(_worst_tenth).judge(), unit="loss", meaning=f"{meaning}, worst tenth of columns")
    ]
    if draws.null.shape[1] > TENTH:
        worst = draws.reduced(lambda side: side.max(axis=1)).judge()
        parts.append(judged(f"{name}_worst", worst, unit="loss", meaning=f"{meaning}, worst column"))
    return parts


def _worst_tenth(losses: Floats) -> Floats:
    """Mean of the largest tenth of the columns (at least one) in each draw, shape (draws,)."""
    count = -(-losses.shape[1] // TENTH)
    return np.asarray(np.sort(losses, axis=1)[:, -count:].mean(axis=1))


def _along_time(
    evidence: Evidence, axis: int, codes: list[Codes], real: Floats, made: Floats, rng: np.random.Generator
) -> Parts:
    times = np.concatenate([real, made])
    known = [np.flatnonzero(np.isfinite(real)), len(real) + np.flatnonzero(np.isfinite(made))]
    parts = [_arrivals(times[known[0]], times[known[1]], rng)]
    others = [j for j in range(len(evidence.columns)) if j != axis]
    blamed: list[Blame] = []
    if others:
        stacked = np.concatenate(codes)[:, others]
        names = tuple(evidence.columns[j] for j in others)
        sizes = tuple(evidence.sizes[j] for j in others)
        course, blamed = _course(names, sizes, stacked, times, known, rng)
        parts += course
        rows = min(len(known[0]), len(known[1]))
        level = ranks(stacked, codes[0][:, others], sizes)
        both = [
            _steps(times[some], level[some], (float(np.nanmin(real)), float(np.nanmax(real))))
            for some in (np.sort(rng.choice(side, rows, replace=False)) for side in known)
        ]
        parts += _series_parts(names, (both[0], both[1]), rng, "time")[0]
    return parts, blamed


def _arrivals(real: Floats, made: Floats, rng: np.random.Generator) -> Judged:
    def apart(first: Floats, second: Floats) -> Floats:
        first, second = np.sort(first), np.sort(second)
        return np.array([_kolmogorov(first, second), _kolmogorov(np.sort(np.diff(first)), np.sort(np.diff(second)))])

    def at_once(rows: Floats, chance: np.random.Generator) -> Floats:
        return np.full_like(rows, rows.min())

    draws = draw(apart, real, made, rng, wreck=at_once, wrecks=1, cap=MOST_ROWS)
    return judged(
        "arrivals",
        draws.loss().reduced(lambda side: side.max(axis=1)).judge(),
        unit="loss",
        meaning="Kolmogorov-Smirnov distance of times, or of the gaps between them, whichever is worse",
    )


def _kolmogorov(first: Floats, second: Floats) -> float:
    points = np.concatenate([first, second])
    below = [np.searchsorted(side, points, side="right") / len(side) for side in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def _course(
    names: tuple[str, ...],
    sizes: tuple[int, ...],
    codes: Codes,
    times: Floats,
    known: list[Ids],
    rng: np.random.Generator,
) -> Parts:
    """Each column within equal shares of the reference's time; at the bottom times are dealt out at random."""
    count = int(block_numbers(min(len(side) for side in known) // 2)[-1]) + 1
    edges = np.unique(np.quantile(times[known[0]], np.arange(1, count) / count))
    period = np.searchsorted(edges, times, side="right")

    def counts(rows: Ids) -> Floats:
        return block_counts(codes[rows[:, 1]], period[rows[:, 0]], sizes)

    def apart(first: Ids, second: Ids) -> Floats:
        left, right = counts(first), counts(second)
        shared = min(len(left), len(right))
        return np.asarray(distances(left[:shared], right[:shared], sizes).mean(axis=0))

    def dealt(rows: Ids, chance: np.random.Generator) -> Ids:
        return np.column_stack([rows[:, 0], chance.permutation(rows[:, 1])])

    cap = min(MOST_ROWS, max(500, MOST_CELLS // len(names)))
    pairs = [np.column_stack([side, side]) for side in known]
    draws = draw(apart, pairs[0], pairs[1], rng, wreck=dealt, cap=cap).loss()
    parts = _columns_judged("course", draws, "Jensen-Shannon distance to real rows of the same period")
    excess = draws.observed.mean(axis=0) - np.quantile(draws.null, 0.95, axis=0)
    return parts, list(blame([(name,) for name in names], excess, ["its course over time differs"] * len(names)))


def _steps(times: Floats, level: Floats, span: tuple[float, float]) -> Floats:
    """Means over equal time steps, empty steps filled in between their neighbours, shape (steps, columns)."""
    steps = int(np.clip(len(times) // STEP_ROWS, 16, MOST_STEPS))
    place = np.clip((times - span[0]) / max(span[1] - span[0], 1e-9) * steps, 0, steps - 1).astype(np.int64)
    sizes = np.bincount(place, minlength=steps)
    filled = np.flatnonzero(sizes)
    means = np.empty((steps, level.shape[1]))
    for column in range(level.shape[1]):
        totals = np.bincount(place, weights=level[:, column], minlength=steps)
        means[:, column] = np.interp(np.arange(steps), filled, totals[filled] / sizes[filled])
    return means


def _drift(evidence: Evidence, rng: np.random.Generator) -> Parts:
    """Blocks of synthetic rows against the reference: the distance that remains of a block's divergence once that of
    the nearest quarter of the blocks and what chance adds are taken off, mean over blocks. Codes are merged to levels
    that the rows of a block can fill."""
    codes, sizes = coarse(evidence, DRIFT_LEVELS)
    width = len(evidence.columns)
    whole = block_counts(codes[0], np.zeros(len(codes[0]), np.int64), sizes)
    rows = min(len(codes[1]), len(codes[0]), 2 * max(500, min(MOST_ROWS, MOST_CELLS // width)))
    half = rows // 2
    blocks = block_numbers(half)

    def gaps(some: Codes) -> Floats:
        return distances(block_counts(some, blocks, sizes), whole, sizes)

    def uneven(ordered: Codes, mixed: Codes) -> Floats:
        apart, chance = gaps(ordered) ** 2, gaps(mixed) ** 2
        nearest, usual = np.quantile(apart, 0.25, axis=0), np.quantile(chance, [0.25, 0.95], axis=0)
        bound = np.minimum(nearest, usual[0]) + usual[1] - usual[0]
        return np.asarray(np.sqrt(np.maximum(apart - bound, 0.0)).mean(axis=0))

    null, observed = [], []
    for _ in range(RESPLITS):
        picked = np.sort(rng.choice(len(codes[1]), half, replace=False))
        mixed = codes[1][rng.permutation(picked)]
        observed.append(uneven(codes[1][picked], mixed))
        null.append(uneven(mixed, codes[1][rng.permutation(picked)]))
    draws = Draws(np.stack(null), np.stack(observed), np.ones((1, width)), half).loss()
    parts = _columns_judged("drift", draws, "distance of blocks of rows to real rows beyond that of the nearest blocks")
    excess = draws.observed.mean(axis=0) - np.quantile(draws.null, 0.95, axis=0)
    details = ["it drifts over the rows, which real rows do not"] * width
    return parts, list(blame([(name,) for name in evidence.columns], excess, details))


DIMENSION = Dimension(
    name="temporal_stability",
    title="Temporal stability",
    question="Does the table move over time and rows as the real one does?",
    needs_reference=True,
    needs_cascade=False,
    measure=measure,
)
