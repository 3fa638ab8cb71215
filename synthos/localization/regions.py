"""Which rows of the synthetic table are to blame: row ranges that differ from the rest and make it worse.

A table that is bad from end to end has no region: its remedy is another generator, not the removal of rows. A region
has to pass three gates. Chance must not explain it (``segments``); the reference must not vary as much along its own
rows; and taking it away must bring the rest closer to the reference. Columns that run along the rows, such as the one
by which the table is sorted, are compared by their nulls, by values that stand still, and by values far from those
around them alone (``row_order``): other damage in them is not seen, and none is put on them. Of equal rows the later
ones are to blame. A region needs some blocks of rows to be seen at all (``resolution_rows``); nothing below that is
blamed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthos.localization import boundaries, sides
from synthos.localization.channels import Channels, RowModel, measure
from synthos.localization.full_table import full_table_runs
from synthos.localization.issues import Diagnosis
from synthos.localization.runs import Run, drifting, joined, outside_rows, pieces, split, without_originals
from synthos.localization.segments import LEAST_BLOCK_ROWS, LEAST_RUN, block_edges, block_means, find_run, screened
from synthos.progress import Event, Listener, silent
from synthos.results import Region
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.divergence import expected_total_variation, total_variation

Index = npt.NDArray[np.int64]

MOST_REGIONS = 8
#: A region in which fewer than this share of the rows is at fault is not worth naming.
LEAST_IMPACT = 0.05


def resolution_rows(evidence: Evidence) -> int:
    """Rows of the full table that a region must have to be seen at all, however strong."""
    synthetic = evidence.synthetic
    widest = float(np.diff(block_edges(len(synthetic.rows))).max())
    return int(np.ceil(LEAST_RUN * widest * synthetic.total_rows / max(1, len(synthetic.rows))))


def find_regions(evidence: Evidence, *, listener: Listener = silent) -> tuple[Region, ...]:
    """Find damaged row ranges of the synthetic table, with ends as sharp as its sample is dense.

    Returns
    -------
    regions : in table order, not overlapping. Empty for a table whose rows are exchangeable, good or bad, in
        1 - ``segments.ALPHA`` of cases. Columns that run along the rows take no part, but for nulls, values that
        stand still and values out of order. A row counts as a duplicate only if an equal row came before it. Without
        a reference only differences within the table are seen; of two unlike parts the one with less structure is
        blamed, else the clearly smaller one, else neither (``sides.by_structure``).
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
        runs += [Run(a, b, everything, blur) for a, b in full_table_runs(evidence, model, channels, known)]
    found = []
    for run, diagnosis in without_originals(evidence, channels, joined(evidence, channels, model, runs)):
        region = _region(evidence, channels, model, run, diagnosis, outside_rows(channels, runs, run))
        if region.impact >= LEAST_IMPACT:
            found.append(region)
    listener(Event(stage="regions", done=1, total=1, message=f"found: {len(found)}"))
    return tuple(sorted(found, key=lambda region: region.row_range))


def _search(evidence: Evidence, channels: Channels, model: RowModel) -> list[Run]:
    """Runs one after another: each is taken out of the table before the next is looked for."""
    rng = generator(evidence.seed, "regions")
    usable = screened(channels.values)
    ordered: dict[int, float] | None = None
    left = np.arange(len(channels))
    runs: list[Run] = []
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
        blamed = (
            sides.worse_side(channels, model, evidence.synthetic.codes, carriers, left, start, stop)
            if not len(usual)
            else []
        )
        if not blamed:  # the order of the rows, not damage, moves these channels: do without them
            usable = np.setdiff1d(usable, usual if len(usual) else carriers)
            continue
        blur = boundaries.blur(boundaries.row_score(mine, start, stop), start, stop, 3 * block)
        free = np.ones(len(channels), bool)
        for a, b in blamed:
            free[left[a:b]] = False
            for piece in pieces(left, a, b):
                runs.append(drifting(evidence, channels, model, runs, Run(*piece, carriers, blur), block))
        for run in runs:
            free[max(0, run.start - block) : run.stop + block] = False
        left = left[free[left]]
    return split(evidence, channels, model, runs, usable, rng)


def _region(
    evidence: Evidence, channels: Channels, model: RowModel, run: Run, diagnosis: Diagnosis, outside: Index
) -> Region:
    """The run in rows of the full table, with the share of its rows that is at fault."""
    synthetic = evidence.synthetic
    total = synthetic.extent
    first = int(synthetic.rows[run.start]) if run.start else 0
    last = int(synthetic.rows[run.stop]) if run.stop < len(synthetic.rows) else total
    spacing = max(1, round(total / len(synthetic.rows)))
    score = boundaries.row_score(channels.values[:, run.carriers], run.start, run.stop)
    impact = _excess(score[run.start : run.stop], score[outside])
    along = ", ".join(evidence.columns[column] for column in sorted(model.trending))
    left_out = f"; {along}: runs along the rows, so only its nulls, repeats and order are compared" if along else ""
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
    one, other = (np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) for x in (inside, outside))
    by_chance = expected_total_variation(one + other, 1 / len(inside) + 1 / len(outside))
    return float(np.clip(total_variation(one, other) - by_chance, 0.0, 1.0))
