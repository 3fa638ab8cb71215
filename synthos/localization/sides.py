"""Of two unlike parts of a table, which one is at fault? Judged by the reference: by distance, and by its own order."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from synthos.localization.channels import Channels
from synthos.localization.segments import block_edges, block_means, draw_null, observed_runs, standardised

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: How much more than along the reference's own rows a channel has to vary before its order counts as damage.
ORDER_MARGIN = 1.5


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


def worse_side(channels: Channels, carriers: Index, left: Index, start: int, stop: int) -> list[tuple[int, int]]:
    """The run, or what lies before and after it, or nothing.

    ``left`` are the rows still in the table, ``[start, stop)`` counts among them, and so do the answers. The side to
    blame is the one farther from the reference in the carrying channels, and the table without it must be nearer than
    with it: that clears tables that are merely sorted. Of copies, fewer are better. Without a reference the run is
    blamed, or the smaller part where the run reaches to an end of the table.
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
        return rest if len(rest) == 1 and stop - start > rows / 2 else run
    real = channels.real_values[:, carriers].astype(np.float64)
    # No level of copies can be expected of a table of another size: the better side sets it.
    target = np.where(copies, np.minimum(means_in, means_out), real.mean(axis=0))
    spread = np.where(copies, spread, np.maximum(real.std(axis=0), spread))
    worse = farther(means_in, means_out, (stop - start) / rows, target, spread, len(real))
    return [] if worse is None else run if worse == "inside" else rest


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
