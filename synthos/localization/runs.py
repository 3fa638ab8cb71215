"""Runs of rows on their way to becoming regions: split where two kinds of damage adjoin, joined where one was cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from synthos.localization import boundaries
from synthos.localization.channels import Channels, RowModel, row_hashes
from synthos.localization.issues import Diagnosis, diagnose
from synthos.localization.row_order import later_copies
from synthos.localization.segments import LEAST_BLOCK_ROWS, LEAST_RUN, block_edges, block_means, find_run
from synthos.sampling.evidence import Evidence

Index = npt.NDArray[np.int64]

#: A piece of a run that lies apart from the rest of it (because a region lies between) counts from this share on.
_LEAST_PIECE = 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """Sampled rows ``[start, stop)``, the channels that gave them away, how sharp the ends are (in sampled rows)."""

    start: int
    stop: int
    carriers: Index
    blur: int


def outside_rows(channels: Channels, runs: list[Run], run: Run) -> Index:
    """Rows in none of the runs."""
    free = np.ones(len(channels), bool)
    for item in (*runs, run):
        free[item.start : item.stop] = False
    return np.flatnonzero(free)


def pieces(left: Index, start: int, stop: int) -> list[tuple[int, int]]:
    """Rows ``left[start:stop]`` as runs of neighbouring rows; small splinters are dropped."""
    rows = left[start:stop]
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    least = _LEAST_PIECE * len(rows)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part) >= least]


def joined(evidence: Evidence, channels: Channels, model: RowModel, runs: list[Run]) -> list[tuple[Run, Diagnosis]]:
    """Every run with its diagnosis; neighbours are one region where they, or both together, have the same issue."""
    near = 2 * int(np.diff(block_edges(len(channels))).max())

    def diagnosed(run: Run) -> Diagnosis:
        return diagnose(evidence, model, np.arange(run.start, run.stop), outside_rows(channels, runs, run))

    joined: list[tuple[Run, Diagnosis]] = []
    for run in sorted(runs, key=lambda item: item.start):
        diagnosis = diagnosed(run)
        if joined and run.start - joined[-1][0].stop <= near:
            before, its = joined[-1]
            carriers = np.union1d(before.carriers, run.carriers)
            both = Run(before.start, run.stop, carriers, max(before.blur, run.blur))
            together = diagnosed(both)
            # The two halves of a ramp may look like a shift each.
            if its.issue == diagnosis.issue or (together.issue == "drift" and "drift" in (its.issue, diagnosis.issue)):
                joined[-1] = (both, together)
                continue
        joined.append((run, diagnosis))
    return joined


def without_originals(
    evidence: Evidence, channels: Channels, found: list[tuple[Run, Diagnosis]]
) -> list[tuple[Run, Diagnosis]]:
    """The same, but of duplicates only the copies: rows that others repeat later stay in the table."""
    block = int(np.diff(block_edges(len(channels))).max())
    hashes = row_hashes(evidence.synthetic.frame, evidence.schema)
    kept = []
    for run, diagnosis in found:
        if diagnosis.issue == "duplicates":
            start = later_copies(hashes, run.start, run.stop)
            if run.stop - start < LEAST_RUN * block:
                continue
            # The first rows of a heap of copies are originals too: a block or two of them is no stretch of its own.
            run = replace(run, start=start) if start - run.start > 2 * block else run
        kept.append((run, diagnosis))
    return kept


def drifting(evidence: Evidence, channels: Channels, model: RowModel, runs: list[Run], run: Run, block: int) -> Run:
    """The run with ends fitted to a ramp where that makes it a drift, whose faint beginning a step does not see."""
    seen = diagnose(evidence, model, np.arange(run.start, run.stop), outside_rows(channels, runs, run))
    if seen.issue not in ("drift", "shift"):
        return run
    blamed = {evidence.columns.index(name) for name in seen.columns}
    places = [i for i, c in enumerate(channels.channels) if c.kind == "location" and c.column in blamed]
    if not places:
        return run
    score = boundaries.row_score(channels.values[:, places], run.start, run.stop)
    start, stop = boundaries.ramp(
        score, run.start, run.stop, block_edges(len(channels)), max(block, run.stop - run.start)
    )
    # Rows that the step gave away stay in, within a block its ends are the sharper ones, and known regions stay out.
    start = start if run.start - start > block else run.start
    stop = stop if stop - run.stop > block else run.stop
    start = max([start, *(other.stop for other in runs if other.stop <= run.start)])
    stop = min([stop, *(other.start for other in runs if other.start >= run.stop)])
    wider = replace(run, start=start, stop=stop, blur=run.blur if (start, stop) == (run.start, run.stop) else block)
    again = diagnose(evidence, model, np.arange(start, stop), outside_rows(channels, runs, wider))
    return wider if again.issue == "drift" else run


def split(
    evidence: Evidence, channels: Channels, model: RowModel, runs: list[Run], usable: Index, rng: np.random.Generator
) -> list[Run]:
    """The runs, but one in which the scan finds a further run is cut there if its pieces have not the same issue.

    Two damaged runs that nearly adjoin differ from the rest of the table more as one than each by itself.
    """
    found: list[Run] = []
    for run in runs:
        free = outside_rows(channels, runs, run)
        whole = diagnose(evidence, model, np.arange(run.start, run.stop), free)
        parts = [] if whole.issue == "drift" else _cut(channels, run, usable, rng)
        seen = [(part, diagnose(evidence, model, np.arange(part.start, part.stop), free)) for part in parts]
        damaged = [(part, diagnosis) for part, diagnosis in seen if not diagnosis.faint]
        issues = {diagnosis.issue for _, diagnosis in damaged}
        different = len(issues) > 1 and "drift" not in issues
        found += [part for part, _ in damaged] if different else [run]
    return found


def _cut(channels: Channels, run: Run, usable: Index, rng: np.random.Generator) -> list[Run]:
    """The run cut at the ends of the run within it that differs most from the rest of it; none where chance explains
    all of them. Pieces too short to be seen are left with their neighbour."""
    values = channels.values[run.start : run.stop][:, usable]
    if len(values) < 4 * LEAST_RUN * LEAST_BLOCK_ROWS:
        return []
    edges = block_edges(len(values))
    one_sided = np.array([channels.channels[i].one_sided for i in usable], bool)
    found = find_run(block_means(values, edges), one_sided, rng)
    if found is None:
        return []
    block = int(np.diff(edges).max())
    ends = boundaries.sharpen(values[:, found.channels], int(edges[found.start]), int(edges[found.stop]), 3 * block)
    least = LEAST_RUN * int(np.diff(block_edges(len(channels))).max())
    cuts = [0, *(end for end in ends if least <= end <= len(values) - least), len(values)]
    carriers = usable[found.channels]
    return [Run(run.start + a, run.start + b, carriers, run.blur) for a, b in pairwise(cuts)]
