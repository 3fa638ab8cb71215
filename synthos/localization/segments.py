"""The block scan: which run of blocks differs most from all others, and could chance have made it?

Rows are pooled into blocks in table order. Every run of blocks (all starts, lengths in a geometric series) is compared
with the rest in every channel; the largest difference is held against the largest that the same blocks give when their
order is drawn at random. Rows of a uniformly good *or bad* table are exchangeable, so the permutation null is exact for
them: such a table has a region with probability ``ALPHA``. (Circular binary segmentation with a permutation max-null:
Olshen et al. 2004; Siegmund & Yakir 2000.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLOCKS = 256
#: A block holds at least this many rows, so that its mean is more than one row's accident.
LEAST_BLOCK_ROWS = 8
#: No shorter run of blocks is looked for; shorter ones cannot be told from a lone odd block.
LEAST_RUN = 3
PERMUTATIONS = 199
ALPHA = 0.003
#: Channels that are scanned; a wide table has more.
MOST_CHANNELS = 160
_GROWTH = 1.15
_EULER = 0.5772156649
#: Cells handled at a time: what fits a processor's cache.
_CELLS = 250_000


@dataclass(frozen=True, slots=True)
class Found:
    """A run of blocks ``[start, stop)`` that chance does not explain; ``channels`` that carry it, strongest first."""

    start: int
    stop: int
    channels: npt.NDArray[np.int64]
    strength: float
    threshold: float


def block_edges(rows: int) -> npt.NDArray[np.int64]:
    """Row edges of the blocks, shape (B + 1,), for a table of ``rows`` rows."""
    blocks = max(1, min(BLOCKS, rows // LEAST_BLOCK_ROWS))
    return np.linspace(0, rows, blocks + 1).astype(np.int64)


def block_means(values: npt.NDArray[np.float32], edges: npt.NDArray[np.int64]) -> Floats:
    """Means of each block, shape (B, C)."""
    sums = np.add.reduceat(values, edges[:-1], axis=0, dtype=np.float64)
    return np.asarray(sums / np.diff(edges)[:, None], np.float64)


def run_lengths(blocks: int) -> list[int]:
    """Lengths of the runs that are compared: a geometric series from ``LEAST_RUN`` to all but a few blocks."""
    lengths: list[int] = []
    length = float(LEAST_RUN)
    while length <= blocks - LEAST_RUN:
        if not lengths or int(length) > lengths[-1]:
            lengths.append(int(length))
        length *= _GROWTH
    return lengths


def standardised(means: Floats) -> Floats:
    """Block means on a common scale, mean 0 and variance 1 over blocks; a constant channel becomes 0."""
    spread = means.std(axis=0)
    return np.asarray((means - means.mean(axis=0)) / np.where(spread > 0, spread, np.inf), np.float64)


def best_runs(scaled: npt.NDArray[np.float32], one_sided: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Per channel the largest standardised difference of a run from the rest.

    ``scaled`` has shape (P, C, B) (P orders of the same B blocks); the answer (P, C + 1), its last column the largest
    sum of squares over all channels.
    """
    orders, channels, blocks = scaled.shape
    prefix = np.zeros((orders, channels, blocks + 1), np.float32)
    np.cumsum(scaled, axis=2, out=prefix[:, :, 1:])
    best = np.zeros((orders, channels + 1), np.float32)
    for length in run_lengths(blocks):
        runs = prefix[:, :, length:] - prefix[:, :, :-length]
        runs *= np.float32(np.sqrt(blocks / (length * (blocks - length))))
        high = runs.max(axis=2)
        high = np.where(one_sided, high, np.maximum(high, -runs.min(axis=2)))
        best[:, :-1] = np.maximum(best[:, :-1], high)
        np.square(runs, out=runs)
        best[:, -1] = np.maximum(best[:, -1], runs.sum(axis=1).max(axis=1))
    return best


def observed_runs(scaled: Floats, one_sided: npt.NDArray[np.bool_]) -> Floats:
    """``best_runs`` of the blocks in their own order, shape (C + 1,). ``scaled``: shape (B, C)."""
    return np.asarray(best_runs(np.ascontiguousarray(scaled.T, np.float32)[None], one_sided)[0], np.float64)


@dataclass(frozen=True, slots=True)
class Null:
    """What chance alone gives: per channel the mean and spread of its best run, and the threshold of the maximum."""

    centre: Floats
    spread: Floats
    threshold: float


def draw_null(scaled: Floats, one_sided: npt.NDArray[np.bool_], rng: np.random.Generator) -> Null:
    """The max-null from random orders of the blocks, with a Gumbel fit (by moments) for its upper tail."""
    blocks, channels = scaled.shape
    single = np.ascontiguousarray(scaled.T, np.float32)
    chunk = max(1, _CELLS // max(1, blocks * channels))
    draws = []
    for first in range(0, PERMUTATIONS, chunk):
        orders = [rng.permutation(blocks) for _ in range(min(chunk, PERMUTATIONS - first))]
        draws.append(best_runs(single[:, np.stack(orders)].swapaxes(0, 1), one_sided))
    null = np.concatenate(draws).astype(np.float64)
    centre, spread = null.mean(axis=0), np.maximum(null.std(axis=0), 1e-9)
    highest = ((null - centre) / spread).max(axis=1)
    scale = highest.std() * np.sqrt(6.0) / np.pi
    gumbel = highest.mean() - _EULER * scale - scale * np.log(-np.log(1.0 - ALPHA))
    return Null(centre, spread, float(max(gumbel, np.quantile(highest, 1.0 - ALPHA))))


def find_run(means: Floats, one_sided: npt.NDArray[np.bool_], rng: np.random.Generator) -> Found | None:
    """The run of blocks that differs most from the rest, or None where chance explains it. ``means``: shape (B, C)."""
    if len(means) < 4 * LEAST_RUN or not means.shape[1]:
        return None
    scaled = standardised(means)
    null = draw_null(scaled, one_sided, rng)
    observed = (observed_runs(scaled, one_sided) - null.centre) / null.spread
    if observed.max() <= null.threshold:
        return None
    single = observed[:-1]
    carriers = np.flatnonzero(single > null.threshold)
    if not len(carriers):  # only all channels together stand out: those that say most stand for them
        carriers = np.argsort(-single, kind="stable")[: max(1, len(single) // 4)]
    carriers = carriers[np.argsort(-single[carriers], kind="stable")]
    start, stop = _strongest(scaled[:, carriers])
    return Found(start, stop, carriers, float(observed.max()), null.threshold)


def _strongest(scaled: Floats) -> tuple[int, int]:
    """The run ``[start, stop)`` with the largest sum of squared standardised differences, over all starts and stops."""
    blocks = len(scaled)
    prefix = np.concatenate([np.zeros((1, scaled.shape[1])), np.cumsum(scaled, axis=0)])
    best, where = -1.0, (0, blocks)
    for length in range(LEAST_RUN, blocks - LEAST_RUN + 1):
        runs = prefix[length:] - prefix[:-length]
        power = (runs**2).sum(axis=1) * (blocks / (length * (blocks - length)))
        start = int(power.argmax())
        if power[start] > best:
            best, where = float(power[start]), (start, start + length)
    return where


def screened(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """At most ``MOST_CHANNELS`` channels, those whose blocks vary most for what their rows do.

    The order of the blocks has no part in the choice, so that the permutation null stays exact.
    """
    if values.shape[1] <= MOST_CHANNELS:
        return np.arange(values.shape[1])
    spread = values.std(axis=0, dtype=np.float64)
    varying = block_means(values, block_edges(len(values))).std(axis=0)
    lively = np.divide(varying, spread, out=np.zeros_like(spread), where=spread > 0.0)
    return np.sort(np.argsort(-lively, kind="stable")[:MOST_CHANNELS])
