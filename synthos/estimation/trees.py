"""What forests cost on these very columns: a few trees are grown here and now, on rows of the reference."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from synthos.estimation.features import Shape
from synthos.estimation.reading import spread_out
from synthos.profiling.scan import finish
from synthos.profiling.spans import scan_span
from synthos.sampling import assemble
from synthos.sampling.evidence import Evidence
from synthos.stages import Job
from synthos.utility.design import MOST_ROWS, make_design, targets
from synthos.utility.forests import Forest
from synthos.utility.reference import LEAST_ROWS

#: Trees that are grown of every target, and units that are read for their rows at most.
TRIED_TREES, MOST_UNITS = 2, 8


def tree_seconds(job: Job, shape: Shape) -> float:
    """Processor seconds of one tree of every target, grown and asked, on as many rows as a validation would give it.

    0 without a reference.

    Raises
    ------
    InputError : rows of the reference cannot be read.
    """
    if not shape.reference:
        return 0.0
    # Loaded before the clock runs.
    import sklearn.ensemble  # noqa: F401

    evidence, spent = _some_rows(job), 0.0
    wanted = min(MOST_ROWS, shape.synthetic, shape.reference)
    for name in targets(evidence):
        design = make_design(name, evidence, wanted)
        rows = len(design.reference)
        if rows < LEAST_ROWS or not design.features:
            continue
        started = time.process_time()
        Forest(design.target, design.reference, 0, TRIED_TREES).predict(design.reference.x)
        taken = (time.process_time() - started) / TRIED_TREES
        spent += taken * (wanted * math.log2(wanted)) / (rows * math.log2(rows))
    return spent


def _some_rows(job: Job) -> Evidence:
    """The reference in the place of both tables: of a large one, the rows of a few units."""
    source, chosen, rows = job.sources["reference"], [], 0
    for unit in spread_out(source.units(), MOST_UNITS):
        if rows < MOST_ROWS:
            chosen.append(unit)
            rows += unit.rows
    plan = replace(job.plan("reference"), total_rows=rows)
    state = scan_span(source, tuple(chosen), plan)
    arm = assemble.arm(finish(state, source.name, plan), job.codec)
    return assemble.evidence(job.schema, job.codec, arm, arm, None)
