"""Diversity: eight measures of how much variety a synthetic table has kept, against as many reference rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from synthos.profiling.clusters import Clusters
from synthos.profiling.hashing import cell_hashes, combine
from synthos.profiling.variety import GROUPS, Frame, Mask, Rows, Sums
from synthos.results import DiversityMeasure, DiversityReport, Interval, NotApplicable
from synthos.tables.codec import Codec, Codes, numeric_view
from synthos.tables.schema import Schema

MAX_ROWS = 20_000
MAX_COLUMNS = 64
MAX_PAIRS = 45
CLUSTERS = 6
#: Fewest rows of each table for a cluster to be compared.
CLUSTER_ROWS = 100
_HALVES = 40
_T_95 = 2.093  # Student, GROUPS - 1 = 19 degrees of freedom

#: A figure of the chosen groups of rows; None where it cannot be had from them.
Measure = Callable[[Sums, Mask], float | None]
#: What the measures that may be None need: ``spectral`` alone.
_NOTHING_VARIES = "no modelled column of the {} table varies, so that there are no correlations"


class Arm(Protocol):
    """One table: its sampled rows and their codes."""

    @property
    def frame(self) -> pl.DataFrame: ...
    @property
    def codes(self) -> Codes: ...


class Judged(Protocol):
    """What is analysed; ``sampling.evidence.Evidence`` is one."""

    @property
    def schema(self) -> Schema: ...
    @property
    def codec(self) -> Codec: ...
    @property
    def synthetic(self) -> Arm: ...
    @property
    def reference(self) -> Arm | None: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    measure: Measure
    unit: str
    meaning: str


MEASURES: dict[str, _Kind] = {
    "spread": _Kind(
        Sums.spread,
        "reference variances",
        "mean variance of the numeric columns, each in units of the reference's variance",
    ),
    "uniqueness": _Kind(Sums.uniqueness, "share of rows", "distinct rows among as many rows of each table"),
    "balance": _Kind(
        Sums.balance, "codes", "number of equally common categories that would repeat as often, mean over columns"
    ),
    "entropy": _Kind(Sums.entropy, "bits per column", "Shannon entropy of the binned columns, mean over columns"),
    "effective_number": _Kind(
        Sums.effective_number, "rows", "Vendi score: number of wholly unlike rows that are as varied"
    ),
    "spectral": _Kind(Sums.spectral, "dimensions", "effective rank of the correlation matrix of the binned columns"),
}
ORDER = (
    "spread", "uniqueness", "balance", "completeness", "entropy", "effective_number", "spectral", "gradient"
)  # fmt: skip


def analyse(evidence: Judged, *, gradient: tuple[float | None, float | None] | None = None) -> DiversityReport:
    """The eight measures, in a fixed order; each ``ratio`` is synthetic over reference, 1 as varied as real.

    Both tables are cut to the same number of rows (at most 20,000, at random, by the evidence's seed), since most
    measures depend on it. Intervals come from 40 random halves of each table, whose spread about their mean equals
    that of the whole (delete-half jackknife over 20 random groups). ``strata`` holds the ratio within each of six
    clusters of reference rows; for completeness it is the cluster's share of synthetic rows over its share of
    reference rows.

    Parameters
    ----------
    gradient : gradient-noise scale seen while training on the synthetic table and on the reference, from the cascade.

    Without a reference there is no ratio: spread and completeness are not applicable, the others give their value.
    """
    if not evidence.schema.modelled:
        reason = "no column can be modelled"
        return {name: NotApplicable(reason=reason) for name in ORDER}
    rng = np.random.default_rng([evidence.seed, 0xD17E])
    report = (
        _without_reference(evidence, rng)
        if evidence.reference is None
        else _compared(evidence, evidence.reference, rng)
    )
    report["gradient"] = gradient_diversity(gradient)
    return {name: report[name] for name in ORDER}


def _compared(evidence: Judged, reference: Arm, rng: np.random.Generator) -> DiversityReport:
    columns = _chosen_columns(evidence, rng)
    scale = _scales(evidence.schema, reference.frame)
    rows = min(reference.frame.height, evidence.synthetic.frame.height, MAX_ROWS)
    codec = _narrowed(evidence.codec, columns)
    frame = Frame(codec, reference.codes[:, columns], rng, MAX_PAIRS)
    synthetic = _rows(evidence, evidence.synthetic, scale, columns, rows, frame, rng)
    real = _rows(evidence, reference, scale, columns, rows, frame, rng)
    ours, theirs = Sums(synthetic, frame, rng), Sums(real, frame, rng)
    halves = [(_half(rng), _half(rng)) for _ in range(_HALVES)]
    clusters = Clusters(real.codes[:4000], codec, min(CLUSTERS, max(1, rows // CLUSTER_ROWS)), rng)
    parts = _strata(synthetic, real, clusters, frame, rng)
    report: DiversityReport = {}
    everything = np.ones(GROUPS, bool)
    for name, kind in MEASURES.items():
        if reason := _missing(name, frame, bool(scale)):
            report[name] = NotApplicable(reason=reason)
            continue
        value, other = kind.measure(ours, everything), kind.measure(theirs, everything)
        if value is None or other is None:
            report[name] = NotApplicable(reason=_NOTHING_VARIES.format("synthetic" if value is None else "reference"))
            continue
        ratios = [_ratio(kind.measure(ours, a), kind.measure(theirs, b)) for a, b in halves]
        report[name] = DiversityMeasure(
            synthetic=value,
            reference=other,
            ratio=_ratio(value, other),
            interval=_interval(_ratio(value, other), ratios),
            unit=kind.unit,
            meaning=kind.meaning,
            strata=tuple(
                (label, ratio)
                for label, mine, its in parts
                if (ratio := _ratio(kind.measure(mine, np.ones(1, bool)), kind.measure(its, np.ones(1, bool))))
                is not None
            ),
        )
    report["completeness"] = _completeness(ours, theirs, halves, _occupancy(synthetic, real, clusters))
    return report


def _without_reference(evidence: Judged, rng: np.random.Generator) -> DiversityReport:
    columns = _chosen_columns(evidence, rng)
    frame = Frame(_narrowed(evidence.codec, columns), evidence.synthetic.codes[:, columns], rng, MAX_PAIRS)
    rows = _rows(evidence, evidence.synthetic, {}, columns, MAX_ROWS, frame, rng)
    sums = Sums(rows, frame, rng)
    report: DiversityReport = {}
    for name, kind in MEASURES.items():
        if reason := _missing(name, frame, False):
            report[name] = NotApplicable(reason=reason)
            continue
        value = kind.measure(sums, np.ones(GROUPS, bool))
        if value is None:
            report[name] = NotApplicable(reason=_NOTHING_VARIES.format("synthetic"))
            continue
        report[name] = DiversityMeasure(
            synthetic=value, reference=None, ratio=None, interval=None, unit=kind.unit, meaning=kind.meaning
        )
    report["completeness"] = NotApplicable(reason="what is missing can only be told against a reference")
    return report


def _missing(name: str, frame: Frame, scaled: bool) -> str | None:
    """Why a measure cannot be had, or None."""
    if name == "spread" and not scaled:
        return "spread is measured in the reference's variances, and no numeric column of a reference varies"
    if name == "balance" and not any(frame.categorical):
        return "no column holds categories"
    return None


def gradient_diversity(scales: tuple[float | None, float | None] | None) -> DiversityMeasure | NotApplicable:
    """The measure that training gives, apart from the others: they need not wait for the models."""
    if scales is None:
        return NotApplicable(reason="no model was trained, so no gradients were seen")
    if scales[0] is None:
        return NotApplicable(
            reason="the gradient-noise scale could not be measured while training on the synthetic table"
        )
    return DiversityMeasure(
        synthetic=scales[0],
        reference=scales[1],
        ratio=None if scales[1] is None else _ratio(scales[0], scales[1]),
        interval=None,
        unit="rows",
        meaning="gradient-noise scale while training: rows that must be averaged before gradients agree",
    )


def _completeness(
    ours: Sums, theirs: Sums, halves: list[tuple[Mask, Mask]], strata: tuple[tuple[str, float], ...]
) -> DiversityMeasure | NotApplicable:
    """Cells of one half of the reference that are also met in half of the synthetic rows, and in the reference's other
    half: what a fresh real sample of that size would meet."""
    met = []
    for a, b in halves:
        wanted = theirs.cells(b)
        if not wanted.any():
            return NotApplicable(reason="it takes two modelled columns to form combinations")
        met.append(((ours.cells(a) & wanted).sum() / wanted.sum(), (theirs.cells(~b) & wanted).sum() / wanted.sum()))
    value, other = (float(side) for side in np.mean(met, axis=0))
    return DiversityMeasure(
        synthetic=value,
        reference=other,
        ratio=_ratio(value, other),
        interval=_interval(_ratio(value, other), [_ratio(float(x), float(y)) for x, y in met]),
        unit="share of combinations",
        meaning="pairs of values in one half of the reference that also occur in as many other rows",
        strata=strata,
    )


def _rows(
    evidence: Judged,
    arm: Arm,
    scale: dict[str, float],
    columns: list[int],
    rows: int,
    frame: Frame,
    rng: np.random.Generator,
) -> Rows:
    chosen = np.arange(arm.frame.height)
    if arm.frame.height > rows:
        chosen = np.sort(rng.choice(arm.frame.height, rows, replace=False))
    table = arm.frame if len(chosen) == arm.frame.height else arm.frame[chosen]
    values = np.empty((len(chosen), len(scale)))
    for position, (name, deviation) in enumerate(scale.items()):
        values[:, position] = numeric_view(table[name], evidence.schema.kind(name)).to_numpy() / deviation
    hashes = combine((cell_hashes(table[c.name], c.kind) for c in evidence.schema.modelled), len(chosen))
    codes = np.ascontiguousarray(arm.codes[chosen][:, columns])
    return Rows(codes, values, hashes, frame.features(codes))


def _scales(schema: Schema, reference: pl.DataFrame) -> dict[str, float]:
    """Standard deviations of the reference's numeric columns that vary."""
    found = {}
    for column in schema.modelled:
        if column.kind in ("integer", "number", "datetime"):
            values = numeric_view(reference[column.name], column.kind).to_numpy()
            deviation = float(np.nanstd(values)) if (~np.isnan(values)).any() else 0.0
            if deviation > 0 and np.isfinite(deviation):
                found[column.name] = deviation
    return found


def _chosen_columns(evidence: Judged, rng: np.random.Generator) -> list[int]:
    count = len(evidence.schema.modelled)
    if count <= MAX_COLUMNS:
        return list(range(count))
    return sorted(int(j) for j in rng.choice(count, MAX_COLUMNS, replace=False))


def _narrowed(codec: Codec, columns: list[int]) -> Codec:
    modelled = codec.schema.modelled
    return Codec(Schema(tuple(modelled[j] for j in columns)), tuple(codec.bins[j] for j in columns))


def _half(rng: np.random.Generator) -> Mask:
    return rng.permutation(GROUPS) < GROUPS // 2


def _strata(
    synthetic: Rows, real: Rows, clusters: Clusters, frame: Frame, rng: np.random.Generator
) -> list[tuple[str, Sums, Sums]]:
    """Both tables within each cluster, cut to as many rows; clusters with too few rows in either are left out."""
    found = []
    mine, its = clusters.assign(synthetic.codes), clusters.assign(real.codes)
    for cluster in range(clusters.count):
        ours, theirs = np.flatnonzero(mine == cluster), np.flatnonzero(its == cluster)
        rows = min(len(ours), len(theirs))
        if rows < CLUSTER_ROWS:
            continue
        pair = [Sums(t.take(rng.permutation(c)[:rows]), frame, rng, 1) for t, c in ((synthetic, ours), (real, theirs))]
        found.append((clusters.name(cluster), pair[0], pair[1]))
    return found


def _occupancy(synthetic: Rows, real: Rows, clusters: Clusters) -> tuple[tuple[str, float], ...]:
    ours = np.bincount(clusters.assign(synthetic.codes), minlength=clusters.count)
    theirs = np.bincount(clusters.assign(real.codes), minlength=clusters.count)
    return tuple(
        (clusters.name(c), float(ours[c] / len(synthetic) / (theirs[c] / len(real))))
        for c in range(clusters.count)
        if theirs[c]
    )


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other is not None and other > 0 else None


def _interval(ratio: float | None, halves: list[float | None]) -> Interval | None:
    known = [value for value in halves if value is not None]
    if ratio is None or len(known) < len(halves):
        return None
    margin = _T_95 * float(np.std(known, ddof=1))
    return Interval(low=max(0.0, ratio - margin), high=ratio + margin)
