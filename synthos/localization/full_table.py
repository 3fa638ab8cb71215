"""Regions that the sample is too thin for: the scan's exact counts per block of the full table.

Counts tell about single columns only (margins, nulls), but about every row. Only tables larger than their sample get
this second look, and only where the sample saw nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthos.localization import sides
from synthos.localization.channels import Channel, Channels, RowModel
from synthos.localization.segments import find_run
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator

MOST_BLOCKS = 512
_MOST_RUNS = 4
_LEAST_SAMPLED = 30


def full_table_runs(
    evidence: Evidence, model: RowModel, channels: Channels, known: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Further runs ``[start, stop)`` of sampled rows that the block counts give away, outside the ``known`` ones."""
    kinds, means, starts = _block_channels(evidence, model)
    rows = evidence.synthetic.rows
    ends = np.append(starts[1:], evidence.synthetic.extent)
    first, last = np.searchsorted(rows, starts), np.searchsorted(rows, ends)
    free = np.ones(len(starts), bool)
    for start, stop in known:
        free &= (last <= start) | (first >= stop)
    places = {channel: place for place, channel in enumerate(channels.channels)}
    shared = np.array([i for i, channel in enumerate(kinds) if channel in places], np.int64)
    means, own = means[:, shared], np.array([places[kinds[i]] for i in shared], np.int64)
    rng = generator(evidence.seed, "regions", "full table")
    ordered = sides.variation_of_reference(channels, own, rng)
    found: list[tuple[int, int]] = []
    left = np.flatnonzero(free)
    for _ in range(_MOST_RUNS):
        run = find_run(means[left], np.zeros(len(own), bool), rng)
        if run is None:
            break
        blocks = left[run.start : run.stop]
        others = np.concatenate([left[: run.start], left[run.stop :]])
        start, stop = int(first[blocks[0]]), int(last[blocks[-1]])
        # Not where the order of the rows carries it, where it straddles a known region, or where it is the better side.
        clear = not any(int(own[i]) in ordered for i in run.channels) and blocks[-1] - blocks[0] < len(blocks)
        if clear and stop - start >= _LEAST_SAMPLED and _is_worse(channels, own, means, run.channels, blocks, others):
            found.append((start, stop))
        left = others
    return found


def _is_worse(
    channels: Channels,
    own: npt.NDArray[np.int64],
    means: npt.NDArray[np.float64],
    carriers: npt.NDArray[np.int64],
    blocks: npt.NDArray[np.int64],
    others: npt.NDArray[np.int64],
) -> bool:
    """Whether ``blocks`` are farther from the reference than ``others``; without one, whether they are fewer."""
    if channels.real_values is None:
        return len(blocks) <= len(others)
    real = channels.real_values[:, own[carriers]].astype(np.float64)
    inside, outside = (means[np.ix_(part, carriers)].mean(axis=0) for part in (blocks, others))
    share = len(blocks) / (len(blocks) + len(others))
    spread = np.maximum(real.std(axis=0), 1e-9)
    return sides.farther(inside, outside, share, real.mean(axis=0), spread, len(real)) == "inside"


def _block_channels(
    evidence: Evidence, model: RowModel
) -> tuple[list[Channel], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Channels that follow from counts alone, their block means (B, C), and the blocks' first rows (B,)."""
    blocks = evidence.synthetic.scan.blocks
    step = -(-len(blocks.starts) // MOST_BLOCKS)
    heads = np.arange(0, len(blocks.starts), step)
    counts = np.add.reduceat(blocks.counts.astype(np.float64), heads, axis=0)
    kinds: list[Channel] = []
    means = []
    for column, table in enumerate(model.columns):
        own = counts[:, blocks.offsets[column] : blocks.offsets[column + 1]]
        share = own / own.sum(axis=1, keepdims=True)
        kinds += [Channel("surprise", column), Channel("missing", column)]
        means += [share @ table.surprise, share[:, 0]]
        if model.ordered(column):
            kinds += [Channel("location", column), Channel("spread", column)]
            means += [share @ table.rank, share @ table.spread]
    return kinds, np.column_stack(means), blocks.starts[heads]
