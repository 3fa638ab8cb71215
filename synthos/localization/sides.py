"""Of two unlike parts of a table, which one is at fault? Judged by the reference: by distance, and by its own order."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from synthos.localization.channels import Channels, RowModel
from synthos.localization.segments import block_edges, block_means, draw_null, observed_runs, standardised
from synthos.stats.dependence import mutual_information
from synthos.tables.codec import Codes

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: How much more than along the reference's own rows a channel has to vary before its order counts as damage.
ORDER_MARGIN = 1.5
#: Correlation with the row number from which on a part of a table has a trend.
_TREND = 0.2
#: Share of the other part's mutual information below which a part has lost some.
_LESS_DEPENDENT = 0.9
#: Share of rows below which a part is the exception rather than the rule.
_MINORITY = 0.4
#: Pairs of columns whose mutual information is compared.
_PAIRS = 60


def variation_of_reference(channels: Channels, usable: Index, rng: np.random.Generator) -> dict[int, float]:
    """How much each channel varies along the reference's own rows, where its order is not random (a table in time).

    The figure is the largest difference between a run and the rest in standard deviations of a row, times
    sqrt(w (1 - w)) with w the run's share, so that it compares between tables of unlike size. Channels whose blocks
    chance explains are left out.
    """
    if channels.real_values is None:
        return {}
    known = np.array([i for i in usable if not np.isnan(channels.real_values[0, i])], np.int64)
    real = channels.real_values[:, known]
    edges = block_edges(len(real))
    if len(edges) <= 12 or not len(known):
        return {}
    means = block_means(real, edges)
    scaled, one_sided = standardised(means), np.zeros(len(known), bool)
    null = draw_null(scaled, one_sided, rng)
    best = observed_runs(scaled, one_sided)
    unusual = ((best - null.centre) / null.spread)[:-1] > null.threshold
    row_spread = np.maximum(real.std(axis=0, dtype=np.float64), 1e-9)
    effects = best[:-1] * means.std(axis=0) / row_spread / np.sqrt(len(means))
    return {int(known[i]): float(effects[i]) for i in np.flatnonzero(unusual)}


def no_more_than_reference(
    values: npt.NDArray[np.float32], carriers: Index, ends: tuple[int, int], ordered: dict[int, float]
) -> npt.NDArray[np.bool_]:
    """Which ``carriers`` vary no more along the run ``ends`` than the reference does along its own rows."""
    start, stop = ends
    share = (stop - start) / len(values)
    inside = values[start:stop].mean(axis=0, dtype=np.float64)
    outside = np.concatenate([values[:start], values[stop:]]).mean(axis=0, dtype=np.float64)
    spread = np.maximum(values.std(axis=0, dtype=np.float64), 1e-9)
    effects = np.abs(inside - outside) / spread * np.sqrt(share * (1.0 - share))
    usual = [effect <= ORDER_MARGIN * ordered.get(int(i), 0.0) for i, effect in zip(carriers, effects, strict=True)]
    return np.array(usual, bool)


def worse_side(
    channels: Channels, model: RowModel, codes: Codes, carriers: Index, left: Index, start: int, stop: int
) -> list[tuple[int, int]]:
    """The run, or what lies before and after it, or nothing.

    ``left`` are the rows still in the table, ``[start, stop)`` counts among them, and so do the answers. The side to
    blame is the one farther from the reference in the carrying channels, and the table without it must be nearer than
    with it: that clears tables that are merely sorted. Without a reference the side with more copies is blamed, or a
    run in the midst of the table; where the run reaches to an end, there are but two parts, and ``by_structure`` says.
    """
    rows = len(left)
    run = [(start, stop)]
    rest = [(a, b) for a, b in ((0, start), (stop, rows)) if b > a]
    inside = np.zeros(rows, bool)
    inside[start:stop] = True
    values = channels.values[np.ix_(left, carriers)].astype(np.float64)
    means_in, means_out = values[inside].mean(axis=0), values[~inside].mean(axis=0)
    copies = np.array([channels.channels[i].one_sided for i in carriers], bool)
    spread = np.maximum(values.std(axis=0), 1e-9)
    if channels.real_values is None:
        effects = (means_in - means_out) / spread
        strongest = int(np.abs(effects).argmax())
        if copies[strongest]:
            return run if effects[strongest] > 0 else rest
        if len(rest) == 2:
            return run
        columns = {channels.channels[int(i)].column for i in carriers}
        found = by_structure(model, codes[left], columns, start, stop)
        return run if found == "inside" else rest if found == "outside" else []
    real = channels.real_values[:, carriers].astype(np.float64)
    # How many copies are usual depends on the rows of a table: the reference's figure only chooses between the sides.
    usual = np.nan_to_num(real.mean(axis=0))
    between = np.clip(usual, np.minimum(means_in, means_out), np.maximum(means_in, means_out))
    target = np.where(copies, between, usual)
    spread = np.where(copies, spread, np.maximum(real.std(axis=0), spread))
    worse = farther(means_in, means_out, (stop - start) / rows, target, spread, len(real))
    return [] if worse is None else run if worse == "inside" else rest


def by_structure(
    model: RowModel, codes: Codes, columns: set[int], start: int, stop: int
) -> Literal["inside", "outside"] | None:
    """Which of two parts of a table is damaged, told without a reference: damage brings trends along the rows, and it
    takes away what the ``columns`` that differ say about others.

    ``codes``: shape (n, columns) in table order. Where neither says anything, the part that is clearly smaller is the
    damaged one, and of parts alike in size none is blamed.
    """
    inside = np.zeros(len(codes), bool)
    inside[start:stop] = True
    parts = np.flatnonzero(inside), np.flatnonzero(~inside)
    trends = [_trend(model, codes, rows) for rows in parts]
    if max(trends) > _TREND and max(trends) > 2.0 * min(trends):
        return "inside" if trends[0] > trends[1] else "outside"
    count = min(len(rows) for rows in parts)
    matched = [rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)] for rows in parts]
    information = [_dependence(model, codes[rows], columns) for rows in matched]
    if max(information) > 0 and min(information) < _LESS_DEPENDENT * max(information):
        return "inside" if information[0] < information[1] else "outside"
    if min(len(rows) for rows in parts) < _MINORITY * len(codes):
        return "inside" if len(parts[0]) < len(parts[1]) else "outside"
    return None


def _trend(model: RowModel, codes: Codes, rows: Index) -> float:
    """Largest correlation of a column's rank with the row number; columns that run along all rows do not count."""
    columns = [j for j in range(codes.shape[1]) if model.ordered(j) and j not in model.trending]
    place = rows - rows.mean()
    best = 0.0
    for column in columns:
        rank = model.columns[column].rank[codes[rows, column]]
        rank = rank - rank.mean()
        scale = np.sqrt((rank @ rank) * (place @ place))
        best = max(best, abs(float(rank @ place)) / scale if scale > 0 else 0.0)
    return best


def _dependence(model: RowModel, codes: Codes, columns: set[int]) -> float:
    """Mutual information of the model's pairs with any of ``columns``, in bits, summed; chance is taken off."""
    total = 0.0
    for left, right, table in [pair for pair in model.pairs if columns & set(pair[:2])][:_PAIRS]:
        flat = codes[:, left].astype(np.int64) * table.shape[1] + codes[:, right]
        total += float(mutual_information(np.bincount(flat, minlength=table.size).reshape(table.shape)))
    return total


def farther(
    inside: Floats, outside: Floats, share: float, target: Floats, spread: Floats, real_rows: int
) -> Literal["inside", "outside"] | None:
    """The side that is farther from ``target``, unless the table without it would be farther than with it.

    ``inside``, ``outside``, ``target`` are means by channel, ``spread`` the channels' scales, shape (C,); ``share`` is
    the inside's part of the rows. The target is itself a mean of ``real_rows`` rows, known to two standard errors.
    """

    def distance(means: Floats) -> float:
        return float((((means - target) / spread) ** 2).sum())

    most = distance(share * inside + (1.0 - share) * outside) + 4.0 * len(target) / real_rows
    if distance(inside) > distance(outside):
        return "inside" if distance(outside) < most else None
    return "outside" if distance(inside) < most else None
