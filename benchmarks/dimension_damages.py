"""Damages for any table, one kind each, of any size: what ``benchmarks.dimension_matrix`` puts into fresh real rows.

``SIZE`` is a share of the rows unless the damage says otherwise. Each names the dimension that must see it, and the
dimensions that see it as well by what the damage is, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from tests.dimensions.damages import disordered, repeated, some_rows, unlinked, with_rows


@dataclass(frozen=True, slots=True)
class Fresh:
    """Disjoint fresh samples of one table.

    Attributes
    ----------
    frame : the rows to damage.
    reference : the rows they will be compared with.
    spare : more rows, to take replacements from; at least as many as ``frame``.
    margin : a numeric column that no rule binds, None where the table has no such column.
    rule : a column that others decide, None where the table has no such column.
    weave : a column that several others decide together and no pair of columns betrays; None as above.
    """

    frame: pl.DataFrame
    reference: pl.DataFrame
    spare: pl.DataFrame
    margin: str | None
    rule: str | None
    weave: str | None = None


Make = Callable[[Fresh, float, np.random.Generator], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Damage:
    """``own`` must see it; ``shared`` see it as well, for the reasons given; ``exchangeable`` and ``in_time`` say on
    which tables it makes sense."""

    make: Make
    what: str
    own: str
    shared: Mapping[str, str]
    exchangeable: bool = True
    in_time: bool = False
    needs_margin: bool = False
    needs_rule: bool = False
    needs_weave: bool = False
    #: Tables on which it cannot be made.
    not_on: tuple[str, ...] = ()


def warped(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """One numeric column moves down along its own values: quantile u becomes u^(1 + 2 size). All ranks stay."""
    name = str(fresh.margin)
    column = fresh.frame[name]
    known = column.drop_nulls().sort()
    place = (column.rank("average").to_numpy() - 0.5) / max(known.len(), 1)
    moved = np.where(np.isfinite(place), place, 0.0) ** (1.0 + 2.0 * size)
    taken = known.gather((moved * known.len()).astype(np.int64).clip(0, known.len() - 1))
    return fresh.frame.with_columns(pl.Series(name, taken).set(column.is_null(), None))


def tilted(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows are replaced by other real rows, from the lowest quarter of one column: what goes with its values stays
    as it is, and only how often they come changes."""
    lowest = fresh.spare.filter(fresh.spare[str(fresh.margin)].rank("ordinal") <= fresh.spare.height // 4)
    places = some_rows(fresh.frame, size, rng)
    return with_rows(fresh.frame, places, _drawn(lowest, len(places), rng))


def narrowed(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows are replaced by other real rows, of the most ordinary third."""
    rarity = ordinariness(fresh.spare)
    ordinary = fresh.spare[np.sort(np.argsort(-rarity, kind="stable")[: fresh.spare.height // 3])]
    places = some_rows(fresh.frame, size, rng)
    return with_rows(fresh.frame, places, _drawn(ordinary, len(places), rng))


def levelled(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """That share of the rows that hold something rare are replaced by real rows that do not."""
    plain = fresh.spare.filter(~has_rare(fresh.spare, fresh.reference))
    rare = np.flatnonzero(has_rare(fresh.frame, fresh.reference))
    places = np.sort(rng.choice(rare, round(size * len(rare)), replace=False))
    return with_rows(fresh.frame, places, _drawn(plain, len(places), rng))


def drifting(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Rows within one range, a share of the table, are sorted by one column; the rows themselves stay."""
    rows = round(size * fresh.frame.height)
    start = int(rng.integers(fresh.frame.height - rows + 1))
    places = np.arange(start, start + rows)
    return with_rows(fresh.frame, places, fresh.frame[places].sort(str(fresh.margin)))


def mistimed(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows change places; where a column says when they were, they swap their times instead."""
    times = fresh.frame.select(cs.temporal()).columns
    if not times:
        return disordered(fresh.frame, size, rng)
    places = some_rows(fresh.frame, size, rng)
    own = fresh.frame[places]
    swapped = with_rows(fresh.frame, places, own.with_columns(own[times[0]][rng.permutation(own.height)]))
    return swapped.sort(times[0], maintain_order=True)


def contradicted(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows swap among them the value that another column decides."""
    return _swapped(fresh.frame, str(fresh.rule), size, rng)


def untied(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows swap among them the value that several other columns decide together."""
    return _swapped(fresh.frame, str(fresh.weave), size, rng)


def _swapped(frame: pl.DataFrame, column: str, size: float, rng: np.random.Generator) -> pl.DataFrame:
    places = some_rows(frame, size, rng)
    own = frame[places]
    return with_rows(frame, places, own.with_columns(own[column][rng.permutation(own.height)]))


def copied(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows are rows of the reference."""
    places = some_rows(fresh.frame, size, rng)
    picked = rng.choice(fresh.reference.height, len(places), replace=False)
    return with_rows(fresh.frame, places, fresh.reference[picked])


def duplicated(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows, spread over the table, repeat the row before them."""
    places = some_rows(fresh.frame, size, rng)
    return with_rows(fresh.frame, places, fresh.frame[np.maximum(places - 1, 0)])


def blanked(fresh: Fresh, size: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows lack the value of one column."""
    lost = np.zeros(fresh.frame.height, bool)
    lost[some_rows(fresh.frame, size, rng)] = True
    return fresh.frame.with_columns(fresh.frame[str(fresh.margin)].set(pl.Series(lost), None))


def _drawn(rows: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """So many of the rows, different ones where there are enough."""
    return rows[rng.choice(rows.height, count, count > rows.height)]


def _plain(damage: Callable[[pl.DataFrame, float, np.random.Generator], pl.DataFrame]) -> Make:
    return lambda fresh, size, rng: damage(fresh.frame, size, rng)


def ordinariness(frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Mean over columns of how common the row's label is, or how near its number lies to the median; in [0, 1]."""
    total = np.zeros(frame.height)
    for column in frame:
        if column.dtype.is_numeric():
            middle = column.rank("average").to_numpy() / frame.height
            total += 1.0 - 2.0 * np.abs(np.nan_to_num(middle, nan=0.5) - 0.5)
        else:
            alike = pl.DataFrame({"value": column}).select(pl.len().over("value")).to_series()
            total += alike.to_numpy() / frame.height
    return total / max(frame.width, 1)


def has_rare(frame: pl.DataFrame, reference: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Rows with a label that the reference holds in at most 1 % of its rows, or a number in its outer 1 %."""
    rare = np.zeros(frame.height, bool)
    for name in reference.select(cs.numeric()).columns:
        low, high = (reference[name].quantile(q, "nearest") for q in (0.01, 0.99))
        rare |= ((frame[name] < low) | (frame[name] > high)).fill_null(False).to_numpy()
    for name in reference.select(cs.string() | cs.boolean()).columns:
        shares = reference[name].value_counts()
        common = shares.filter(pl.col("count") > 0.01 * reference.height)[name]
        rare |= ~frame[name].is_in(common.implode()).to_numpy()
    return rare


#: From the damages that one dimension alone can see to those that several must.
DAMAGES: dict[str, Damage] = {
    "tilted": Damage(
        tilted,
        "some rows replaced by rows with low values in one column",
        "distribution_fidelity",
        {
            "rare_pattern_handling": "the column's upper tail thins out",
            "scale_robustness": "models see fewer of the other rows",
        },
        needs_margin=True,
    ),
    "warped": Damage(
        warped,
        "one column moves down along its own values, quantile u to u^(1 + 2 size)",
        "distribution_fidelity",
        {
            "rare_pattern_handling": "the column's upper tail thins out",
            "correlation_preservation": "a value now goes with what went with a higher one",
            "scale_robustness": "models learn what goes with another value",
        },
        exchangeable=False,
        in_time=True,
        needs_margin=True,
    ),
    "unlinked": Damage(
        _plain(unlinked),
        "columns shuffled among some rows",
        "correlation_preservation",
        {
            "semantic_coherence": "shuffled rows make no sense",
            "rare_pattern_handling": "rare combinations go",
            "scale_robustness": "shuffled rows teach models nothing of what goes with what",
        },
    ),
    "narrowed": Damage(
        narrowed,
        "some rows replaced by the most ordinary ones",
        "diversity_retention",
        {
            "distribution_fidelity": "what is ordinary becomes more frequent",
            "rare_pattern_handling": "what is rare becomes less frequent",
            "scale_robustness": "models see fewer of the other rows",
        },
    ),
    "repeated": Damage(
        _plain(repeated),
        "some rows become copies of ten",
        "diversity_retention",
        {
            "statistical_integrity": "copies are duplicates",
            "distribution_fidelity": "ten rows weigh more",
            "correlation_preservation": "ten rows weigh more",
            "rare_pattern_handling": "the rare rows among those replaced are gone",
            "scale_robustness": "copies teach models nothing new",
        },
    ),
    "levelled": Damage(
        levelled,
        "rows with something rare replaced by rows without; share of such rows",
        "rare_pattern_handling",
        {"distribution_fidelity": "once most of the tails are gone"},
        not_on=("births",),  # every row of which holds something rare
    ),
    "drifting": Damage(drifting, "rows of one range sorted by one column", "temporal_stability", {}, needs_margin=True),
    "mistimed": Damage(
        mistimed,
        "some rows change places, or times where a column has them",
        "temporal_stability",
        {
            "correlation_preservation": "what follows from the time no longer does",
            "semantic_coherence": "what follows from the time no longer does",
        },
        exchangeable=False,
        in_time=True,
    ),
    "contradicted": Damage(
        contradicted,
        "a column that another decides swapped among some rows",
        "semantic_coherence",
        {
            "correlation_preservation": "a broken rule is a broken dependence",
            "scale_robustness": "models learn the rule less surely",
        },
        needs_rule=True,
    ),
    "untied": Damage(
        untied,
        "a column that three others decide together swapped among some rows",
        "scale_robustness",
        {},
        needs_weave=True,
    ),
    "copied": Damage(copied, "some rows are reference rows", "statistical_integrity", {}),
    "duplicated": Damage(
        duplicated,
        "some rows repeat the row before",
        "statistical_integrity",
        {"diversity_retention": "fewer distinct rows are less variety"},
        in_time=True,
    ),
    "blanked": Damage(
        blanked,
        "one column's value is missing in some rows",
        "statistical_integrity",
        {
            "distribution_fidelity": "a missing value is a value as well",
            "rare_pattern_handling": "the column's tails go with its values",
            "correlation_preservation": "what is missing depends on nothing",
            "diversity_retention": "rows without a value differ less",
            "scale_robustness": "models learn to expect a missing value",
        },
        in_time=True,
        needs_margin=True,
    ),
}
