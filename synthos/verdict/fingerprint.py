"""What a generator or a defect leaves behind in a table: signed figures, read off the samples and the regions.

Every figure compares the synthetic sample with the reference sample, and is about 0 for a fresh real sample of whatever
table: chance is taken off by the Good-Turing estimate (Good 1953) of what a real row would show for the first time, or
cancels because as many rows are taken of both, and differences are drawn towards 0 by one standard error, so that small
tables do not seem damaged. The sign says where a table went, which losses alone do not say: values
that no real row has, or none but values of real rows; entropy, dependence and tails gained or lost. A figure that these
tables cannot show (tails where there are no numbers) is left out, never 0. All are of whole tables; no value of a row
can be read off them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt

from synthos.dimensions.raw_values import is_numeric
from synthos.dimensions.views import coarse, numeric_columns, numeric_values
from synthos.results import Issue, Region
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.stats.dependence import mutual_information, random_tuples
from synthos.stats.divergence import jensen_shannon
from synthos.stats.entropy import shannon
from synthos.tables.codec import Codes

#: Figures by name, as in ``MEANINGS``.
Fingerprint = dict[str, float]
Floats = npt.NDArray[np.float64]
#: Rows of each side, numeric columns and groups of columns that are looked at; figures hardly sharpen beyond them.
MOST_ROWS = 10_000
MOST_GROUPS = 150
#: Levels of a column where pairs and triples are counted.
LEVELS = 8
#: Mass added to both sides of a ratio of rare masses, so that an empty tail is a small number and not infinite.
FLOOR = 0.002
#: Share of rows added to those that fresh real rows would bring for the first time, where "old" is a part of them.
FEW_NEW = 0.02
#: Distinct values above which their number says something, and decimals beyond which no grid is looked for.
MANY_VALUES = 50
MOST_PLACES = 8

MEANINGS: dict[str, str] = {
    "new_values": "numbers that no real row has, beyond chance; share of cells",
    "old_values": "numbers of real rows where fresh real rows would bring new ones; share of those",
    "finer": "numbers with more decimals than the reference's; share of cells",
    "heaps": "chance that two rows share a number, log2 ratio",
    "distinct": "different numbers, log2 ratio",
    "outside": "numbers outside of the reference's range; share of cells",
    "tails": "mass beyond the reference's 1 % and 99 % quantiles, log2 ratio",
    "rare_labels": "mass of categories rarer than 2 %, log2 ratio",
    "ranks": "rank correlation of numbers kept, less 1",
    "shift_numbers": "Jensen-Shannon divergence of one number's bins, bits above chance",
    "shift_labels": "the same of categories",
    "entropy_numbers": "entropy of one number's bins, gained over the reference's; share",
    "entropy_labels": "the same of categories",
    "bound_numbers": "mutual information gained between two numbers; share of the reference's",
    "bound_mixed": "the same where one of two columns is a category",
    "loosened_numbers": "mutual information lost between two numbers; share of the reference's",
    "loosened_mixed": "the same where one of two columns is a category",
    "cells_numbers": "Jensen-Shannon divergence of the cells of two numbers, bits above chance",
    "cells_mixed": "the same where one of two columns is a category",
    "new_pairs": "pairs of bins that no real row has, beyond chance; share of rows",
    "old_pairs": "pairs of bins of real rows where fresh real rows would bring new ones; share of those",
    "new_triples": "as new_pairs, of three columns in coarser bins",
    "old_triples": "as old_pairs, of three columns in coarser bins",
    "new_rows": "as new_pairs, of whole binned rows",
    "old_rows": "as old_pairs, of whole binned rows",
    "repeated_rows": "different binned rows, log2 ratio",
    "region_rows": "rows in regions; share",
    **{f"region_{issue}": f"largest impact of a region with {issue.replace('_', ' ')}" for issue in get_args(Issue)},
}


def fingerprint(evidence: Evidence, regions: Sequence[Region]) -> Fingerprint:
    """The figures of a validation, by name; without a reference only those of its regions."""
    found = _of_regions(regions, evidence.synthetic)
    reference = evidence.reference
    if reference is None:
        return found
    rng = generator("fingerprint", evidence.seed)
    arms = (reference, evidence.synthetic)
    rows = min(MOST_ROWS, *(len(arm.codes) for arm in arms))
    picks = [np.sort(rng.permutation(len(arm.codes))[:rows]) for arm in arms]
    numeric, names = is_numeric(evidence), numeric_columns(evidence)
    if len(names) > MOST_GROUPS:
        names = tuple(names[place] for place in np.sort(rng.permutation(len(names))[:MOST_GROUPS]))
    values = [numeric_values(evidence, arm, names) for arm in arms]
    merged, levels = coarse(evidence, LEVELS)
    real, synthetic = (side[pick] for side, pick in zip(values, picks, strict=True))
    found |= _of_values(real, synthetic, known=values[0])
    found |= _of_ranks(real, synthetic)
    codes = [arm.codes[pick] for arm, pick in zip(arms, picks, strict=True)]
    broad = [side[pick] for side, pick in zip(merged, picks, strict=True)]
    found |= _of_margins(codes[0], codes[1], evidence.sizes, numeric)
    found |= _of_pairs(broad[0], broad[1], levels, numeric, rng)
    found |= _novelty(_seen_in_groups(reference.codes, codes[1], evidence.sizes, 2, rng), "pairs")
    found |= _novelty(_seen_in_groups(merged[0], broad[1], levels, 3, rng), "triples")
    found |= _of_rows(codes[0], codes[1], known=reference.codes)
    return {name: round(float(found[name]), 5) for name in MEANINGS if name in found}


def _of_regions(regions: Sequence[Region], arm: ArmData) -> Fingerprint:
    covered = sum(stop - start for start, stop in (region.row_range for region in regions))
    found = {"region_rows": min(1.0, covered / max(arm.total_rows, 1))}
    for issue in get_args(Issue):
        impacts = [region.impact for region in regions if region.issue == issue]
        found[f"region_{issue}"] = max(impacts, default=0.0)
    return found


def first_seen(real: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Share of ``other`` that ``real`` does not hold, and that expected of a fresh real sample (Good-Turing).

    >>> first_seen(np.array([1, 1, 2, 3]), np.array([1, 1, 2, 9]))
    (0.25, 0.5)
    """
    known, counts = np.unique(real, return_counts=True)
    return float(1.0 - np.isin(other, known).mean()), float((counts == 1).sum() / len(real))


def _novelty(shares: Sequence[tuple[float, float]], what: str) -> Fingerprint:
    """Figures "new" and "old" from the shares (seen, expected) of several columns or groups of columns."""
    if not shares:
        return {}
    seen, expected = np.array(shares).T
    beyond = np.clip(seen - expected, 0.0, None) / np.maximum(1.0 - expected, 0.05)
    found = {f"new_{what}": float(beyond.mean())}
    # Where real rows bring nothing new either, none but old values say nothing.
    if expected.mean() > 0.005:
        whole = float(expected.sum()) + FEW_NEW * len(shares)
        found[f"old_{what}"] = float(np.clip(expected - seen, 0.0, None).sum()) / whole
    return found


def _of_values(real: Floats, synthetic: Floats, known: Floats) -> Fingerprint:
    """What single numbers show, averaged over columns; shapes (rows, numeric columns), NaN for null.

    ``known`` : all rows of the reference sample, for what was seen before.
    """
    columns, seen = [], []
    for a, b, c in zip(real.T, synthetic.T, known.T, strict=True):
        one, other, every = a[np.isfinite(a)], b[np.isfinite(b)], c[np.isfinite(c)]
        if min(len(one), len(other)) >= MANY_VALUES and np.ptp(one) > 0:
            columns.append((one, other))
            seen.append(first_seen(every, other))
    found = _novelty(seen, "values")
    for name, figure in _NUMBER_FIGURES.items():
        figures = [value for one, other in columns if (value := figure(one, other)) is not None]
        if figures:
            found[name] = float(np.mean(figures))
    return found


def _finer(real: Floats, synthetic: Floats) -> float:
    def off_grid(values: Floats, places: int) -> float:
        return float(np.mean(~np.isclose(values, np.round(values, places), rtol=1e-12, atol=1e-9)))

    places = next((places for places in range(MOST_PLACES) if off_grid(real, places) < 0.01), MOST_PLACES)
    return off_grid(synthetic, places)


def _heaps(real: Floats, synthetic: Floats) -> float:
    shares = [np.unique(side, return_counts=True)[1] / len(side) for side in (real, synthetic)]
    return float(np.log2((shares[1] ** 2).sum() / (shares[0] ** 2).sum()))


def _distinct(real: Floats, synthetic: Floats) -> float | None:
    known = len(np.unique(real))
    if known <= MANY_VALUES:
        return None
    return float(np.log2(len(np.unique(synthetic)) / len(synthetic)) - np.log2(known / len(real)))


def _outside(real: Floats, synthetic: Floats) -> float:
    return float(np.mean((synthetic < real.min()) | (synthetic > real.max())))


def _tails(real: Floats, synthetic: Floats) -> float | None:
    low, high = np.quantile(real, (0.01, 0.99))
    own, other = (float(np.mean((side < low) | (side > high))) for side in (real, synthetic))
    return _log_ratio(own, other, min(len(real), len(synthetic))) if own > FLOOR else None


def _log_ratio(own: float, other: float, rows: int) -> float:
    """log2 of two shares' ratio, the second over the first, less one standard error."""
    shares = np.array([own, other]) + FLOOR
    error = float(np.sqrt((1.0 / (rows * shares)).sum()) / np.log(2.0))
    return toward_zero(float(np.log2(shares[1] / shares[0])), error)


def toward_zero(value: float, error: float) -> float:
    """``value`` less ``error`` in size, not beyond 0.

    >>> toward_zero(-0.5, 0.2), toward_zero(0.1, 0.2)
    (-0.3, 0.0)
    """
    return max(value - error, 0.0) + min(value + error, 0.0)


_NUMBER_FIGURES: dict[str, Callable[[Floats, Floats], float | None]] = {
    "finer": _finer,
    "heaps": _heaps,
    "distinct": _distinct,
    "outside": _outside,
    "tails": _tails,
}


def _of_ranks(real: Floats, synthetic: Floats) -> Fingerprint:
    """How much of the rank correlations is kept: 0 all, -1 none, below that reversed."""
    usable = [
        np.isfinite(a).all() and np.isfinite(b).all() and np.ptp(a) > 0 and np.ptp(b) > 0
        for a, b in zip(real.T, synthetic.T, strict=True)
    ]
    columns = np.flatnonzero(np.array(usable, bool))
    if columns.size < 2:
        return {}
    above = np.triu_indices(columns.size, 1)
    known, kept = (np.asarray(np.corrcoef(_ranks(side[:, columns]), rowvar=False))[above] for side in (real, synthetic))
    strength = float((known**2).sum())
    # Below that, correlations of real rows are chance themselves.
    return {"ranks": float((known * kept).sum()) / strength - 1.0} if strength > 0.02 else {}


def _ranks(values: Floats) -> Floats:
    """Mid-ranks of every column, shape (rows, columns), up to a factor of 2."""
    ordered = np.sort(values, axis=0)
    ends = [
        [np.searchsorted(line, column, side) for line, column in zip(ordered.T, values.T, strict=True)]
        for side in ("left", "right")
    ]
    return np.asarray(np.sum(ends, axis=0).T, np.float64)


def _of_margins(real: Codes, synthetic: Codes, sizes: Sequence[int], numeric: npt.NDArray[np.bool_]) -> Fingerprint:
    shifts: dict[str, list[float]] = {"numbers": [], "labels": []}
    gains: dict[str, list[float]] = {"numbers": [], "labels": []}
    rare = np.zeros(2)
    for column, size in enumerate(sizes):
        a, b = (np.bincount(side[:, column], minlength=size).astype(np.float64) for side in (real, synthetic))
        if (a > 0).sum() < 2:
            continue
        kind = "numbers" if numeric[column] else "labels"
        own = shannon(a, corrected=False)
        shifts[kind].append(_excess(a, b))
        gains[kind].append((shannon(b, corrected=False) - own) / max(own, 0.1))
        if not numeric[column]:
            seldom = a < 0.02 * a.sum()
            rare += np.array([a[seldom].sum(), b[seldom].sum()]) / len(real)
    found: Fingerprint = {}
    for kind, shift in shifts.items():
        if shift:
            found |= {f"shift_{kind}": float(np.mean(shift)), f"entropy_{kind}": float(np.mean(gains[kind]))}
    if rare[0] > 0.005:
        found["rare_labels"] = _log_ratio(float(rare[0]), float(rare[1]), len(real))
    return found


def _excess(a: Floats, b: Floats) -> float:
    """Jensen-Shannon divergence of two histograms of equal mass, less what is expected by chance, in bits."""
    freedom = int(((a + b) > 0).sum()) - 1
    return float(jensen_shannon(a, b)) - freedom / (4.0 * float(a.sum()) * float(np.log(2.0)))


def _of_pairs(
    real: Codes,
    synthetic: Codes,
    sizes: Sequence[int],
    numeric: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> Fingerprint:
    information: dict[str, list[tuple[float, float]]] = {"numbers": [], "mixed": []}
    cells: dict[str, list[float]] = {"numbers": [], "mixed": []}
    for i, j in random_tuples(len(sizes), 2, MOST_GROUPS, rng):
        shape = (sizes[i], sizes[j])
        a, b = (
            np.bincount(_cells(side, (i, j), shape), minlength=shape[0] * shape[1]).reshape(shape)
            for side in (real, synthetic)
        )
        kind = "numbers" if numeric[i] and numeric[j] else "mixed"
        # One correction for both, the real one: a collapsed table has fewer cells, which is no chance.
        chance = float(mutual_information(a, corrected=False) - mutual_information(a))
        own, other = (max(float(mutual_information(table, corrected=False)) - chance, 0.0) for table in (a, b))
        information[kind].append((own, toward_zero(other - own, _information_error(a, b))))
        cells[kind].append(_excess(a.astype(np.float64).ravel(), b.astype(np.float64).ravel()))
    found: Fingerprint = {}
    for kind, pairs in information.items():
        if pairs:
            known, gained = np.array(pairs).T
            whole = known.sum() + 0.01 * len(pairs)
            found[f"bound_{kind}"] = float(np.clip(gained, 0.0, None).sum() / whole)
            found[f"loosened_{kind}"] = float(np.clip(-gained, 0.0, None).sum() / whole)
            found[f"cells_{kind}"] = float(np.mean(cells[kind]))
    return found


def _information_error(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
    """Standard error of the difference of two tables' mutual information, in bits.

    By the delta method the variance of the pointwise information over rows; where columns are independent that is 0,
    and the chi-squared law of the estimate takes over.
    """
    rows = float(a.sum())
    freedom = int((a.any(axis=0).sum() - 1) * (a.any(axis=1).sum() - 1))
    variance = freedom / (rows * float(np.log(2.0))) ** 2
    for table in (a, b):
        joint = table / table.sum()
        alone = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        taken = joint > 0
        pointwise = np.log2(joint[taken] / alone[taken])
        mean = (joint[taken] * pointwise).sum()
        variance += float((joint[taken] * (pointwise - mean) ** 2).sum()) / rows
    return float(np.sqrt(variance))


def _seen_in_groups(
    known: Codes, synthetic: Codes, sizes: Sequence[int], order: int, rng: np.random.Generator
) -> list[tuple[float, float]]:
    if len(sizes) < order:
        return []
    shares = []
    for group in random_tuples(len(sizes), order, MOST_GROUPS, rng):
        shape = [sizes[column] for column in group]
        shares.append(first_seen(_cells(known, group, shape), _cells(synthetic, group, shape)))
    return shares


def _cells(codes: Codes, group: Sequence[int], shape: Sequence[int]) -> npt.NDArray[np.int64]:
    """One number for the codes of each row in the columns of ``group``, shape (rows,)."""
    columns = tuple(codes[:, column].astype(np.int64) for column in group)
    return np.asarray(np.ravel_multi_index(columns, tuple(shape)), np.int64)


def _of_rows(real: Codes, synthetic: Codes, known: Codes) -> Fingerprint:
    if real.shape[1] == 0:
        return {}
    one, other, every = (_row_keys(side) for side in (real, synthetic, known))
    seen, expected = first_seen(every, other)
    return {
        "new_rows": max(seen - expected, 0.0) / max(1.0 - expected, 0.02),
        "old_rows": max(expected - seen, 0.0) / max(expected, 0.02),
        "repeated_rows": float(np.log2(len(np.unique(other)) / len(np.unique(one)))),
    }


def _row_keys(codes: Codes) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each row, shape (rows,); column by column, since tables may be wide."""
    keys = np.zeros(len(codes), np.uint64)
    for column in codes.T:
        keys = (
            (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + column.astype(np.uint64) + np.uint64(1)
        )
    return keys
