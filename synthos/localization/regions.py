"""Which rows of the synthetic table are to blame: row ranges that differ from the rest and make it worse.

A table that is bad from end to end has no region: its remedy is another generator, not the removal of rows. A region
has to pass three gates. Chance must not explain it (``segments``); the reference must not vary as much along its own
rows; and taking it away must bring the rest closer to the reference. Columns that run along the rows, such as the one
by which the table is sorted, are compared by their nulls and by values that stand still alone (``row_order``): other
damage in them is not seen here, and none is put on them. Of equal rows the later ones are to blame. A region needs
some blocks of rows to be seen at all (``resolution_rows``); nothing below that is blamed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthos.localization import boundaries, sides
from synthos.localization.channels import Channels, RowModel, measure, row_hashes
from synthos.localization.full_table import full_table_runs
from synthos.localization.issues import Diagnosis, diagnose
from synthos.localization.row_order import later_copies
from synthos.localization.segments import LEAST_BLOCK_ROWS, LEAST_RUN, block_edges, block_means, find_run, screened
from synthos.progress import Event, Listener, silent
from synthos.results import Region
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator

Index = npt.NDArray[np.int64]

MOST_REGIONS = 8
#: A region in which fewer than this share of the rows is at fault is not worth naming.
LEAST_IMPACT = 0.05
#: A piece of a run that lies apart from the rest of it (because a region lies between) counts from this share on.
_LEAST_PIECE = 0.25
#: Evidence, in nats, that fixes an end: 20 to 1.
_CERTAIN = float(np.log(20.0))


@dataclass(frozen=True, slots=True)
class _Run:
    """Sampled rows ``[start, stop)``, the channels that gave them away, how sharp the ends are (in sampled rows)."""

    start: int
    stop: int
    carriers: Index
    blur: int


def resolution_rows(evidence: Evidence) -> int:
    """Rows of the full table that a region must have to be seen at all, however strong."""
    synthetic = evidence.synthetic
    widest = float(np.diff(block_edges(len(synthetic.rows))).max())
    return int(np.ceil(LEAST_RUN * widest * synthetic.total_rows / max(1, len(synthetic.rows))))


def find_regions(evidence: Evidence, *, listener: Listener = silent) -> tuple[Region, ...]:
    """Find damaged row ranges of the synthetic table.

    Returns
    -------
    regions : in table order, not overlapping. Empty for a table whose rows are exchangeable, good or bad, in
        1 - ``segments.ALPHA`` of cases. Columns that run along the rows take no part, but for nulls and values that
        stand still. A row counts as a duplicate only if an equal row came before it. Without a reference only
        differences within the table are seen, and of two unlike parts the smaller is blamed.
    """
    listener(Event(stage="regions", done=0, total=1))
    if not evidence.columns:  # keys alone say nothing about their rows
        return ()
    channels, model = measure(evidence)
    # Blocks shrink with what is left of a table; the limit that is stated stays.
    least = LEAST_RUN * int(np.diff(block_edges(len(channels))).min())
    runs = [run for run in _search(evidence, channels, model) if run.stop - run.start >= least]
    if not evidence.synthetic.is_whole:
        known = [(run.start, run.stop) for run in runs]
        blur = int(np.diff(block_edges(len(channels))).max())
        everything = np.arange(len(channels.channels))
        runs += [_Run(a, b, everything, blur) for a, b in full_table_runs(evidence, model, channels, known)]
    found = []
    for run, diagnosis in _without_originals(evidence, channels, _joined(evidence, channels, model, runs)):
        region = _region(evidence, channels, model, run, diagnosis, _outside(channels, runs, run))
        if region.impact >= LEAST_IMPACT:
            found.append(region)
    listener(Event(stage="regions", done=1, total=1, message=f"{len(found)} regions"))
    return tuple(sorted(found, key=lambda region: region.row_range))


def _search(evidence: Evidence, channels: Channels, model: RowModel) -> list[_Run]:
    """Runs one after another: each is taken out of the table before the next is looked for."""
    rng = generator(evidence.seed, "regions")
    usable = screened(channels.values)
    ordered: dict[int, float] | None = None
    left = np.arange(len(channels))
    runs: list[_Run] = []
    while len(runs) < MOST_REGIONS and len(left) >= 4 * LEAST_RUN * LEAST_BLOCK_ROWS and len(usable):
        edges = block_edges(len(left))
        block = int(np.diff(edges).max())
        values = channels.values[np.ix_(left, usable)]
        one_sided = np.array([channels.channels[i].one_sided for i in usable], bool)
        found = find_run(block_means(values, edges), one_sided, rng)
        if found is None:
            break
        carriers, mine = usable[found.channels], values[:, found.channels]
        if ordered is None:
            ordered = sides.variation_of_reference(channels, usable, rng)
        ends = int(edges[found.start]), int(edges[found.stop])
        usual = carriers[sides.no_more_than_reference(mine, carriers, ends, ordered)]
        start, stop = boundaries.sharpen(mine, *ends, 3 * block)
        blamed = sides.worse_side(channels, carriers, left, start, stop) if not len(usual) else []
        if not blamed:  # the order of the rows, not damage, moves these channels: do without them
            usable = np.setdiff1d(usable, usual if len(usual) else carriers)
            continue
        blur = _blur(boundaries.row_score(mine, start, stop), start, stop, 3 * block)
        free = np.ones(len(channels), bool)
        for a, b in blamed:
            free[left[a:b]] = False
            for piece in _pieces(left, a, b):
                runs.append(_drifting(evidence, channels, model, runs, _Run(*piece, carriers, blur), block))
        for run in runs:
            free[max(0, run.start - block) : run.stop + block] = False
        left = left[free[left]]
    return runs


def _pieces(left: Index, start: int, stop: int) -> list[tuple[int, int]]:
    """Rows ``left[start:stop]`` as runs of neighbouring rows; small splinters are dropped."""
    rows = left[start:stop]
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    least = _LEAST_PIECE * len(rows)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part) >= least]


def _outside(channels: Channels, runs: list[_Run], run: _Run) -> Index:
    """Rows in none of the runs."""
    free = np.ones(len(channels), bool)
    for item in (*runs, run):
        free[item.start : item.stop] = False
    return np.flatnonzero(free)


def _drifting(evidence: Evidence, channels: Channels, model: RowModel, runs: list[_Run], run: _Run, block: int) -> _Run:
    """The run with ends fitted to a ramp where that makes it a drift, whose faint beginning a step does not see."""
    seen = diagnose(evidence, model, np.arange(run.start, run.stop), _outside(channels, runs, run))
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
    again = diagnose(evidence, model, np.arange(start, stop), _outside(channels, runs, wider))
    return wider if again.issue == "drift" else run


def _joined(evidence: Evidence, channels: Channels, model: RowModel, runs: list[_Run]) -> list[tuple[_Run, Diagnosis]]:
    """Every run with its diagnosis; neighbours are one region where they, or both together, have the same issue."""
    near = 2 * int(np.diff(block_edges(len(channels))).max())

    def diagnosed(run: _Run) -> Diagnosis:
        return diagnose(evidence, model, np.arange(run.start, run.stop), _outside(channels, runs, run))

    joined: list[tuple[_Run, Diagnosis]] = []
    for run in sorted(runs, key=lambda item: item.start):
        diagnosis = diagnosed(run)
        if joined and run.start - joined[-1][0].stop <= near:
            before, its = joined[-1]
            carriers = np.union1d(before.carriers, run.carriers)
            both = _Run(before.start, run.stop, carriers, max(before.blur, run.blur))
            together = diagnosed(both)
            # The two halves of a ramp may look like a shift each.
            if its.issue == diagnosis.issue or (together.issue == "drift" and "drift" in (its.issue, diagnosis.issue)):
                joined[-1] = (both, together)
                continue
        joined.append((run, diagnosis))
    return joined


def _without_originals(
    evidence: Evidence, channels: Channels, found: list[tuple[_Run, Diagnosis]]
) -> list[tuple[_Run, Diagnosis]]:
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


def _blur(score: npt.NDArray[np.float64], start: int, stop: int, most: int) -> int:
    """Rows by which an end may be off: as many as it takes to gather ``_CERTAIN`` nats on either side of it."""
    inside = float(score[start:stop].mean())
    outside = -float(np.concatenate([score[:start], score[stop:]]).mean())
    gain = min(inside, outside)
    return int(np.clip(np.ceil(_CERTAIN / gain), 1, most)) if gain > 0 else most


def _region(
    evidence: Evidence, channels: Channels, model: RowModel, run: _Run, diagnosis: Diagnosis, outside: Index
) -> Region:
    """The run in rows of the full table, with the share of its rows that is at fault."""
    synthetic = evidence.synthetic
    total = synthetic.total_rows
    first = int(synthetic.rows[run.start]) if run.start else 0
    last = int(synthetic.rows[run.stop]) if run.stop < len(synthetic.rows) else total
    spacing = max(1, round(total / len(synthetic.rows)))
    score = boundaries.row_score(channels.values[:, run.carriers], run.start, run.stop)
    impact = _excess(score[run.start : run.stop], score[outside])
    along = ", ".join(evidence.columns[column] for column in sorted(model.trending))
    left_out = f"; {along}: runs along the rows, so only its nulls and repeats are compared" if along else ""
    detail = f"{diagnosis.detail}{left_out}; regions of fewer than {resolution_rows(evidence):,} rows would not be seen"
    return Region(
        row_range=(first, last),
        columns=diagnosis.columns,
        issue=diagnosis.issue,
        impact=impact,
        detail=detail,
        boundary_error=run.blur * spacing,
    )


def _excess(inside: npt.NDArray[np.float64], outside: npt.NDArray[np.float64]) -> float:
    """Share of inside rows that the outside does not account for, in [0, 1].

    Total variation of the row score over twenty bins, less what it is expected to be between samples of these sizes.
    """
    edges = np.unique(np.quantile(outside, np.linspace(0.05, 0.95, 19)))
    one, other = (np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) / len(x) for x in (inside, outside))
    pooled = (one * len(inside) + other * len(outside)) / (len(inside) + len(outside))
    by_chance = np.sqrt(pooled * (1 - pooled) * (1 / len(inside) + 1 / len(outside)) / (2 * np.pi)).sum()
    return float(np.clip(np.abs(one - other).sum() / 2 - by_chance, 0.0, 1.0))
