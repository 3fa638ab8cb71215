"""Is the table itself sound? Repeated rows, copies of reference rows, nulls, domains, impossible values.

Shares of rows, so that their own bottom is 1 (every row): the standard wreck of shuffled columns repeats nothing and
leaves every domain as it was.

- ``duplicates``: rows beyond the first of their kind, against the reference rarefied to the same size (full tables);
- ``copies``: rows that the reference holds too, against the rate at which the holdout's rows do, or without one at
  which reference rows recur among the rest (full tables). Tables of few columns collide by nature;
- ``near_duplicates``: distinct rows that agree in their codes on most columns, against real halves (samples);
- ``nulls``: the largest change of any column's null rate, either way (full tables);
- ``domain``: cells of the worst column beyond the reference half's range or among labels that it does not have, against
  the other half, which says how far real data extrapolate (samples);
- ``impossible``: rows with a negative value where every reference row is at or above zero (samples).

Fractions in whole-number columns are reported and not scored: they betray a generator, yet seldom harm a model.
Without a reference only repeats are scored (``integrity_alone``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synthos.dimensions.base import Dimension, Judged, combine, informative, judged
from synthos.dimensions.copies import (
    GRID,
    Count,
    duplicates,
    expected_shares,
    observed_shares,
    occurring,
    rarefied_duplicates,
    recurring,
)
from synthos.dimensions.integrity_alone import measure_alone
from synthos.dimensions.raw_values import is_numeric, stacked_values
from synthos.dimensions.views import blame, unmerged
from synthos.results import Blame, DimensionResult
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import Draws, draw, judge
from synthos.tables.codec import numeric_view

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

#: Column subsets on which near-duplicates must agree, and the share of columns in each.
SUBSETS, AGREEING = 3, 0.8
#: Rows on each side of a resplit, and cells (rows x columns): wide tables give fewer rows.
MOST_ROWS, MOST_CELLS = 5_000, 100_000
#: A column is blamed from this share of faulty rows on.
LEAST_BLAMED = 0.005


def measure(evidence: Evidence) -> DimensionResult:
    """Score the worst fault; 100 where the synthetic table has no more of any than real rows do."""
    if evidence.reference is None:
        fractions, notes = _fractions(evidence, evidence.synthetic)
        return measure_alone(evidence, [fractions], notes)
    reference, synthetic = evidence.reference, evidence.synthetic
    rng = generator(evidence.seed, "statistical_integrity")
    nulls, null_change = _nulls(evidence, reference, synthetic, rng)
    parts = [_duplicates(reference, synthetic), _copies(evidence, reference, synthetic), nulls]
    faults: dict[str, list[tuple[str, float]]] = {"null rate changed": null_change}
    if evidence.columns:
        near = _near_duplicates(evidence, reference, synthetic, rng)
        domain, outside = _domain(evidence, reference, synthetic, rng)
        parts += [part for part in (near, domain) if part is not None]
        faults["values outside what real rows have"] = outside
    impossible, negative = _impossible(evidence, reference, synthetic)
    fractions, notes = _fractions(evidence, synthetic)
    faults["negative where real rows never are"] = negative
    parts += [impossible, fractions]
    return combine(parts, blame=_blame(faults), notes=notes)


def _duplicates(reference: ArmData, synthetic: ArmData) -> Judged:
    seen = duplicates(synthetic.scan.distinct_rows, synthetic.total_rows)
    base = duplicates(reference.scan.distinct_rows, reference.total_rows)
    expected = rarefied_duplicates(reference.scan.distinct_rows, reference.total_rows, synthetic.total_rows)
    # Where the reference repeats nothing its rate is known only to within a count, which grows with the size.
    growth = expected / base.share if base.hits else max(1.0, synthetic.total_rows / reference.total_rows)
    null = expected_shares(base, seen.rows, growth)
    return judged(
        "duplicates",
        judge(observed_shares(seen), null, 1.0),
        unit="share of rows",
        meaning="rows that repeat an earlier row; the null is the reference rarefied to the same size",
    )


def _copies(evidence: Evidence, reference: ArmData, synthetic: ArmData) -> Judged:
    seen = occurring(synthetic.scan.distinct_rows, reference.scan.distinct_rows)
    if evidence.holdout is None:
        base, source = recurring(reference.scan.distinct_rows), "reference rows recur"
    else:
        base, source = (
            occurring(evidence.holdout.scan.distinct_rows, reference.scan.distinct_rows),
            "holdout rows occur",
        )
    return judged(
        "copies",
        judge(observed_shares(seen), expected_shares(base, seen.rows), 1.0),
        unit="share of rows",
        meaning=f"rows that are copies of reference rows; the null is the rate at which {source} there",
    )


def _near_duplicates(
    evidence: Evidence, reference: ArmData, synthetic: ArmData, rng: np.random.Generator
) -> Judged | None:
    """Share of distinct rows that agree with another on most columns' codes; None on tables of fewer than 4 columns."""
    width = len(evidence.columns)
    if width < 4:
        return None
    keys = np.zeros((width, SUBSETS), np.uint64)
    for subset in range(SUBSETS):
        chosen = rng.choice(width, max(3, round(AGREEING * width)), replace=False)
        keys[chosen, subset] = rng.integers(1, 2**63, chosen.size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    whole = _whole_rows(stacked_values(evidence, reference, synthetic), rng)
    hashes = np.column_stack([whole, _fingerprints(np.concatenate(unmerged(evidence)), keys)])

    def repeated(first: Hashes, second: Hashes) -> Floats:
        # Of equal rows one: repeats are counted among the duplicates. Here, since more of a larger table are repeats.
        once = second[np.unique(second[:, 0], return_index=True)[1], 1:]
        ordered = np.sort(once, axis=0)
        return np.array([np.sum(ordered[1:] == ordered[:-1]) / once.size])

    draws = replace(
        draw(repeated, hashes[: len(reference.codes)], hashes[len(reference.codes) :], rng, wrecks=1, cap=MOST_ROWS),
        wreck=np.ones((1, 1)),
    )
    return judged(
        "near_duplicates",
        draws.judge(),
        unit="share of rows",
        meaning=f"distinct rows whose codes agree with another's on {AGREEING:.0%} of the columns",
    )


def _whole_rows(values: Floats, rng: np.random.Generator) -> Hashes:
    """A hash of each row's values as they are, shape (rows,); nulls are equal to each other, as are 0.0 and -0.0."""
    bits = np.where(np.isnan(values), np.nan, values + 0.0).view(np.uint64)
    bits = (bits ^ (bits >> np.uint64(32))) * (rng.integers(1, 2**63, values.shape[1], dtype=np.uint64) | np.uint64(1))
    return np.asarray((bits ^ (bits >> np.uint64(29))).sum(axis=1, dtype=np.uint64))


def _fingerprints(codes: Hashes, keys: Hashes) -> Hashes:
    """Multiply-and-add hashes of each row's codes, shape (rows, subsets); wrap-around is meant."""
    total = np.zeros((len(codes), keys.shape[1]), np.uint64)
    for column in range(codes.shape[1]):
        mixed = codes[:, column] + np.uint64(1)
        total += (mixed * mixed)[:, None] * keys[column] ^ (mixed[:, None] * (keys[column] >> np.uint64(7)))
    return total


def _nulls(
    evidence: Evidence, reference: ArmData, synthetic: ArmData, rng: np.random.Generator
) -> tuple[Judged, list[tuple[str, float]]]:
    """The worst column's change, with the columns' changes. The null is that of the largest of so many columns."""
    names = evidence.schema.names
    theirs = {column.name: column.nulls / max(column.rows, 1) for column in reference.profile.columns}
    mine = {column.name: column.nulls / max(column.rows, 1) for column in synthetic.profile.columns}
    base = np.array([theirs[name] for name in names])
    other = np.array([mine[name] for name in names])
    real, made = reference.total_rows, synthetic.total_rows
    # A column without a null in n rows may still have a rate of up to about 1 in 2n (Jeffreys).
    rate = (base * real + 0.5 * (base == 0)) / real
    shape = (GRID.size, len(names))
    null = np.abs(rng.binomial(made, rate, shape) / made - rng.binomial(real, rate, shape) / real).max(axis=1)
    seen = np.abs(rng.binomial(made, other, shape) / made - base).max(axis=1)
    part = judged(
        "nulls",
        judge(seen, null, 1.0),
        unit="share of rows",
        meaning="change of the null rate in the column where it changed most",
    )
    return part, list(zip(names, np.abs(other - base).tolist(), strict=True))


def _domain(
    evidence: Evidence, reference: ArmData, synthetic: ArmData, rng: np.random.Generator
) -> tuple[Judged, list[tuple[str, float]]]:
    values, numeric = stacked_values(evidence, reference, synthetic), is_numeric(evidence)
    real = len(reference.codes)

    def outside(first: Floats, second: Floats) -> Floats:
        return _outside(first, second, numeric)

    def elsewhere(rows: Floats, chance: np.random.Generator) -> Floats:
        return np.where(np.isfinite(rows), float(np.iinfo(np.int64).max), rows)

    cap = min(MOST_ROWS, max(1_000, MOST_CELLS // values.shape[1]))
    draws = draw(outside, values[:real], values[real:], rng, wreck=elsewhere, wrecks=1, cap=cap)
    usual = np.median(draws.null, axis=0)
    worst = Draws(draws.null - usual, draws.observed - usual, draws.wreck - usual, draws.rows).reduced(
        lambda side: side.max(axis=1)
    )
    part = judged(
        "domain",
        worst.judge(),
        unit="share of rows",
        meaning="values beyond real ranges or labels, above what real halves show, in the column with most",
    )
    excess = draws.observed.mean(axis=0) - np.quantile(draws.null, 0.95, axis=0)
    return part, list(zip(evidence.columns, excess.tolist(), strict=True))


def _outside(first: Floats, second: Floats, numeric: npt.NDArray[np.bool_]) -> Floats:
    """Share of ``second`` outside what ``first`` spans, by column; columns of which ``first`` has nothing give 0."""
    lowest, highest = np.fmin.reduce(first, axis=0), np.fmax.reduce(first, axis=0)
    flags = (second < lowest) | (second > highest)
    for column in np.flatnonzero(~numeric & np.isfinite(highest)):
        known, asked = first[:, column], second[:, column]
        seen = np.zeros(int(highest[column]) + 1, bool)
        seen[known[np.isfinite(known)].astype(np.int64)] = True
        inside = np.isfinite(asked) & ~flags[:, column]
        flags[inside, column] = ~seen[asked[inside].astype(np.int64)]
    return np.asarray(flags.mean(axis=0))


def _impossible(evidence: Evidence, reference: ArmData, synthetic: ArmData) -> tuple[Judged, list[tuple[str, float]]]:
    faulty = np.zeros(len(synthetic.codes), bool)
    by_column = []
    for column in evidence.schema.modelled:
        if column.kind not in ("integer", "number"):
            continue
        lowest = numeric_view(reference.frame[column.name], column.kind).min()
        if lowest is None or float(str(lowest)) < 0.0:
            continue
        negative = (numeric_view(synthetic.frame[column.name], column.kind) < 0.0).fill_null(False).to_numpy()
        faulty |= negative
        by_column.append((column.name, float(negative.mean())))
    seen = Count(float(faulty.sum()), float(len(faulty)))
    # No reference row is negative by selection, in as many columns as were selected.
    null = expected_shares(Count(0.0, float(len(reference.codes))), seen.rows)
    part = judged(
        "impossible",
        judge(observed_shares(seen), null, 1.0),
        unit="share of rows",
        meaning="rows with a negative value in a column where no reference row has one",
    )
    return part, by_column


def _fractions(evidence: Evidence, synthetic: ArmData) -> tuple[Judged, tuple[str, ...]]:
    faulty = np.zeros(len(synthetic.codes), bool)
    names = []
    for column in evidence.schema.modelled:
        series = synthetic.frame[column.name]
        if column.kind != "integer" or not series.dtype.is_float():
            continue
        broken = ((series - series.round(0)).abs() > 1e-6).fill_null(False).to_numpy()
        faulty |= broken
        if broken.any():
            names.append(column.name)
    part = informative(
        "fractions",
        float(faulty.mean()) if faulty.size else 0.0,
        unit="share of rows",
        meaning="rows with a fraction in a whole-number column; not scored",
    )
    return part, (f"fractions in whole-number columns: {', '.join(names[:8])}",) if names else ()


def _blame(faults: dict[str, list[tuple[str, float]]]) -> tuple[Blame, ...]:
    groups: list[tuple[str, ...]] = []
    losses: list[float] = []
    texts: list[str] = []
    for text, columns in faults.items():
        for name, share in columns:
            if share >= LEAST_BLAMED:
                groups.append((name,))
                losses.append(share)
                texts.append(f"{text}: {share:.1%} of the rows")
    return blame(groups, np.asarray(losses), texts)


DIMENSION = Dimension(
    name="statistical_integrity",
    title="Statistical integrity",
    question="Is the table itself sound?",
    needs_reference=False,
    needs_cascade=False,
    measure=measure,
)
