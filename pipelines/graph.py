"""The graph of a validation, written out. ``synthos.flow.validate`` gives the same verdict in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pipelines.cascade import Cascade
from pipelines.dimensions import (
    Piece,
    dimension_pieces,
    diversity_piece,
    learn_columns,
    measure_dimensions,
    region_piece,
    start,
    teach_all,
    utility_pieces,
    work_until_up,
)
from pipelines.progress import follow
from pipelines.runtime import Runtime
from pipelines.scan import scan_tables
from synthos.dimensions.registry import DIMENSIONS
from synthos.progress import Event, Listener
from synthos.recommendation.losses import Measures
from synthos.results import CascadeResult, DimensionResult, DiversityReport, Failed, NotApplicable, Region, Utility
from synthos.sampling.evidence import Evidence
from synthos.stages import (
    Findings,
    Job,
    Stopwatch,
    begin,
    cascade_data,
    conclude,
    early_dimensions,
    gather_evidence,
    late_dimensions,
    measure_late,
    settle_ends,
    why_no_cascade,
)
from synthos.utility.design import targets
from synthos.utility.measure import NO_REFERENCE, join
from synthos.utility.transfer import Judged
from synthos.validation import Validation


def run(
    runtime: Runtime, opening: Callable[[], Job], cache: str | Path | bool | None, listener: Listener
) -> Validation:
    """The whole flow on a ``Runtime`` that may still be starting; ``opening`` is ``prepare`` with its arguments.

    Raises
    ------
    InputError : a table or an option is at fault, or the cluster cannot be reached.
    """
    watch = Stopwatch()
    job, folder = begin(opening, cache, watch, listener)
    with watch.stage("scan"):
        scanned = scan_tables(runtime, job, folder, listener)
    with watch.stage("sample"):
        evidence = gather_evidence(job, scanned)
    listener(Event(stage="sample", done=1, total=1))
    return _judge(runtime, job, evidence, folder, watch, listener)


def _judge(
    runtime: Runtime, job: Job, evidence: Evidence, folder: Path | None, watch: Stopwatch, listener: Listener
) -> Validation:
    """Dimensions, regions and models side by side, then what needs them all."""
    measured: dict[str, DimensionResult] = {}
    regions: list[tuple[Region, ...]] = []
    diversity: list[DiversityReport] = []
    forests: dict[str, Judged | NotApplicable | Failed] = {}

    def note_dimension(name: str, answer: DimensionResult) -> None:
        measured[name] = answer
        listener(Event(stage="dimensions", done=len(measured), total=len(DIMENSIONS), message=name))

    def note_forests(name: str, answer: Judged | NotApplicable | Failed) -> None:
        forests[name] = answer
        listener(Event(stage="utility", done=len(forests), total=len(columns), message=name))

    def note_regions(found: tuple[Region, ...]) -> None:
        regions.append(found)
        listener(Event(stage="regions", done=1, total=1, message=f"found: {len(found)}"))

    columns = utility_pieces(job.trees, folder, evidence, note_forests)
    pieces = [
        *dimension_pieces(early_dimensions(), note_dimension),
        region_piece(note_regions),
        diversity_piece(diversity.append),
        *columns,
    ]
    with watch.stage("while_ray_starts"):
        pieces = work_until_up(runtime.poll, evidence, pieces)
    skipped = why_no_cascade(job)
    if skipped is not None and not pieces and runtime.is_private:
        result: CascadeResult | NotApplicable | Failed = skipped  # all is done: nobody waits for Ray
    else:
        result = _on_ray(runtime, job, evidence, pieces, folder, watch, listener)
    if isinstance(result, CascadeResult):
        evidence = evidence.with_cascade(result)
    measured |= {name: measure_late(name, evidence, result) for name in late_dimensions()}
    listener(Event(stage="dimensions", done=len(DIMENSIONS), total=len(DIMENSIONS)))
    ordered = {name: measured[name] for name in DIMENSIONS}
    findings = Findings(
        dimensions=ordered,
        cascade=result,
        utility=_utility(forests, evidence),
        diversity=diversity[0],
        regions=settle_ends(job, evidence, regions[0]),
    )
    measures = Measures(
        partial(measure_dimensions, runtime), partial(learn_columns, runtime, folder), partial(teach_all, runtime)
    )
    return conclude(job, evidence, findings, watch, measures, listener)


def _on_ray(
    runtime: Runtime,
    job: Job,
    evidence: Evidence,
    pieces: Sequence[Piece],
    folder: Path | None,
    watch: Stopwatch,
    listener: Listener,
) -> CascadeResult | NotApplicable | Failed:
    """The pieces that are left and the models, side by side; what came of the models."""
    ray = runtime.ray()
    watch.seconds["ray_start"] = runtime.seconds_to_start
    # What takes a second goes first: it tells the most while the models train.
    work = start(ray, ray.put(evidence), pieces)
    data = why_no_cascade(job) or cascade_data(evidence)
    cascade = data if isinstance(data, NotApplicable) else Cascade(ray, data, job.config, folder, listener)
    if isinstance(cascade, Cascade):
        work |= cascade.start()
    with watch.stage("dimensions_regions_cascade"):
        follow(runtime, work)
    return cascade.result() if isinstance(cascade, Cascade) else cascade


def _utility(
    forests: dict[str, Judged | NotApplicable | Failed], evidence: Evidence
) -> Utility | NotApplicable | Failed:
    """The answers of all columns as one, in the order of the table; one that failed fails them all."""
    if evidence.reference is None:
        return NO_REFERENCE
    answers: dict[str, Judged | NotApplicable] = {}
    for name in targets(evidence):
        answer = forests[name]
        if isinstance(answer, Failed):
            return answer
        answers[name] = answer
    return join(answers, evidence)
