"""Fixes that the evidence suggests, before any of them is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.advice import RecommendationKind
from synthos.recommendation.mending import hash_rows
from synthos.recommendation.reweighting import fit_weights
from synthos.results import Component, DimensionResult, Json, Region, RiskLevel, Scored
from synthos.sampling.evidence import ArmData, Evidence
from synthos.tables.codec import CategoryBins, numeric_view
from synthos.tables.schema import NUMERIC_KINDS
from synthos.verdict.issue_words import ISSUES

Floats = npt.NDArray[np.float64]
Parameters = dict[str, Json | tuple[int, int] | tuple[str, ...]]

#: A dimension below this score asks for a fix.
LOW_SCORE = 80.0
#: Share of rows that must repeat, beyond what the reference shows, before repeats are dropped.
_REPEATS = 0.01
#: Where the whole tables were compared, repeats that score this or more are those of real rows.
_AS_REAL = 97.0
#: Margins that are off by more than this many times what chance gives, and by more than this in all, are raked.
_OFF_CHANCE, _OFF = 3.0, 0.02
_MOST_RAKED = 4
#: Columns whose margin is off by this much are past mending.
_HOPELESS = 0.5
#: A rare part of the reference: at most this share of it, at least so many rows; lost where less than this is left.
_RARE, _RARE_ROWS, _LEFT = 0.05, 10, 0.3
_MOST_LABELS = 20
_TAIL = 0.01
#: Shares of real rows in the finished table that may be advised.
MIX_SHARES = (0.1, 0.25, 0.5)
#: Rank correlation of neighbouring rows beyond which a column sorts its table.
_SORTED = 0.9


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fix to try. ``measurable`` is False where no finished table can show what it would bring."""

    kind: RecommendationKind
    title: str
    reason: str
    columns: tuple[str, ...]
    affected_rows: int
    parameters: Parameters
    measurable: bool = True


def suggest(
    evidence: Evidence, dimensions: Mapping[str, DimensionResult], regions: tuple[Region, ...], level: RiskLevel | None
) -> list[Candidate]:
    """All fixes that something speaks for at this risk level (None where it is not known), most specific first."""
    if not evidence.columns:
        return []
    # The largest regions first: only so many fixes are tried.
    found = [_remove(r) for r in sorted(regions, key=lambda r: -r.impact * (r.row_range[1] - r.row_range[0]))]
    found += _repeats(evidence, dimensions)
    if evidence.reference is not None:
        found += _rare(evidence, evidence.reference)
        found += _margins(evidence, evidence.reference)
        if level in ("medium", "high"):  # real rows are dear: a sound table does not need them
            found += _mixtures(evidence, dimensions)
        found += _order(evidence, evidence.reference)
        found += _dependence(evidence, dimensions)
    return found


def _remove(region: Region) -> Candidate:
    start, stop = region.row_range
    return Candidate(
        "remove_rows",
        f"Remove rows {start:,} to {stop - 1:,} ({ISSUES[region.issue]})",
        f"{region.impact:.0%} of these {stop - start:,} rows are at fault: {region.detail}",
        region.columns,
        stop - start,
        {"row_range": (start, stop)},
    )


def _repeat_counts(frame: pl.DataFrame, columns: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Copies of each distinct row."""
    return np.unique(hash_rows(frame, columns), return_counts=True)[1].astype(np.int64)


def _component(dimensions: Mapping[str, DimensionResult], name: str) -> Component | None:
    """A component of the statistical integrity that was scored."""
    result = dimensions.get("statistical_integrity")
    parts = result.components if isinstance(result, Scored) else ()
    return next((part for part in parts if part.name == name and part.score is not None), None)


def _scatter(copies: npt.NDArray[np.int64], rows: int) -> float:
    """Variance of the share of repeated rows: whole groups of copies come and go."""
    return float(((copies - 1.0) ** 2).sum()) / rows**2


def _repeats(evidence: Evidence, dimensions: Mapping[str, DimensionResult]) -> list[Candidate]:
    """Rows that repeat more than they do among as many real rows, by more than chance."""
    full = _component(dimensions, "duplicates")
    if full is not None and full.score is not None and full.score >= _AS_REAL:
        return []
    frame, columns = evidence.synthetic.frame, evidence.columns
    usual, most, variance = 0.0, 1, 0.0
    rows = frame.height
    if evidence.reference is not None:
        rows = min(rows, evidence.reference.frame.height)
        real = _repeat_counts(_evenly(evidence.reference.frame, rows), columns)
        usual, most, variance = 1.0 - len(real) / rows, int(real.max()), _scatter(real, rows)
    mine = _repeat_counts(_evenly(frame, rows), columns)
    share = 1.0 - len(mine) / rows
    if share - usual <= max(_REPEATS, _OFF_CHANCE * variance**0.5):
        return []
    own = _repeat_counts(frame, columns)
    surplus = int(np.maximum(own - most, 0).sum() * evidence.synthetic.total_rows / frame.height)
    if not surplus:
        return []
    return [
        Candidate(
            "deduplicate",
            "Drop repeated rows" if most == 1 else f"Keep at most {most:,} copies of a row",
            f"{share:.1%} of the rows repeat another one; among as many real rows it is {usual:.1%}",
            (),
            surplus,
            {"columns": columns, "most_copies": most},
        )
    ]


def _evenly(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    return frame if rows == frame.height else frame[np.linspace(0, frame.height - 1, rows).astype(np.int64)]


def _margin(arm: ArmData, column: int, size: int) -> Floats:
    return np.bincount(arm.codes[:, column], minlength=size) / max(1, len(arm.codes))


def _margins(evidence: Evidence, reference: ArmData) -> list[Candidate]:
    """Columns whose own distribution is off: raked, and where one is past mending, dropped."""
    off: list[tuple[float, str]] = []
    for column, (name, size) in enumerate(zip(evidence.columns, evidence.sizes, strict=True)):
        own, real = (_margin(arm, column, size) for arm in (evidence.synthetic, reference))
        # Expected total variation between two samples of one distribution.
        per_row = 1 / len(evidence.synthetic.codes) + 1 / len(reference.codes)
        chance = float(np.sqrt(real * (1 - real) * per_row / (2 * np.pi)).sum())
        distance = float(np.abs(own - real).sum() / 2)
        if distance > max(_OFF, _OFF_CHANCE * chance):
            off.append((distance, name))
    off.sort(key=lambda item: (-item[0], item[1]))
    found = []
    mendable = tuple(name for distance, name in off if distance < _HOPELESS)[:_MOST_RAKED]
    if mendable:
        worst = next(distance for distance, name in off if name == mendable[0])
        weights = fit_weights(evidence, mendable)
        lost = 1.0 - float(weights.chances(evidence.synthetic.frame).mean())
        found.append(
            Candidate(
                "reweight",
                f"Thin rows to the reference's proportions of {', '.join(mendable)}",
                f"{worst:.0%} of the rows would have to change their {mendable[0]} to match the reference",
                mendable,
                round(lost * evidence.synthetic.total_rows),
                {"columns": mendable, "weights": weights.to_json()},
            )
        )
    hopeless = [(distance, name) for distance, name in off if distance >= _HOPELESS]
    if hopeless and len(hopeless) < len(evidence.columns) / 2:
        names = tuple(name for _, name in hopeless)
        found.append(
            Candidate(
                "drop_column",
                f"Drop {', '.join(names)}",
                f"{hopeless[0][0]:.0%} of the rows would have to change their {names[0]} to match the reference",
                names,
                evidence.synthetic.total_rows,
                {"columns": names},
            )
        )
    return found


def _rare(evidence: Evidence, reference: ArmData) -> list[Candidate]:
    """Rare labels and ends of numbers that the reference has and the synthetic table has lost."""
    found = []
    for column, spec in enumerate(evidence.schema.modelled):
        bins = evidence.codec.bins[column]
        if evidence.is_personal(spec.name):
            continue  # the labels would be quoted, and stored in the result
        if isinstance(bins, CategoryBins):
            own, real = (_margin(arm, column, bins.size) for arm in (evidence.synthetic, reference))
            rows = real * len(reference.codes)
            lost = (real <= _RARE) & (rows >= _RARE_ROWS) & (own < _LEFT * real)
            labels = tuple(bins.labels[c - 1] for c in np.flatnonzero(lost) if 1 <= c <= len(bins.labels))[
                :_MOST_LABELS
            ]
            kept = [bins.labels.index(label) + 1 for label in labels]
            missing = float((real[kept] - own[kept]).sum()) if labels else 0.0
            limits: Parameters = {"labels": labels}
            what = f"{', '.join(labels[:3])}{' and others' if len(labels) > 3 else ''}"
        elif spec.kind in NUMERIC_KINDS and spec.kind != "text":
            missing, limits, what = _lost_tails(evidence, reference, column)
        else:
            continue
        if missing > 0:
            found.append((missing, spec.name, limits, what))
    found.sort(key=lambda item: (-item[0], item[1]))
    return [_regenerate(evidence, *item) for item in found[:2]]


def _lost_tails(evidence: Evidence, reference: ArmData, column: int) -> tuple[float, Parameters, str]:
    """Mass beyond the reference's 1 % and 99 % quantiles that is missing, and the limits on the sides where it is."""
    spec = evidence.schema.modelled[column]
    own, real = (
        numeric_view(arm.frame[spec.name], spec.kind).drop_nulls().to_numpy().astype(np.float64)
        for arm in (evidence.synthetic, reference)
    )
    if not len(own) or len(real) * _TAIL < _RARE_ROWS:
        return 0.0, {}, ""
    low, high = np.quantile(real, [_TAIL, 1 - _TAIL])
    limits: Parameters = {}
    missing, sides = 0.0, []
    for name, limit, word in (("below", float(low), "below"), ("above", float(high), "above")):
        mine = float((own < limit).mean() if name == "below" else (own > limit).mean())
        usual = float((real < limit).mean() if name == "below" else (real > limit).mean())
        if usual * len(real) >= _RARE_ROWS / 2 and mine < _LEFT * usual:
            limits[name] = limit
            missing += usual - mine
            sides.append(f"{word} {limit:g}")
    return missing, limits, " and ".join(sides)


def _regenerate(evidence: Evidence, missing: float, name: str, limits: Parameters, what: str) -> Candidate:
    per_row = missing / max(1e-9, 1.0 - missing)
    parameters: Parameters = {"column": name, "per_row": per_row, **limits}
    return Candidate(
        "regenerate_rare",
        f"Bring back rare rows: {name} {what}",
        f"{missing:.2%} of real rows have {name} {what}, which the synthetic table has all but lost; its own rows "
        "cannot teach them, so real ones are mixed in (better: have the generator make more of them)",
        (name,),
        round(per_row * evidence.synthetic.total_rows),
        parameters,
    )


def _mixtures(evidence: Evidence, dimensions: Mapping[str, DimensionResult]) -> list[Candidate]:
    low = [name for name, result in dimensions.items() if isinstance(result, Scored) and result.score < LOW_SCORE]
    if not low:
        return []
    worst = ", ".join(name.replace("_", " ") for name in sorted(low))
    copies = _component(dimensions, "copies")
    memorised = ""
    if copies is not None and copies.score is not None and copies.score < LOW_SCORE:
        memorised = (
            "; beside them, the rows here that are copies of reference rows teach nothing new: remove those, or "
            "train a new generator"
        )
    total = evidence.synthetic.total_rows
    return [
        Candidate(
            "mix_real",
            f"Mix in real rows until they make {share:.0%} of the table",
            f"real rows hold up what the generator lost ({worst}){memorised}",
            (),
            round(total * share / (1 - share)),
            {"share": share},
        )
        for share in MIX_SHARES
    ]


def _order(evidence: Evidence, reference: ArmData) -> list[Candidate]:
    """Rows that are sorted although real rows are not, or not sorted by time although real rows are."""
    for column, spec in enumerate(evidence.schema.modelled):
        if spec.kind not in NUMERIC_KINDS:
            continue
        own, real = (_sortedness(arm, column) for arm in (evidence.synthetic, reference))
        if spec.kind == "datetime" and real > _SORTED > own:
            return [_resort(evidence, spec.name, f"real rows are in the order of {spec.name}, synthetic ones are not")]
        if own > _SORTED and real < _SORTED / 2:
            return [_resort(evidence, None, f"rows are sorted by {spec.name}, real rows are not")]
    return []


def _sortedness(arm: ArmData, column: int) -> float:
    """Absolute rank correlation of the column's bins with the row number, in [0, 1]; 0 for a constant."""
    codes = arm.codes[:, column].astype(np.float64)
    if codes.std() == 0:
        return 0.0
    return abs(float(np.corrcoef(codes, np.arange(len(codes)))[0, 1]))


def _resort(evidence: Evidence, by: str | None, reason: str) -> Candidate:
    title = f"Sort the rows by {by}" if by else "Shuffle the rows"
    return Candidate("resort", title, reason, (by,) if by else (), evidence.synthetic.total_rows, {"by": by})


def _dependence(evidence: Evidence, dimensions: Mapping[str, DimensionResult]) -> list[Candidate]:
    result = dimensions.get("correlation_preservation")
    if not isinstance(result, Scored) or result.score >= LOW_SCORE:
        return []
    columns = result.blame[0].columns if result.blame else ()
    detail = f"; most in {' and '.join(columns)}: {result.blame[0].detail}" if result.blame else ""
    return [
        Candidate(
            "refit_dependence",
            "Fit the generator's dependence between columns again",
            f"correlation preservation scores {result.score:.0f} of 100{detail}",
            columns,
            evidence.synthetic.total_rows,
            {"columns": columns},
            measurable=False,
        )
    ]
