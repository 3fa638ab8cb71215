"""How much of what is rare in the real table a synthetic one has lost, counted on real rows that no tool saw.

A measure of its own, which shares nothing with ``rare_pattern_handling``. Numbers are cut at quantiles of the reference
(finely at both ends), other columns go by value. A cell is a value, a pair or a triple that the reference holds in at
least ``FEWEST`` rows and at most ``RARE`` of its rows.

The reference and one half of the synthetic rows settle which cells the table lacks: those of which it has a smaller
share. The holdout and the other half count what is gone of them. Neither side of that count had a say in the choice, so
that a fresh real sample has lost 0 in the mean, and not the positive amount that the noise of two samples adds up to; a
table without any rare row has lost 1. A cell whose lack hides in noise is left out half of the time, so that losses
spread thinly over the rarest cells are understated.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

RARE, FEWEST = 0.01, 8
#: Where numbers are cut: evenly in the middle, finely at the ends, where the rare values are.
LEVELS = (0.001, 0.003, 0.01, 0.03, *np.arange(0.1, 0.95, 0.1), 0.97, 0.99, 0.997, 0.999)
ORDERS = 3
#: Numbers with more values than this are cut into bins.
MANY = 2 * len(LEVELS)
#: Columns taken together in each order, at most; drawn where there are more.
GROUPS = 60
HALVES = 4

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RareTruth:
    """Share of the rare mass that is gone, by order (values, pairs, triples) and in the mean over orders that have any
    rare cells; at most 1, and below 0 by chance alone. ``cells`` by order."""

    gone: float
    by_order: tuple[float, ...]
    cells: tuple[int, ...]


def rare_mass_gone(synthetic: pl.DataFrame, reference: pl.DataFrame, holdout: pl.DataFrame, seed: int = 0) -> RareTruth:
    """What ``synthetic`` has lost of the rare mass of ``holdout``; the three have the same columns.

    Raises
    ------
    SystemExit : the reference holds no rare cell with ``FEWEST`` rows.
    """
    rng = np.random.default_rng(seed)
    r, h, s = _codes((reference, holdout, synthetic))
    halves = [rng.permutation(len(s)) < len(s) // 2 for _ in range(HALVES)]
    by_order, cells = [], []
    for order in range(1, min(ORDERS, r.shape[1]) + 1):
        groups = list(combinations(range(r.shape[1]), order))
        if len(groups) > GROUPS:
            groups = [groups[i] for i in rng.choice(len(groups), GROUPS, replace=False)]
        found = np.array([_mass(r[:, group], h[:, group], s[:, group], halves) for group in groups]).sum(axis=0)
        if found[2] > 0:
            by_order.append(float(found[0] / found[1]))
            cells.append(int(found[2]))
    if not by_order:
        raise SystemExit(f"no value, pair or triple is rare and has {FEWEST} rows: give a longer reference")
    return RareTruth(float(np.mean(by_order)), tuple(by_order), tuple(cells))


def _mass(r: Codes, h: Codes, s: Codes, halves: list[npt.NDArray[np.bool_]]) -> tuple[float, float, float]:
    """Mass gone and rare mass (shares of rows, the mean over halvings), and rare cells, of one group of columns."""
    cell = np.zeros(len(r) + len(h) + len(s), np.int64)
    for column in np.concatenate([r, h, s]).T:
        wide = cell * (int(column.max()) + 1) + column
        met = np.zeros(int(wide.max()) + 1, np.bool_)
        met[wide] = True
        cell = (np.cumsum(met) - 1)[wide]
    of_r, of_h, of_s = np.split(cell, [len(r), len(r) + len(h)])
    count = int(cell.max()) + 1

    def shares(own: Codes) -> npt.NDArray[np.float64]:
        return np.bincount(own, minlength=count) / len(own)

    real, seen = shares(of_r), shares(of_h)
    rare = (real * len(r) >= FEWEST) & (real <= RARE)
    gone = 0.0
    for half in halves:
        for first in (half, ~half):
            lacks = rare & (shares(of_s[first]) < real)
            gone += float((seen - shares(of_s[~first]))[lacks].sum()) / (2 * len(halves))
    return gone, float(seen[rare].sum()), float(rare.sum())


def _codes(tables: tuple[pl.DataFrame, ...]) -> list[Codes]:
    """Each table as codes >= 0, shape (rows, columns), cut by the first table."""
    first = tables[0]
    cuts = [
        _bins if first[name].dtype.is_numeric() and first[name].n_unique() > MANY else _labels for name in first.columns
    ]
    columns = [cut([table[name] for table in tables]) for name, cut in zip(first.columns, cuts, strict=True)]
    return [np.column_stack([column[i] for column in columns]).astype(np.int64) for i in range(len(tables))]


def _bins(sides: list[pl.Series]) -> list[Codes]:
    """Numbers by bins of the first side; a missing one is a cell of its own, behind the last bin."""
    edges = np.unique(np.quantile(sides[0].drop_nulls().to_numpy(), LEVELS))
    last = len(edges) + 1
    found = []
    for side in sides:
        codes = np.searchsorted(edges, side.fill_null(0).to_numpy())
        found.append(np.where(side.is_null().to_numpy(), last, codes))
    return found


def _nearest(sides: list[pl.Series]) -> list[pl.Series]:
    steps = np.unique(sides[0].drop_nulls().cast(pl.Float64).to_numpy())
    middles = (steps[:-1] + steps[1:]) / 2.0
    found = []
    for side in sides:
        numbers = side.cast(pl.Float64)
        near = pl.Series(steps[np.searchsorted(middles, numbers.fill_null(0.0).to_numpy())])
        found.append(near.zip_with(numbers.is_not_null(), pl.Series([None], dtype=pl.Float64)))
    return found


def _labels(sides: list[pl.Series]) -> list[Codes]:
    """Values of the first side; those that are too seldom there to be counted stand together, behind the last.

    Numbers count as the nearest value of the first side: noise that is small beside its steps loses none of them.
    """
    if sides[0].dtype.is_numeric():
        sides = _nearest(sides)
    texts = [side.cast(pl.String).fill_null("\0").to_numpy() for side in sides]
    values, rows = np.unique(texts[0], return_counts=True)
    known = values[rows >= FEWEST]
    found = []
    for text in texts:
        codes = np.searchsorted(known, text)
        found.append(np.where(np.isin(text, known), codes, len(known)))
    return found
