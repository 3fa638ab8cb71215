"""Tables to cut into disjoint fresh samples: those of ``benchmarks.real_tables``, a wide one, and generated ones.

=======  ===============================================================================================
pixels   handwritten digits, 1,797 x 65: wide, many pixels nearly always 0
mixed    generated x 8: a dependency, an inequality, rare categories, a heavy tail, mostly zeros in one column
ordered  generated x 4: autoregressions, rows in the order of time, no column that says so
dated    generated x 6: the same with a datetime column, nulls, a rare state and a heavy tail
woven    generated x 6: one label decided by three others together, of which no two say anything about it
=======  ===============================================================================================

Parts are disjoint random rows, in the order of time where the table has one. ``mixed`` and ``woven`` are drawn anew for
every part;
``ordered`` and ``dated`` are drawn anew for every split, one course of the process shared by its parts. Another course
of a slow process is no fresh sample to anything but time: it dwells elsewhere, and its columns' values do differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

import numpy as np
import polars as pl
from sklearn.datasets import load_digits

from benchmarks.real_tables import REAL_TABLES
from tests.dimensions import damages

PACKAGED = (*REAL_TABLES, "pixels")
GENERATED = ("mixed", "ordered", "dated", "woven")
#: Share of rows of ``woven`` whose fourth label is random.
LOOSE = 0.05


def dated(rows: int, seed: int) -> pl.DataFrame:
    """Rows at irregular times over one year, whose length of day sets the load's level, shape (rows, 6)."""
    rng = np.random.default_rng([seed, rows])
    frame = damages.ordered(rows, seed)
    gaps = rng.exponential(1.0, rows + 1)
    share = np.cumsum(gaps)[:-1] / gaps.sum()
    load = frame["load"].to_numpy() + 1.5 * np.sin(2 * np.pi * share)
    state = np.where(rng.random(rows) < 0.004, "outage", frame["state"].to_numpy().astype(object))
    amount = np.exp(1.5 * rng.standard_t(4, rows) + 0.3 * load)
    return pl.DataFrame(
        {
            "at": pl.Series((share * 365 * 86_400_000).astype(np.int64)).cast(pl.Duration("ms")) + datetime(2024, 1, 1),
            "load": load.round(4),
            "price": frame["price"],
            "state": state.astype(str),
            "amount": amount.round(2),
            "reading": pl.Series(rng.normal(size=rows).round(3)).set(pl.Series(rng.random(rows) < 0.05), None),
        }
    )


def woven(rows: int, seed: int) -> pl.DataFrame:
    """``odd`` is the parity of the three labels before it but for ``LOOSE`` of the rows; two numbers that correlate."""
    rng = np.random.default_rng([seed, rows])
    bits = rng.integers(2, size=(rows, 3))
    odd = np.where(rng.random(rows) < LOOSE, rng.integers(2, size=rows), bits.sum(axis=1) % 2)
    first = rng.normal(size=rows)
    return pl.DataFrame(
        {
            **{name: np.array(["no", "yes"])[bits[:, j]] for j, name in enumerate(("left", "middle", "right"))},
            "odd": np.array(["even", "odd"])[odd],
            "width": first.round(3),
            "height": (0.6 * first + 0.8 * rng.normal(size=rows)).round(3),
        }
    )


@cache
def pooled(name: str) -> pl.DataFrame:
    """All rows of a packaged table, in the order of its file."""
    if name != "pixels":
        return REAL_TABLES[name].load()
    bunch = load_digits()
    pixels = {f"pixel_{j}": bunch.data[:, j].astype(np.int64) for j in range(bunch.data.shape[1])}
    return pl.DataFrame({**pixels, "digit": [f"d{target}" for target in bunch.target]})


def in_order(name: str) -> bool:
    """Whether the rows of a packaged table stand in the order of time."""
    return name in REAL_TABLES and REAL_TABLES[name].time is not None


def parts(name: str, sizes: Sequence[int], rng: np.random.Generator) -> list[pl.DataFrame]:
    """Disjoint fresh samples of the table, of so many rows each.

    Raises ``ValueError`` where a packaged table has fewer rows than all parts together.
    """
    if name in ("mixed", "woven"):
        draw = damages.exchangeable if name == "mixed" else woven
        return [draw(rows, int(rng.integers(2**31))) for rows in sizes]
    if name in GENERATED:
        make = damages.ordered if name == "ordered" else dated
        return cut(make(sum(sizes), int(rng.integers(2**31))), sizes, rng, ordered=True)
    return cut(pooled(name), sizes, rng, ordered=in_order(name))


def cut(whole: pl.DataFrame, sizes: Sequence[int], rng: np.random.Generator, *, ordered: bool) -> list[pl.DataFrame]:
    """Disjoint random rows of ``whole``; with ``ordered`` each part keeps the order of its rows."""
    if sum(sizes) > whole.height:
        raise ValueError(f"{sum(sizes)} rows asked of a table of {whole.height}")
    picks = np.split(rng.permutation(whole.height), np.cumsum(sizes))[: len(sizes)]
    return [whole[np.sort(pick) if ordered else pick] for pick in picks]
