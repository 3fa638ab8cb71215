"""How columns depend on each other: pairs, and what no pair shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthos.dimensions.base import Dimension, Judged, combine, judged
from synthos.dimensions.views import blame, coarse, reference_of
from synthos.results import Blame, DimensionResult, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import RESPLITS, Draws, Rows, draw, half_rows, judge, remembered, shuffled_columns
from synthos.stats.dependence import Tuples, mutual_information, pairs
from synthos.stats.divergence import jensen_shannon
from synthos.stats.two_sample import dependence_gain

NAME = "correlation_preservation"
MAX_LEVELS = 16
#: Rows per cell of a pair that the levels are chosen for: finer cells drown in their own noise.
ROWS_PER_CELL = 10
MAX_PAIRS = 120
MAX_HALF = 5_000
FIT_ROUNDS = 2
TINY = 1e-12

Floats = npt.NDArray[np.float64]


def measure(evidence: Evidence) -> DimensionResult:
    """Joint divergence of pairs beyond their margins, change in mutual information, and a two-sample classifier."""
    if len(evidence.sizes) < 2:
        return NotApplicable(reason="dependence needs at least two modelled columns")
    group, joint, information = pair_draws(evidence)
    parts: list[Judged] = []
    parts += _both(
        "joint",
        joint,
        power=0.5,
        unit="bits",
        meaning="Jensen-Shannon divergence of pairs of columns that their margins do not explain",
    )
    parts += _both(
        "information",
        information,
        power=1.0,
        unit="bits",
        meaning="absolute change in the mutual information of pairs of columns",
    )
    parts.append(_beyond_pairs(evidence))
    everything = len(evidence.sizes) * (len(evidence.sizes) - 1) // 2
    notes = () if len(group) == everything else (f"{len(group)} of {everything} pairs of columns were looked at",)
    return combine(parts, blame=_blame(evidence, group, joint), notes=notes)


def pair_draws(evidence: Evidence) -> tuple[tuple[tuple[int, int], ...], Draws, Draws]:
    """Pairs of columns, and per pair the excess divergence and the absolute change of mutual information, in bits."""
    count = len(evidence.sizes)
    rng = generator(evidence.seed, NAME)
    group = pairs(count, MAX_PAIRS, rng)
    half = half_rows(len(reference_of(evidence).codes), len(evidence.synthetic.codes), MAX_HALF)
    levels = int(np.clip(np.sqrt(half / ROWS_PER_CELL), 4, MAX_LEVELS))
    (reference, synthetic), sizes = coarse(evidence, levels)
    table = Tuples(group, sizes)
    shape = _padding(table, sizes)

    def tables(rows: Rows) -> Floats:
        return _padded(table.count(rows), shape)

    real = remembered(tables)

    def both(first: Rows, other: Rows) -> Floats:
        ours, theirs = real(first), tables(other)
        joint = jensen_shannon(*(side.reshape(len(group), -1) for side in _same_margins(ours, theirs)))
        return np.concatenate([joint, np.abs(mutual_information(ours) - mutual_information(theirs))])

    draws = draw(both, reference, synthetic, rng, cap=MAX_HALF)
    cut = len(group)
    return group, _slice(draws, slice(None, cut)), _slice(draws, slice(cut, None))


def _beyond_pairs(evidence: Evidence) -> Judged:
    reference, synthetic = reference_of(evidence).codes, evidence.synthetic.codes
    rng = generator(evidence.seed, NAME, "classifier")
    gain, error = dependence_gain(reference, synthetic, rng)
    middle = len(reference) // 2
    order = rng.permutation(len(reference))
    wreck, _ = dependence_gain(reference[order[:middle]], shuffled_columns(reference[order[middle:]], rng), rng)
    # Means of independent rows: the null is a closed form, and no refits are needed for it.
    spread = error * ndtri((np.arange(RESPLITS) + 0.5) / RESPLITS)
    return judged(
        "classifier",
        judge(gain + spread, spread, wreck, power=0.5),
        unit="bits",
        meaning="what a classifier that tells synthetic from real rows gains per row by seeing columns together, in "
        "any number; null by the central limit theorem",
    )


def _slice(draws: Draws, part: slice) -> Draws:
    return Draws(draws.null[:, part], draws.observed[:, part], draws.wreck[:, part], draws.rows)


def _padding(table: Tuples, sizes: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], int, int]:
    """Where each flat cell goes in an array of shape (pairs, widest, widest)."""
    widest = max(sizes)
    positions = [
        index * widest * widest + np.add.outer(np.arange(sizes[i]) * widest, np.arange(sizes[j])).ravel()
        for index, (i, j) in enumerate(table.columns)
    ]
    return np.concatenate(positions), len(table.columns), widest


def _padded(counts: Floats, shape: tuple[npt.NDArray[np.int64], int, int]) -> Floats:
    positions, tables, widest = shape
    padded = np.zeros(tables * widest * widest)
    padded[positions] = counts
    return padded.reshape(tables, widest, widest)


def _same_margins(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Both contingency tables, shape (pairs, I, J), fitted to common margins by iterative proportion (Deming & Stephan
    1940), so that only their dependence differs.

    The common margins are geometric means: a value that one side lacks then has no weight, and scarce rows are not
    blown up into evidence.
    """
    rows = np.sqrt(a.sum(axis=2, keepdims=True) * b.sum(axis=2, keepdims=True))
    columns = np.sqrt(a.sum(axis=1, keepdims=True) * b.sum(axis=1, keepdims=True))
    columns *= rows.sum(axis=1, keepdims=True) / columns.sum(axis=2, keepdims=True)
    fitted = []
    for side in (a, b):
        table = side
        for _ in range(FIT_ROUNDS):
            table = table * (rows / np.maximum(table.sum(axis=2, keepdims=True), TINY))
            table = table * (columns / np.maximum(table.sum(axis=1, keepdims=True), TINY))
        fitted.append(table)
    return fitted[0], fitted[1]


def _worst_tenth(losses: Floats) -> Floats:
    """Mean of the largest tenth (at least one) of each draw, shape (draws, p) -> (draws,)."""
    keep = max(1, round(losses.shape[1] / 10))
    return np.asarray(np.sort(losses, axis=1)[:, -keep:].mean(axis=1))


def _both(name: str, draws: Draws, *, power: float, unit: str, meaning: str) -> list[Judged]:
    return [
        judged(
            f"{name}_mean",
            draws.reduced(lambda d: d.mean(axis=1)).judge(power=power),
            unit=unit,
            meaning=f"{meaning}, mean over pairs",
        ),
        judged(
            f"{name}_worst",
            draws.reduced(_worst_tenth).judge(power=power),
            unit=unit,
            meaning=f"{meaning}, mean of the worst tenth",
        ),
    ]


def _blame(evidence: Evidence, group: tuple[tuple[int, int], ...], draws: Draws) -> tuple[Blame, ...]:
    bounds = np.quantile(draws.null, 0.95, axis=0)
    observed = draws.observed.mean(axis=0)
    details = [
        f"joint divergence beyond the margins {value:.3g} bits, {bound:.3g} between real halves"
        for value, bound in zip(observed, bounds, strict=True)
    ]
    return blame([(evidence.columns[i], evidence.columns[j]) for i, j in group], observed - bounds, details)


DIMENSION = Dimension(
    name=NAME,
    title="Correlation preservation",
    question="Do columns depend on each other as they do in the real table?",
    needs_reference=True,
    needs_cascade=False,
    measure=measure,
)
