"""What is rare in the real table: is it still there? Only its loss counts here.

A cell (a value, a pair, a triple) is rare where the reference holds it in at most 1 % of its rows (or 8 rows of a
half), and resolvable where the first half of a resplit holds at least 3 rows of it. The second half and the synthetic
rows are then asked alike, so that rare counts regress towards the mean on both sides. Rarity is judged on the whole
reference: bins are its quantiles, and a bin that is short in one half is therefore long in the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.dimensions.base import Dimension, Judged, combine, informative, judged
from synthos.dimensions.views import blame, coarse, numeric_columns, numeric_values, reference_of
from synthos.results import Blame, DimensionResult, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import Draws, Rows, cap_for, draw, half_rows, remembered
from synthos.stats.dependence import Tuples, pairs, random_tuples
from synthos.stats.tails import hill

NAME = "rare_pattern_handling"
FEWEST, RARE_SHARE, RARE_ROWS = 3, 0.01, 8
MAX_PAIRS, MAX_TRIPLES, TRIPLE_LEVELS = 60, 40, 12
MAX_HALF = 5_000
TAIL_LEVELS = (0.01, 0.001, 0.0001)
#: Rows that each tail should hold in a real half; the tails of all columns are judged together.
TAIL_ROWS, TAIL_HALF, TAIL_CELLS = 2, 25_000, 400_000
#: Rows of a real half that rare single values must make up to be judged without their pairs and triples.
VALUE_ROWS = 30

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Tables:
    """Both arms stacked, reference first."""

    codes: Rows
    coarse: Rows
    reference_rows: int
    orders: tuple[Tuples, ...]

    @property
    def groups(self) -> int:
        return sum(len(table.columns) for table in self.orders)

    def counts(self, rows: Rows) -> Floats:
        """Rows per cell of every tuple, the orders laid end to end."""
        codes, merged = self.codes[rows], self.coarse[rows]
        return np.concatenate([t.count(merged if order == 2 else codes) for order, t in enumerate(self.orders)])

    def starts(self) -> list[npt.NDArray[np.int64]]:
        """Where each tuple's cells begin in ``counts``, per order."""
        base, starts = 0, []
        for table in self.orders:
            starts.append(table.offsets[:-1] + base)
            base += int(table.offsets[-1])
        return starts


def measure(evidence: Evidence) -> DimensionResult:
    """Rare mass lost, rare cells absent, and tails cut off."""
    if not evidence.sizes:
        return NotApplicable(reason="rare patterns need at least one modelled column")
    tables = _gather(evidence)
    half = half_rows(tables.reference_rows, len(evidence.synthetic.codes), cap_for(len(evidence.sizes), MAX_HALF))
    draws = _draws(evidence, tables, half)
    groups = tables.groups
    mass = _joined(draws, _by_order(tables))
    absent = _part(draws, slice(groups, None))
    tails = _tail_draws(evidence)
    parts: list[Judged] = []
    parts += _judged(
        "rare_mass_lost",
        mass,
        unit="share of rare mass",
        meaning="share of the resolvable mass of rare values, pairs and triples that is gone",
    )
    # Rare values are few beside rare pairs and triples, and the mean over orders would hide that they are gone.
    if np.median(mass.wreck[:, 0]) * half >= VALUE_ROWS:
        parts += _judged(
            "rare_values_lost",
            _part(mass, [0]),
            unit="share of rare mass",
            meaning="share of the resolvable mass of rare single values that is gone",
        )
    parts += _judged(
        "rare_cells_absent",
        absent,
        unit="share of rare cells",
        meaning="rare values, pairs and triples that do not occur, beyond as many real rows",
    )
    for level in TAIL_LEVELS:
        parts += _judged(
            f"tail_{level:g}",
            _part(tails.draws, [i for i, (_, own) in enumerate(tails.names) if own == level]),
            unit="share of tail rows",
            meaning=f"rows lost beyond the real {level:g} and {1 - level:g} quantiles of numeric columns",
            together=True,
        )
    parts += _hill(evidence)
    unseen = [f"{level:g}" for level in TAIL_LEVELS if level not in {own for _, own in tails.names}]
    notes = (f"tails not resolved at {tails.draws.rows} rows a side: {', '.join(unseen)}",) if unseen else ()
    return combine(parts, blame=_blame(evidence, tables, draws, tails), notes=notes)


def _gather(evidence: Evidence) -> _Tables:
    reference, synthetic = reference_of(evidence), evidence.synthetic
    rng = generator(evidence.seed, NAME, "groups")
    count = len(evidence.sizes)
    (ours, theirs), sizes = coarse(evidence, TRIPLE_LEVELS)
    orders = [Tuples(tuple((j,) for j in range(count)), evidence.sizes)]
    if count >= 2:
        orders.append(Tuples(pairs(count, MAX_PAIRS, rng), evidence.sizes))
    if count >= 3:
        orders.append(Tuples(random_tuples(count, 3, MAX_TRIPLES, rng), sizes))
    return _Tables(
        np.concatenate([reference.codes, synthetic.codes]),
        np.concatenate([ours, theirs]),
        len(reference.codes),
        tuple(orders),
    )


@dataclass(frozen=True, slots=True)
class _Tails:
    """Draws of the lost mass (share of rows) of each tail, and each tail's column and level."""

    draws: Draws
    names: tuple[tuple[str, float], ...]


def _tail_draws(evidence: Evidence) -> _Tails:
    """Tails beyond quantiles of the whole reference. Those that real halves cannot fill are left out, as are those of
    columns whose end is one heavy value."""
    names = numeric_columns(evidence)
    ours = numeric_values(evidence, reference_of(evidence), names)
    theirs = numeric_values(evidence, evidence.synthetic, names)
    both = np.concatenate([ours, theirs])
    most = max(min(TAIL_HALF, TAIL_CELLS // max(len(names), 1)), 1_000)
    enough = TAIL_ROWS / half_rows(len(ours), len(theirs), most)
    flags, kept = [], []
    for j, name in enumerate(names):
        own = np.sort(ours[np.isfinite(ours[:, j]), j])
        for level in TAIL_LEVELS:
            if level < enough or own.size == 0:
                continue
            low, high = np.quantile(own, [level, 1 - level], method="inverted_cdf")
            for flag in (both[:, j] < low, both[:, j] > high):
                if flag[: len(ours)].sum() >= len(ours) * level / 2:
                    flags.append(flag)
                    kept.append((name, level))
    matrix = np.column_stack(flags).astype(np.uint8) if flags else np.zeros((len(both), 0), np.uint8)

    def lost(first: Rows, other: Rows) -> Floats:
        ours, theirs = (side.sum(axis=0, dtype=np.float64) for side in (first, other))
        return np.asarray(np.maximum(ours - theirs, 0.0) / len(first))

    rng = generator(evidence.seed, NAME, "tails")
    return _Tails(draw(lost, matrix[: len(ours)], matrix[len(ours) :], rng, wreck=_nothing, cap=most), tuple(kept))


def _nothing(rows: Rows, rng: np.random.Generator) -> Rows:
    return rows[:0]


def _draws(evidence: Evidence, tables: _Tables, half: int) -> Draws:
    """Per tuple the lost rare mass (share of rows), per order the share of rare cells absent.

    Lost is what the first half has more of than the other side, so that a surplus in one cell makes up for no other.
    The wreck has no rows at all, so that all of the rare mass is lost.
    """
    rows = np.arange(len(tables.codes))
    reference = rows[: tables.reference_rows]
    seldom = tables.counts(reference) / len(reference) <= max(RARE_SHARE, RARE_ROWS / half)
    starts = tables.starts()
    ends = np.cumsum([int(table.offsets[-1]) for table in tables.orders])
    real = remembered(tables.counts)

    def lost(first: Rows, other: Rows) -> Floats:
        ours, theirs = real(first), tables.counts(other)
        rare = seldom & (ours >= FEWEST)
        missing = np.where(rare, np.maximum(ours - theirs, 0.0), 0.0)
        mass = np.add.reduceat(missing, np.concatenate(starts)) / len(first)
        absent = [
            float(((theirs[begin:end] == 0) & rare[begin:end]).sum() / max(rare[begin:end].sum(), 1))
            for begin, end in zip([0, *ends[:-1]], ends, strict=True)
        ]
        return np.concatenate([mass, absent])

    rng = generator(evidence.seed, NAME, "draws")
    return draw(lost, reference, rows[tables.reference_rows :], rng, wreck=_nothing, cap=half)


def _by_order(tables: _Tables) -> Callable[[Floats], Floats]:
    edges = np.cumsum([0, *(len(table.columns) for table in tables.orders)])[:-1]
    return lambda side: np.asarray(np.add.reduceat(side[:, : tables.groups], edges, axis=1))


def _joined(draws: Draws, join: Callable[[Floats], Floats]) -> Draws:
    return Draws(join(draws.null), join(draws.observed), join(draws.wreck), draws.rows)


def _part(draws: Draws, columns: slice | list[int]) -> Draws:
    return _joined(draws, lambda side: side[:, columns])


def _judged(name: str, draws: Draws, *, unit: str, meaning: str, together: bool = False) -> list[Judged]:
    """The mean over elements that can be judged, each on its own scale from null to total loss; with ``together``
    summed first, for elements that hold too few rows each. Empty where there is nothing to judge."""
    if draws.null.shape[1] and together:
        draws = _joined(draws, lambda side: side.sum(axis=1, keepdims=True))
    known = np.flatnonzero(draws.judgeable()).tolist() if draws.null.shape[1] else []
    if not known:
        return []
    share = _part(draws, known).loss().reduced(lambda d: np.clip(d.mean(axis=1), 0.0, 1.0))
    return [judged(name, share.judge(), unit=unit, meaning=meaning)]


def _hill(evidence: Evidence) -> list[Judged]:
    names = numeric_columns(evidence)
    sides = [numeric_values(evidence, arm, names) for arm in (reference_of(evidence), evidence.synthetic)]
    shifts = {}
    for j, name in enumerate(names):
        ours, theirs = (hill(side[np.isfinite(side[:, j]), j]) for side in sides)
        if ours is not None and theirs is not None:
            shifts[name] = ours - theirs
    if not shifts:
        return []
    worst = max(shifts, key=lambda name: abs(shifts[name]))
    return [
        informative(
            "hill_index",
            shifts[worst],
            unit="tail index",
            meaning=f"real less synthetic Hill estimate of the upper tail of {worst}, the column that changed most; "
            "positive where the synthetic tail is lighter",
        )
    ]


def _blame(evidence: Evidence, tables: _Tables, draws: Draws, tails: _Tails) -> tuple[Blame, ...]:
    names = evidence.columns
    groups = [tuple(names[j] for j in group) for table in tables.orders[:2] for group in table.columns]
    excess = _excess(draws)[: len(groups)]
    # Pairs and values compete for the same rows: a value that is gone takes its pairs with it, and is named alone.
    weights = np.array([1.0 if len(group) == 1 else 1.0 / max(len(names) - 1, 1) for group in groups])
    texts = [
        f"{loss:.2%} of rows lost from rare {'values' if len(group) == 1 else 'pairs'}"
        for loss, group in zip(excess, groups, strict=True)
    ]
    beyond = _excess(tails.draws)
    groups += [(name,) for name, _ in tails.names]
    texts += [
        f"{loss:.2%} of rows lost beyond the real {level:g} quantile"
        for loss, (_, level) in zip(beyond, tails.names, strict=True)
    ]
    return blame(groups, np.concatenate([excess * weights, beyond]), texts)


def _excess(draws: Draws) -> Floats:
    return np.asarray(draws.observed.mean(axis=0) - np.quantile(draws.null, 0.95, axis=0))


DIMENSION = Dimension(
    name=NAME,
    title="Rare-pattern handling",
    question="Are rare values, rare combinations and tails still there?",
    needs_reference=True,
    needs_cascade=False,
    measure=measure,
)
