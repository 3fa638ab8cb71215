"""Plain generators of synthetic tables: each learns a table and returns as many new rows, or as many as asked.

All take a polars table and a seeded generator, keep column order and types, and return values that the table holds.
Numbers, dates and categories may be mixed; a category stands for its frequency rank where a number is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri
from sklearn.tree import DecisionTreeRegressor

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Generator: TypeAlias = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]


def bootstrap(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of ``table`` drawn with replacement: a generator that has memorised all that it saw."""
    return table[rng.integers(table.height, size=table.height)]


def cart_generation(table: pl.DataFrame, rng: np.random.Generator, *, leaf: int = 5, tries: int = 1) -> pl.DataFrame:
    """As many new rows from a sequential CART synthesiser fitted on ``table`` (Reiter 2005).

    The first column is drawn with replacement. Every further one has a regression tree on the columns before it
    (categories coded by frequency rank) with at least ``leaf`` rows a leaf, and each new row takes the value of a
    random donor in its leaf. Values are thus always real ones; what is lost is the rest of the joint distribution.
    With odd ``tries`` above 1 the donor is the middle one of so many, by value: see ``narrow_generation``.
    """
    codes = {name: as_numbers(table[name]) for name in table.columns}
    donors = rng.integers(table.height, size=table.height)
    made: dict[str, pl.Series] = {}
    seen: list[Floats] = []
    drawn: list[Floats] = []
    for position, name in enumerate(table.columns):
        if position:
            tree = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=int(rng.integers(2**31)))
            tree.fit(np.column_stack(seen), codes[name])
            fitted, wanted = tree.apply(np.column_stack(seen)), tree.apply(np.column_stack(drawn))
            drawings = [_donors(fitted, wanted, rng) for _ in range(tries)]
            donors = drawings[0] if tries == 1 else _middle(np.array(drawings), codes[name])
        seen.append(codes[name])
        drawn.append(codes[name][donors])
        made[name] = table[name][donors]
    return pl.DataFrame(made)


def narrow_generation(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A CART synthesiser that prefers the usual: of three donors it takes the one in the middle, column by column.

    What sampling at a low temperature does to a language model: within each leaf numbers draw together around their
    median and rare categories (which rank last) are seldom in the middle, so that spread and tails go, generation by
    generation.
    """
    return cart_generation(table, rng, tries=3)


def copula_generation(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """As many new rows from a Gaussian copula: every margin as it is, all dependence one matrix of correlations.

    Ties are broken at random when values are turned into normal scores, so that a category takes up a stretch of the
    normal line as long as it is frequent. Whatever is not monotone between two columns, or among three, is lost.
    """
    scores = np.empty((table.height, table.width))
    margins = []
    for place, name in enumerate(table.columns):
        order = np.lexsort((rng.random(table.height), as_numbers(table[name])))
        margins.append(order)
        scores[order, place] = ndtri((np.arange(table.height) + 0.5) / table.height)
    # A trace on the diagonal: a column that repeats another makes the matrix singular.
    matrix = np.corrcoef(scores, rowvar=False) + 1e-9 * np.eye(table.width)
    drawn = rng.standard_normal(scores.shape) @ np.linalg.cholesky(matrix).T
    picked = np.minimum((ndtr(drawn) * table.height).astype(np.int64), table.height - 1)
    return pl.DataFrame(
        {name: table[name][margins[place][picked[:, place]]] for place, name in enumerate(table.columns)}
    )


def generations(table: pl.DataFrame, generator: Generator, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
    """Generation 1, 2, …: each fitted on the output of the one before, the first on ``table``; without end."""
    while True:
        table = generator(table, rng)
        yield table


def refit(table: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """``table`` after ``count`` generations of the CART synthesiser."""
    for _ in range(count):
        table = cart_generation(table, rng)
    return table


def mixture(real: pl.DataFrame, made: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """``real`` with ``share`` of its rows, at random places, replaced by rows of ``made``; both of the same height."""
    places = rng.permutation(real.height)[: round(share * real.height)]
    source = np.arange(real.height)
    source[places] += real.height
    return pl.concat([real, made])[source]


def as_numbers(column: pl.Series) -> Floats:
    """Numbers as they are, dates as days or ticks, anything else as its rank by falling frequency; shape (n,)."""
    if column.dtype.is_temporal():
        column = column.to_physical()
    if column.dtype.is_numeric():
        return column.to_numpy().astype(float)
    ranked = column.value_counts().sort(["count", column.name], descending=[True, False])[column.name]
    rank = {value: float(place) for place, value in enumerate(ranked)}
    return np.array([rank[value] for value in column])


def _middle(drawings: Places, codes: Floats) -> Places:
    """The donor of median code among several; ``drawings`` of shape (tries, n), result of shape (n,)."""
    order = np.argsort(codes[drawings], axis=0, kind="stable")
    return np.asarray(np.take_along_axis(drawings, order[len(order) // 2][None], axis=0)[0])


def _donors(fitted: Places, wanted: Places, rng: np.random.Generator) -> Places:
    """For each wanted leaf a random row among the fitted rows of that leaf; both shape (n,) leaf numbers."""
    order = np.argsort(fitted, kind="stable")
    leaves, starts, counts = np.unique(fitted[order], return_index=True, return_counts=True)
    place = np.searchsorted(leaves, wanted)
    return np.asarray(order[starts[place] + (rng.random(len(wanted)) * counts[place]).astype(int)])
