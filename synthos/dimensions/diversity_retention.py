"""How much of the real table's variety is left. Only its loss counts: noise adds variety, and others judge noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from synthos.dimensions.base import Dimension, combine, judged
from synthos.dimensions.views import blame, coarse, reference_of, unmerged
from synthos.results import Blame, DimensionResult, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import RESPLITS, Draws, Rows, cap_for, draw, half_rows, remembered
from synthos.stats.dependence import Tuples, random_tuples
from synthos.stats.features import fourier_features, fourier_tables, vendi
from synthos.tables.codec import Codes, NumericBins

NAME = "diversity_retention"
FINGERPRINTS = 40
MOST_LEVELS = 8
FEWEST_LEVELS, ROWS_PER_LEVEL = 8, 25
#: Pairs of equal rows to expect in a fingerprint even if all its cells were equally full.
COLLISIONS = 100
VENDI_POOL, VENDI_HALF = 8_000, 2_000
GROUP_HALF = 5_000

Floats = npt.NDArray[np.float64]


def measure(evidence: Evidence) -> DimensionResult:
    """Collision entropy of columns and of small groups of columns, distinct rows, and the Vendi score."""
    if not evidence.sizes:
        return NotApplicable(reason="variety needs at least one modelled column")
    columns = _column_draws(evidence)
    groups = _group_draws(evidence)
    parts = [
        judged(
            "groups_mean",
            groups.reduced(lambda d: d.mean(axis=1)).judge(),
            unit="bits",
            meaning="collision (Rényi-2) entropy lost by random groups of up to four columns, mean over groups",
        ),
        judged(
            "groups_worst",
            groups.reduced(_worst_tenth).judge(),
            unit="bits",
            meaning="collision (Rényi-2) entropy lost by random groups of up to four columns, mean of the worst tenth",
        ),
        judged(
            "columns_mean",
            columns.reduced(lambda d: d.mean(axis=1)).judge(),
            unit="bits",
            meaning="collision (Rényi-2) entropy lost by single columns, mean over columns",
        ),
        judged(
            "distinct_rows",
            _distinct_draws(evidence).judge(),
            unit="share of distinct rows",
            meaning="distinct coded rows lost against as many real rows",
        ),
        judged(
            "vendi",
            _vendi_draws(evidence).judge(),
            unit="bits",
            meaning="log2 of the Vendi score (effective number of unlike rows) lost",
        ),
    ]
    return combine(parts, blame=_blame(evidence, columns))


def _entropy_draws(table: Tuples, reference: Rows, synthetic: Rows, rng: np.random.Generator) -> Draws:
    """Collision entropy that each tuple lost in bits, 0 where it gained; the wreck is one row repeated."""
    starts = table.offsets[:-1]

    def collisions(rows: Rows) -> Floats:
        counts = table.count(rows)
        equal = np.add.reduceat(counts * (counts - 1), starts)
        # Less than one pair of equal rows cannot be seen; to count one keeps the entropy finite, and low if anything.
        return np.asarray(np.maximum(equal, 2.0) / (len(rows) * (len(rows) - 1)))

    real = remembered(collisions)

    def lost(first: Rows, other: Rows) -> Floats:
        return np.asarray(np.maximum(np.log2(collisions(other) / real(first)), 0.0))

    return draw(lost, reference, synthetic, rng, wreck=_one_row, cap=cap_for(len(table.columns), GROUP_HALF))


def _one_row(rows: Rows, rng: np.random.Generator) -> Rows:
    return np.repeat(rows[:1], len(rows), axis=0)


def _fair_codes(evidence: Evidence) -> tuple[tuple[Codes, Codes], tuple[int, ...]]:
    """Codes of both sides and their sizes, fewer in small tables: bins that are quantiles of the reference are evener
    there than in any other sample, by about levels / rows bits, and labels that only the reference holds stand apart
    where those that only a fresh sample holds are one."""
    half = half_rows(len(reference_of(evidence).codes), len(evidence.synthetic.codes), GROUP_HALF)
    return coarse(evidence, max(FEWEST_LEVELS, half // ROWS_PER_LEVEL))


def _column_draws(evidence: Evidence) -> Draws:
    """Single columns."""
    codes, sizes = _fair_codes(evidence)
    table = Tuples(tuple((j,) for j in range(len(sizes))), sizes)
    return _entropy_draws(table, *codes, generator(evidence.seed, NAME, "columns"))


def _group_draws(evidence: Evidence) -> Draws:
    rng = generator(evidence.seed, NAME, "groups")
    half = half_rows(len(reference_of(evidence).codes), len(evidence.synthetic.codes), GROUP_HALF)
    order = min(4, len(evidence.sizes))
    levels = int(np.clip((half**2 / 2 / COLLISIONS) ** (1 / order), 3, MOST_LEVELS))
    (reference, synthetic), sizes = coarse(evidence, levels)
    return _entropy_draws(Tuples(random_tuples(len(sizes), order, FINGERPRINTS, rng), sizes), reference, synthetic, rng)


def _distinct_draws(evidence: Evidence) -> Draws:
    """Share of distinct rows lost; rows are told apart by a 64-bit multiplicative hash of their codes."""
    rng = generator(evidence.seed, NAME, "distinct")
    weights = rng.integers(1, 2**63, len(evidence.sizes), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    reference, synthetic = ((codes * weights).sum(axis=1, dtype=np.uint64) for codes in unmerged(evidence))

    def distinct(rows: Rows) -> Floats:
        return np.array([float(np.unique(rows).size)])

    real = remembered(distinct)

    def lost(first: Rows, other: Rows) -> Floats:
        return np.asarray(np.maximum(1.0 - distinct(other) / real(first), 0.0))

    return draw(lost, reference, synthetic, rng, wreck=_one_row, cap=GROUP_HALF)


def _vendi_draws(evidence: Evidence) -> Draws:
    rng = generator(evidence.seed, NAME, "vendi")
    sides, sizes = _fair_codes(evidence)
    arms = [codes[rng.choice(len(codes), min(len(codes), VENDI_POOL), replace=False)] for codes in sides]
    tables = fourier_tables(_positions(evidence, sides[0], sizes), sizes, rng)

    def effective(rows: Rows) -> Floats:
        return np.array([vendi(rows)])

    real = remembered(effective)

    def lost(first: Rows, other: Rows) -> Floats:
        return np.asarray(np.maximum(np.log2(real(first) / effective(other)), 0.0))

    features = [fourier_features(codes, tables) for codes in arms]
    # Matrices this small lose more to waking threads than they win from them.
    with threadpool_limits(1):
        return draw(lost, features[0], features[1], rng, wreck=_one_row, cap=VENDI_HALF, resplits=RESPLITS)


def _positions(evidence: Evidence, reference: Codes, sizes: Sequence[int]) -> list[Floats | None]:
    """Mid-ranks of ordered codes among reference rows, scaled to unit spread; None for columns without order."""
    places: list[Floats | None] = []
    for column, bins in enumerate(evidence.codec.bins):
        if not isinstance(bins, NumericBins):
            places.append(None)
            continue
        mass = np.bincount(reference[:, column], minlength=sizes[column]).astype(np.float64)
        mass[0] = 0.0
        middle = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1.0)
        middle[0] = np.nan
        places.append((middle - 0.5) * np.sqrt(12.0))
    return places


def _worst_tenth(losses: Floats) -> Floats:
    keep = max(1, round(losses.shape[1] / 10))
    return np.asarray(np.sort(losses, axis=1)[:, -keep:].mean(axis=1))


def _blame(evidence: Evidence, draws: Draws) -> tuple[Blame, ...]:
    bounds = np.quantile(draws.null, 0.95, axis=0)
    observed = draws.observed.mean(axis=0)
    details = [f"collision entropy lower by {value:.3g} bits" for value in observed]
    return blame([(name,) for name in evidence.columns], observed - bounds, details)


DIMENSION = Dimension(
    name=NAME,
    title="Diversity retention",
    question="Is there as much variety as in the real table?",
    needs_reference=True,
    needs_cascade=False,
    measure=measure,
)
