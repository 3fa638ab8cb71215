"""The whole flow in one process, readable as a recipe. ``pipelines.validate`` runs the same steps on Ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from synthos.advice import Recommendation
from synthos.cascade.run import run_cascade
from synthos.cascade.store import RunStore
from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.errors import ConfigError
from synthos.localization.regions import find_regions
from synthos.profiling.contents import require_same_table
from synthos.profiling.diversity import analyse
from synthos.profiling.full_pass import is_large
from synthos.progress import Event, Listener, silent
from synthos.recommendation.repair import (
    APPLICABLE,
    RepairReport,
    chosen_by_default,
    load_judged,
    load_recommendations,
    repair_table,
)
from synthos.recommendation.unchanged import remember
from synthos.recommendation.writing import check_output
from synthos.results import CascadeResult, Failed, NotApplicable, TableProfile, Utility
from synthos.sampling.evidence import Evidence
from synthos.stages import (
    Findings,
    Job,
    KindsOption,
    Stopwatch,
    as_failure,
    begin,
    cache_folder,
    cascade_data,
    conclude,
    early_dimensions,
    gather_evidence,
    late_dimensions,
    measure_late,
    measured_here,
    prepare,
    scan_table,
    settle_ends,
    why_no_cascade,
)
from synthos.tables.sources import open_table
from synthos.utility.design import targets
from synthos.utility.measure import NO_REFERENCE, join, measure_column
from synthos.validation import Validation


def validate(
    synthetic: Any,
    reference: Any = None,
    holdout: Any = None,
    *,
    quick: bool = False,
    seed: int | None = None,
    kinds: KindsOption = None,
    tier_config: str | Path | None = None,
    thresholds: str | Path | None = None,
    skip_bad_shards: bool = False,
    cache: str | Path | bool | None = None,
    on_progress: Listener = silent,
) -> Validation:
    """Say whether models trained on ``synthetic`` will be worse than models trained on ``reference``, and why.

    Runs in this process, one model after the other; ``pipelines.validate.validate`` gives the same verdict on Ray.

    Parameters
    ----------
    synthetic, reference, holdout : polars, pandas or Arrow tables, or paths, folders, globs, s3:// or http(s)://
        addresses of Parquet, CSV, JSON lines or Arrow files. ``reference`` is what the synthetic table was made from;
        ``holdout`` real rows that its generator never saw.
    quick : train forests, but no cascade; loop, scale and the gains of recommendations then stay open.
    seed : by default the seed comes from the tables' contents.
    kinds : kinds of columns where they are inferred wrongly, by name, or a YAML file of them.
    tier_config, thresholds : YAML files in place of the packaged defaults.
    skip_bad_shards : leave out files and shards that cannot be read; the verdict says which, and does not approve a
        synthetic table of which some were.
    cache : folder where models and parts of scans are kept for resuming and reuse; False keeps none; by default the
        user's cache.
    on_progress : called with an ``Event`` at every step.

    Raises
    ------
    InputError : a table or an option is at fault; the message says what, where, and what to do.
    """
    watch = Stopwatch()
    opening = partial(
        prepare,
        synthetic,
        reference,
        holdout,
        quick=quick,
        seed=seed,
        kinds=kinds,
        tier_config=tier_config,
        thresholds=thresholds,
        skip_bad_shards=skip_bad_shards,
        listener=on_progress,
    )
    job, folder = begin(opening, cache, watch, on_progress)
    with watch.stage("scan"):
        scanned = {role: scan_table(job, role, on_progress, folder) for role in job.sources}
    with watch.stage("sample"):
        evidence = gather_evidence(job, scanned)
    on_progress(Event(stage="sample", done=1, total=1))
    with watch.stage("dimensions"):
        dimensions = {}
        for done, name in enumerate(early_dimensions(), start=1):
            dimensions[name] = evaluate(name, evidence)
            on_progress(Event(stage="dimensions", done=done, total=len(DIMENSIONS), message=name))
    with watch.stage("utility"):
        utility = _measure_utility(job, evidence, folder, on_progress)
    with watch.stage("cascade"):
        cascade = why_no_cascade(job) or _train(job, evidence, folder, on_progress)
    if isinstance(cascade, CascadeResult):
        evidence = evidence.with_cascade(cascade)
    dimensions |= {name: measure_late(name, evidence, cascade) for name in late_dimensions()}
    dimensions = {name: dimensions[name] for name in DIMENSIONS}
    on_progress(Event(stage="dimensions", done=len(DIMENSIONS), total=len(DIMENSIONS)))
    with watch.stage("regions"):
        regions = settle_ends(job, evidence, find_regions(evidence, listener=on_progress))
    with watch.stage("diversity"):
        diversity = analyse(evidence)
    findings = Findings(dimensions=dimensions, cascade=cascade, utility=utility, diversity=diversity, regions=regions)
    return conclude(job, evidence, findings, watch, measured_here(folder), on_progress)


def _measure_utility(
    job: Job, evidence: Evidence, folder: Path | None, listener: Listener
) -> Utility | NotApplicable | Failed:
    if evidence.reference is None:
        return NO_REFERENCE
    names, found = targets(evidence), {}
    for done, name in enumerate(names):
        listener(Event(stage="utility", done=done, total=len(names), message=name))
        try:
            found[name] = measure_column(name, job.trees, folder, evidence)
        except Exception as error:  # noqa: BLE001 - the process edge: what was measured beside the forests is kept
            return as_failure(error)
    listener(Event(stage="utility", done=len(names), total=len(names)))
    return join(found, evidence)


def _train(
    job: Job, evidence: Evidence, folder: Path | None, listener: Listener
) -> CascadeResult | NotApplicable | Failed:
    data = cascade_data(evidence)
    if isinstance(data, NotApplicable):
        return data
    store = RunStore(folder, listener) if folder is not None else None
    try:
        return run_cascade(data, job.config, store=store, listener=listener)
    except Exception as error:  # noqa: BLE001 - the process edge: what was measured beside the cascade is kept
        return as_failure(error)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a validation passes. True in a boolean context where it does.

    ``outcome`` is "inconclusive" where the risk is low enough but too little was seen to let the table pass.
    """

    outcome: Literal["passed", "failed", "inconclusive"]
    reason: str
    validation: Validation

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    def __bool__(self) -> bool:
        return self.passed


def check_max_risk(max_risk: float) -> None:
    """Raises ConfigError where ``max_risk`` is not a number from 0 to 100."""
    if not 0.0 <= max_risk <= 100.0:
        raise ConfigError(f"the highest risk is {max_risk:g}", fix="give a number from 0 to 100")


def judge_gate(validation: Validation, max_risk: float) -> Gate:
    """Passes where the risk is at most ``max_risk``, real rows were given, and the verdict is not inconclusive.

    The risk itself is compared, not its interval, and nothing else: a table whose interval reaches beyond ``max_risk``
    passes, and so does one with a region to mend; ``reason`` says where the decision is another.

    Raises
    ------
    ConfigError : ``max_risk`` is not a number from 0 to 100.
    """
    check_max_risk(max_risk)
    risk = validation.risk_score
    if risk > max_risk:
        return Gate("failed", f"failed: risk {risk:.1f} is over {max_risk:g}", validation)
    missing = None
    if "reference" not in validation.profiles:
        missing = "no reference table was given, and without one no table passes"
    elif validation.decision == "inconclusive":
        missing = "; ".join(reason.rstrip(".") for reason in validation.verdict.reasons)
    if missing is not None:
        return Gate("inconclusive", f"inconclusive: risk {risk:.1f} is at most {max_risk:g}, but {missing}", validation)
    said = validation.decision.replace("_", " ")
    beside = "" if said == "approved" else f"; the decision is {said} all the same"
    return Gate("passed", f"passed: risk {risk:.1f} is at most {max_risk:g}{beside}", validation)


def gate(synthetic: Any, reference: Any = None, holdout: Any = None, *, max_risk: float = 25.0, **options: Any) -> Gate:
    """``validate`` with the given options, judged by ``judge_gate``.

    Raises
    ------
    InputError : a table or an option is at fault.
    """
    check_max_risk(max_risk)
    return judge_gate(validate(synthetic, reference, holdout, **options), max_risk)


def repair(
    synthetic: Any,
    result: Validation | str | Path,
    out: str | Path,
    *,
    reference: Any = None,
    only: Sequence[str] = (),
    seed: int | None = None,
    cache: str | Path | bool | None = None,
    on_progress: Listener = silent,
) -> RepairReport:
    """Apply the recommendations of ``result`` (a validation, or the JSON of one) and write the new table ``out``.

    Parameters
    ----------
    synthetic : the table that ``result`` is of; another one is refused, by the fingerprint of its contents.
    only : ids of the recommendations to apply; by default those with a measured gain above 0 that need neither real
        rows nor the generator. The quick mode measures no gains, so that there they must be named.
    out : a new ``.parquet`` or ``.csv`` file; a list of what was done, row by row, is written beside it.
    cache : the folder that ``validate`` was given, where it is told which parts of a new Parquet file need not be read
        again.

    Raises
    ------
    InputError : the tables, the result or the output path are at fault; nothing is written then.
    """
    if isinstance(result, Validation):
        known, judged, where = result.recommendations, result.profiles["synthetic"], None
    else:
        known, judged, where = load_recommendations(Path(result)), load_judged(Path(result)), str(result)
    chosen = select_recommendations(known, only) if only else chosen_by_default(known, where)
    source = open_table(synthetic)
    check_output(Path(out), tuple(dict.fromkeys(shard.path for shard in source.shards())))
    folder = _noting_folder(cache, on_progress) if is_large(source) else None
    require_same_table(source, judged, on_progress)
    report = repair_table(
        source,
        chosen,
        Path(out),
        reference=open_table(reference) if reference is not None else None,
        seed=seed or 0,
        listener=on_progress,
    )
    if folder is None or not report.left:
        return report
    return replace(report, unchanged=remember(source, report.out, report.left, folder, on_progress))


def _noting_folder(cache: str | Path | bool | None, listener: Listener) -> Path | None:
    """Where a repair may note what it left; None, and told, where the usual folder cannot be had: it can do without."""
    try:
        return cache_folder(cache)
    except ConfigError as error:
        if cache is not None:
            raise
        message = f"what is left as it was will be read again ({error})"
        listener(Event(stage="recommendations", done=0, total=1, message=message))
        return None


def select_recommendations(
    recommendations: Sequence[Recommendation], only: Sequence[str]
) -> tuple[Recommendation, ...]:
    """Those whose ids are in ``only``, in that order; an id that is not there is a ``ConfigError``."""
    known = {item.id: item for item in recommendations}
    unknown = [name for name in only if name not in known]
    if unknown:
        applicable = [name for name, item in known.items() if item.kind in APPLICABLE]
        choice = f"choose from {', '.join(applicable)}" if applicable else "the result has none that can be applied"
        raise ConfigError(f"there is no recommendation {', '.join(unknown)}", fix=choice)
    return tuple(known[name] for name in only)


def profile(table: Any, *, kinds: KindsOption = None, on_progress: Listener = silent) -> TableProfile:
    """One pass over one table: kinds, nulls, moments, quantiles, distinct values, duplicates, PII, quality."""
    job = prepare(table, kinds=kinds, quick=True)
    return scan_table(job, "synthetic", on_progress).profile
