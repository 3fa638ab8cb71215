"""Damage to plant in a run of rows: six defects of CollapseBench, a copied block, flipped labels, a broken rule.

Each takes the rows to be damaged and answers as many, of the same columns; which columns it touched is read off by
comparison. Keys and times are left as they are, but where whole rows are repeated, copied or torn apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from benchmarks.region_tables import Base

Rng = np.random.Generator
Damage = Callable[[pl.DataFrame, Base, pl.DataFrame, Rng], pl.DataFrame]

#: Distinct rows that a duplicated run consists of, as a share of it.
DISTINCT = 0.02
#: Share of cells that take their column's median or commonest label.
GATHERED = 0.8
#: Share of a number's rows that are cut off at either end, and of a column's rows whose labels stay.
CUT, KEPT = 0.15, 0.7
#: Standard deviations of the noise added, and of the climb from the first row to the last.
NOISE, CLIMB = 1.5, 2.5


def duplicates(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """A few of the rows, again and again."""
    return rows[rng.integers(max(3, int(DISTINCT * rows.height)), size=rows.height)]


def shuffled(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """Every column in an order of its own."""
    return rows.select(pl.Series(name, rows[name].gather(rng.permutation(rows.height))) for name in rows.columns)


def mode(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """Most cells take the value in the middle, or the commonest label."""

    def gathered(column: pl.Series) -> pl.Series:
        numeric = column.dtype.is_numeric()
        middle = column.median() if numeric else column.value_counts().sort("count", column.name)[column.name][-1]
        taken = pl.Series(rng.random(len(column)) < GATHERED)
        filled = pl.Series(column.name, [middle] * len(column))
        return filled.zip_with(taken, column.cast(filled.dtype))

    return _each(rows, gathered)


def tailcut(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """Numbers are clipped at both ends; the rarer labels become the commonest one."""

    def cut(column: pl.Series) -> pl.Series:
        if column.dtype.is_numeric():
            return column.cast(pl.Float64).clip(*(column.quantile(q, "linear") for q in (CUT, 1.0 - CUT)))
        counts = column.value_counts().sort(["count", column.name], descending=[True, False])
        before = counts["count"].cum_sum().to_numpy() - counts["count"].to_numpy()
        kept = counts[column.name].filter(pl.Series(before < KEPT * len(column)))
        kept = kept.head(max(1, min(len(kept), counts.height - 1)))
        return pl.Series(column.name, [kept[0]] * len(column)).zip_with(~column.is_in(kept.implode()), column)

    return _each(rows, cut)


def noise(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """Numbers get normal noise, labels are drawn anew, all equally likely."""

    def noisy(column: pl.Series) -> pl.Series:
        if column.dtype.is_numeric():
            values = column.to_numpy().astype(float)
            return pl.Series(column.name, values + rng.normal(0.0, NOISE * values.std(), len(values)))
        return column.unique().sort().gather(rng.integers(column.n_unique(), size=len(column))).alias(column.name)

    return _each(rows, noisy)


def drift(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """Numbers climb from the first row to the last."""

    def climbing(column: pl.Series) -> pl.Series:
        if not column.dtype.is_numeric():
            return column
        values = column.to_numpy().astype(float)
        return pl.Series(column.name, values + np.linspace(0.0, CLIMB, len(values)) * values.std())

    return _each(rows, climbing)


def copied(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """As many rows of the reference, each at most once; neighbours where the rows have an order."""
    if base.ordered:
        first = int(rng.integers(reference.height - rows.height + 1))
        return reference[first : first + rows.height]
    return reference[rng.permutation(reference.height)[: rows.height]]


def label_flip(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """Every label of the target is replaced by another one that the column has."""
    labels = reference[base.target].unique().sort()
    place = {label: code for code, label in enumerate(labels)}
    codes = np.array([place.get(label, 0) for label in rows[base.target]])
    other = (codes + rng.integers(1, len(labels), size=len(codes))) % len(labels)
    return rows.with_columns(labels.gather(other).alias(base.target))


def rule_break(rows: pl.DataFrame, base: Base, reference: pl.DataFrame, rng: Rng) -> pl.DataFrame:
    """What is decided by another column is shuffled; what lies below another column changes places with it."""
    if base.rule is None:
        raise ValueError(f"{base.name} has no rule to break")
    form, one, other = base.rule
    if form == "below":
        return rows.with_columns(pl.col(one).alias(other), pl.col(other).alias(one)).select(rows.columns)
    return rows.with_columns(rows[other].gather(rng.permutation(rows.height)).alias(other))


DAMAGES: dict[str, Damage] = {
    damage.__name__: damage
    for damage in (duplicates, shuffled, mode, tailcut, noise, drift, copied, label_flip, rule_break)
}


def _each(rows: pl.DataFrame, change: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
    return rows.select(c if c.dtype.is_temporal() else change(c.alias(c.name)) for c in rows.get_columns())
