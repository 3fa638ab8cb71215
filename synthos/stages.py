"""The steps of the flow, shared by the recipe in one process (``synthos.flow``) and the one on Ray (``pipelines``)."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from synthos.cascade.tasks import CascadeData, make_tasks
from synthos.cascade.tiers import CascadeConfig, load_config
from synthos.dimensions.memorisation import memorisation
from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.dimensions.temporal_stability import EXCHANGEABLE
from synthos.errors import CancelledError, ConfigError, InputError, InternalError, TooFewRowsError
from synthos.localization.ends import sharpened
from synthos.profiling.diversity import gradient_diversity
from synthos.profiling.full_pass import FullPass, is_large
from synthos.profiling.scan import PATIENTLY, SAMPLE_ROWS, Scanned, ScanPlan
from synthos.profiling.spans import scan_span
from synthos.progress import Event, Listener, silent
from synthos.recommendation.catalogue import recommend
from synthos.recommendation.conclusion import say_what_helps
from synthos.recommendation.gains import Score
from synthos.recommendation.losses import Measures
from synthos.recommendation.snippets import place_of
from synthos.reporting.material import gather
from synthos.results import (
    CascadeResult,
    DimensionResult,
    DiversityReport,
    Failed,
    Kind,
    NotApplicable,
    Region,
    Scored,
    TableProfile,
    Utility,
)
from synthos.sampling import assemble
from synthos.sampling.check import check_sample
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive
from synthos.tables.alignment import MINIMUM_ROWS, align
from synthos.tables.codec import Codec
from synthos.tables.kinds import check_names, load_overrides
from synthos.tables.schema import Schema
from synthos.tables.sources import Source, open_table
from synthos.utility.forests import FEW_TREES, TREES
from synthos.utility.measure import learn_columns, teach_all
from synthos.validation import Validation
from synthos.verdict.aggregate import decide
from synthos.verdict.fingerprint import fingerprint
from synthos.verdict.known import Library, load_library, packaged_library
from synthos.verdict.reasons import about_unread
from synthos.verdict.signatures import match
from synthos.verdict.thresholds import Thresholds, load_thresholds

QUICK = NotApplicable(reason="the quick mode trains no density models; validate again without it")
QUICK_ALONE = NotApplicable(
    reason="the quick mode trains no density models, and they take real rows to compare with; validate again with a "
    "reference table and without the quick mode"
)
NO_REFERENCE = NotApplicable(reason="the cascade compares with models trained on real rows; give a reference table")
#: Tables below this many bytes are scanned where they were opened: sending them to Ray's workers would take longer.
SMALL_BYTES = 64 * 2**20
#: About what a private instance of Ray takes to start, in processor seconds: one that may not be needed is not begun
#: before a command has worked so many seconds.
SECONDS_TO_START = 10.0
#: Bytes that a table's sample may take, roughly; tables of very long rows have shorter samples.
SAMPLE_BYTES = 256 * 2**20
#: Parts of the installation that a verdict depends on.
PACKAGES = ("synthos", "numpy", "polars", "pyarrow", "scikit-learn", "torch")
KindsOption = Mapping[str, Kind] | str | Path | None


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage. Stages that run side by side overlap, so the parts need not add up to the total."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def total(self) -> dict[str, float]:
        return {name: round(spent, 3) for name, spent in self.seconds.items()} | {
            "total": round(time.perf_counter() - self.began, 3)
        }


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that is settled before the first full pass: sources, schema, bins, options. Picklable.

    ``known`` is what signatures are looked up in, with the user's own cases where ``begin`` made the job.
    """

    sources: dict[str, Source]
    schema: Schema
    notes: tuple[str, ...]
    codec: Codec
    quick: bool
    seed: int | None
    config: CascadeConfig
    thresholds: Thresholds
    known: Library = field(default_factory=packaged_library)

    @property
    def trees(self) -> int:
        """Trees of the forests that are tried on real rows."""
        return FEW_TREES if self.quick else TREES

    def plan(self, role: str) -> ScanPlan:
        source = self.sources[role]
        rows = source.planned_rows
        return ScanPlan(self.schema, self.codec, sample_rows(source), total_rows=rows, seed=self.seed or 0)


def sample_rows(source: Source) -> int:
    """Most rows that a table's sample has: fewer where rows are so long that ``SAMPLE_BYTES`` hold no more of them."""
    fitting = int(SAMPLE_BYTES / source.row_bytes)
    if fitting >= SAMPLE_ROWS:
        return SAMPLE_ROWS
    # Rounded down to a power of two, so that a table whose rows get a little longer is not read anew.
    return max(MINIMUM_ROWS, 1 << (max(1, fitting).bit_length() - 1))


def _small_samples(sources: Mapping[str, Source]) -> list[str]:
    """What is to be said of tables whose samples are small because their rows are long."""
    limits = {role: sample_rows(source) for role, source in sources.items()}
    return [
        f"The sample of the {role} table has {limits[role]:,} rows and not {min(SAMPLE_ROWS, source.rows):,}: a row "
        f"takes about {source.row_bytes / 1024:,.0f} KiB."
        for role, source in sources.items()
        if limits[role] < min(SAMPLE_ROWS, source.rows)
    ]


def begin(
    opening: Callable[[], Job], cache: str | Path | bool | None, watch: Stopwatch, listener: Listener
) -> tuple[Job, Path | None]:
    """The stage "read": the job that ``opening`` gives, and the folder of what is kept of it, None where nothing is.

    Raises
    ------
    InputError : what ``opening`` raises, the user's library of signatures cannot be read, or the folder not be written.
    """
    listener(Event(stage="read", done=0, total=1))
    with watch.stage("read"):
        # Read before the work begins, so that a library that is broken is told at once.
        library = load_library()
        job = replace(opening(), known=library)
        keeps = "reference" in job.sources or any(map(is_large, job.sources.values()))
        folder = cache_folder(cache) if keeps else None
    listener(Event(stage="read", done=1, total=1))
    return job, folder


def prepare(
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
    listener: Listener = silent,
) -> Job:
    """Open the tables, align them by name, and fix kinds and bins by the reference alone.

    Raises
    ------
    InputError : a table or an option is at fault.
    """
    config, limits = load_config(tier_config), load_thresholds(thresholds)
    overrides = load_overrides(kinds) if isinstance(kinds, str | Path) else kinds
    given = {"synthetic": synthetic, "reference": reference, "holdout": holdout}
    if holdout is not None and reference is None:
        raise ConfigError("a holdout without a reference says nothing", fix="give the reference table too")
    sources = {
        role: open_table(table, skip_bad_shards=skip_bad_shards, listener=listener)
        for role, table in given.items()
        if table is not None
    }
    if isinstance(kinds, str | Path):
        check_names(overrides or (), sources.get("reference", sources["synthetic"]).dtypes, str(kinds))
    alignment = align(
        sources["synthetic"], sources.get("reference"), overrides, seed or 0, holdout=sources.get("holdout")
    )
    codec = Codec.fit(alignment.peek, alignment.schema)
    return Job(
        alignment.sources,
        alignment.schema,
        (*alignment.notes, *_small_samples(alignment.sources)),
        codec,
        quick=quick,
        seed=seed,
        config=config,
        thresholds=limits,
    )


def full_pass(job: Job, role: str, folder: Path | None, listener: Listener) -> FullPass:
    """One pass over one table of the job, of which nothing new is read yet; ``folder`` is where parts are kept."""
    source = job.sources[role]
    # Of a single table there is no role to tell.
    label = f"{role} {source.name}" if len(job.sources) > 1 else source.name
    return FullPass(source, job.plan(role), label, folder, listener)


def scan_table(job: Job, role: str, listener: Listener = silent, folder: Path | None = None) -> Scanned:
    """One pass over one table, span by span."""
    reading = full_pass(job, role, folder, listener)
    for span in reading.missing:
        reading.take(span, scan_span(reading.source, span, reading.plan))
    return reading.finished()


def gather_evidence(job: Job, scanned: Mapping[str, Scanned]) -> Evidence:
    """Samples, codes and scans of all tables; the seed comes from their contents unless one was asked for."""
    arms = {role: assemble.arm(item, job.codec) for role, item in scanned.items()}
    evidence = assemble.evidence(job.schema, job.codec, arms["synthetic"], arms.get("reference"), arms.get("holdout"))
    return evidence if job.seed is None else replace(evidence, seed=derive("seed", job.seed))


def settle_ends(job: Job, evidence: Evidence, regions: Sequence[Region]) -> tuple[Region, ...]:
    """The regions with ends that are exact in a table larger than its sample too: rows around them are read again.

    Raises
    ------
    SourceError : they cannot be read any more.
    """
    source = job.sources["synthetic"]

    def look(first: int, last: int) -> list[pl.DataFrame]:
        return [*source.rows_between(first, last, job.schema.names)]

    def look_patiently(first: int, last: int) -> list[pl.DataFrame]:
        frames: list[pl.DataFrame] = PATIENTLY(look, first, last)
        return frames

    return sharpened(evidence, regions, look_patiently)


def why_no_cascade(job: Job) -> NotApplicable | None:
    """Why the cascade is left out; None where it is to be trained."""
    if "reference" not in job.sources:
        return QUICK_ALONE if job.quick else NO_REFERENCE
    return QUICK if job.quick else None


def cascade_data(evidence: Evidence) -> CascadeData | NotApplicable:
    """What the models are trained and tested on; why there is nothing where too few rows are left for that."""
    if evidence.reference is None:
        raise ConfigError("the cascade needs a reference table", fix="give one, or use the quick mode")
    holdout = evidence.holdout.codes if evidence.holdout is not None else None
    try:
        return make_tasks(evidence.synthetic.codes, evidence.reference.codes, holdout, evidence.sizes, evidence.seed)
    except TooFewRowsError as error:
        return NotApplicable(reason=str(error))


def early_dimensions() -> tuple[str, ...]:
    """Names of the dimensions that do not wait for the cascade."""
    return tuple(name for name, dimension in DIMENSIONS.items() if not dimension.needs_cascade)


def late_dimensions() -> tuple[str, ...]:
    """Names of the dimensions that read the cascade."""
    return tuple(name for name, dimension in DIMENSIONS.items() if dimension.needs_cascade)


def cache_folder(cache: str | Path | bool | None) -> Path | None:
    """Where models and parts of scans are kept: ``cache``, or the user's cache folder; None where ``cache`` is False.

    The folder is made and tried: who calls this before the tables are scanned does not train models that cannot be
    kept.

    Raises
    ------
    ConfigError : nothing can be written there.
    """
    if cache is False:
        return None
    if cache is None or cache is True:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        folder = Path(home) / "synthos"
    else:
        folder = Path(cache)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"models and parts of scans cannot be kept there ({error.strerror})",
            where=str(folder),
            fix="choose a folder that can be written, or keep none",
        ) from error
    return folder


def add_gradient(diversity: DiversityReport, cascade: CascadeResult | NotApplicable | Failed) -> DiversityReport:
    """The report with the measure that only the cascade's models give."""
    scales = None
    if isinstance(cascade, CascadeResult):
        scales = (_noise_scale(cascade.models), _noise_scale(cascade.reference_models))
    return diversity | {"gradient": gradient_diversity(scales)}


def _noise_scale(models: Sequence[Any]) -> float | None:
    measured = sorted(model.gradient_noise_scale for model in models if model.gradient_noise_scale is not None)
    return measured[len(measured) // 2] if measured else None


def present_arms(evidence: Evidence) -> dict[str, ArmData]:
    """The tables at hand, by role."""
    arms = {"synthetic": evidence.synthetic, "reference": evidence.reference, "holdout": evidence.holdout}
    return {role: arm for role, arm in arms.items() if arm is not None}


def measure_dimensions(names: Sequence[str], evidence: Evidence) -> dict[str, DimensionResult]:
    """The dimensions so named, one after the other."""
    return {name: evaluate(name, evidence) for name in names}


def measured_here(folder: Path | None) -> Measures:
    """Samples are measured in this process; what the reference settles is kept in ``folder``, unless it is None."""
    return Measures(measure_dimensions, partial(learn_columns, folder), teach_all)


def quick_risk(job: Job, measures: Measures, evidence: Evidence) -> Score | NotApplicable:
    """The risk that the dimensions alone give: what a repair is measured by where no forest could be judged.

    Not applicable where nothing about the evidence can be measured: a fix that cannot be judged must not take a
    finished validation down.
    """
    rows = {role: arm.profile.rows for role, arm in present_arms(evidence).items()}
    answers = measures.dimensions(tuple(DIMENSIONS), evidence)
    parts = frozenset(name for name, answer in answers.items() if isinstance(answer, Scored))
    try:
        verdict = decide(
            answers,
            None,
            quick=True,
            has_reference=evidence.reference is not None,
            rows=rows,
            thresholds=job.thresholds,
        )
    except (ConfigError, InternalError) as error:
        return NotApplicable(reason=str(error).rstrip("."))
    settled = frozenset(name for name, answer in answers.items() if answer == EXCHANGEABLE)
    return Score(verdict.risk_score, parts, settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that was measured, before it is weighed."""

    dimensions: dict[str, DimensionResult]
    cascade: CascadeResult | NotApplicable | Failed
    utility: Utility | NotApplicable | Failed
    diversity: DiversityReport
    regions: tuple[Region, ...]


def conclude(
    job: Job,
    evidence: Evidence,
    findings: Findings,
    watch: Stopwatch,
    measures: Measures,
    listener: Listener = silent,
) -> Validation:
    """Verdict, recommendations, signatures and what the report shows.

    ``measures`` is how mended samples are measured, for the gains of the recommendations.
    """
    dimensions, cascade, regions = findings.dimensions, findings.cascade, findings.regions
    arms = present_arms(evidence)
    notes = [*job.notes, *(note for arm in arms.values() for note in check_sample(arm))]
    notes += [
        f"Of the {role} table {about_unread(arm.profile.unread)}." for role, arm in arms.items() if arm.profile.unread
    ]
    with watch.stage("verdict"):
        listener(Event(stage="verdict", done=0, total=1))
        memorised = memorisation(evidence)
        verdict = decide(
            dimensions,
            cascade,
            findings.utility,
            quick=job.quick,
            has_reference=evidence.reference is not None,
            rows={role: arm.profile.rows for role, arm in arms.items()},
            regions=regions,
            notes=notes,
            thresholds=job.thresholds,
            memorised=memorised,
            unread=arms["synthetic"].profile.unread,
        )
        listener(Event(stage="verdict", done=1, total=1, message=f"risk {verdict.risk_score:.0f}"))
    with watch.stage("recommendations"):
        # Measuring what each fix gains takes some ten seconds: not what "quick" means.
        rescore = None if job.quick else partial(quick_risk, job, measures)
        advice = recommend(
            evidence,
            dimensions,
            regions,
            verdict,
            rescore=rescore,
            utility=findings.utility,
            measures=None if job.quick else measures,
            thresholds=job.thresholds,
            listener=listener,
            attempt=attempt,
            **{role: place_of(source, role) for role, source in job.sources.items() if role != "holdout"},
        )
    profiles = {role: arm.profile for role, arm in arms.items()}
    figures = fingerprint(evidence, regions)
    return Validation(
        verdict=say_what_helps(verdict, advice),
        dimensions=dimensions,
        diversity=add_gradient(findings.diversity, cascade),
        cascade=cascade,
        utility=findings.utility,
        memorisation=memorised,
        regions=regions,
        recommendations=advice.recommendations,
        tried=advice.tried,
        signatures=match(figures, library=job.known, thresholds=job.thresholds),
        signature_figures=figures,
        profiles=profiles,
        material=gather(evidence, dimensions),
        notes=tuple(notes),
        settings={"quick": job.quick, "seed": job.seed, **{role: source.name for role, source in job.sources.items()}},
        timings=watch.total(),
        versions={"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        seed=evidence.seed,
        fingerprint=_fingerprint(job, profiles),
    )


def _fingerprint(job: Job, profiles: Mapping[str, TableProfile]) -> str:
    parts = [f"{role}={profile.fingerprint}" for role, profile in profiles.items()]
    return f"{derive(*parts, str(job.quick), str(job.seed), repr(job.config), repr(job.thresholds)):016x}"


def as_failure(error: Exception) -> Failed:
    """A part's crash as its answer; the verdict is then inconclusive. The user's errors are raised as they are."""
    if isinstance(error, InputError | CancelledError):
        raise error
    return Failed(error=f"{type(error).__name__}: {error}")


def attempt(work: Callable[[], Any]) -> Any:
    """``work()``, or its crash as an answer, the user's errors too: it only adds to a validation that is finished."""
    try:
        return work()
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the process edge: a gain that is not known must not cost the verdict
        return Failed(error=f"{type(error).__name__}: {error}")


def measure_late(name: str, evidence: Evidence, cascade: CascadeResult | NotApplicable | Failed) -> DimensionResult:
    """A dimension that reads the cascade: where there is none, it shares the cascade's own answer."""
    return evaluate(name, evidence) if isinstance(cascade, CascadeResult) else cascade
