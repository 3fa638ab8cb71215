"""What is wrong with a run of rows, in which columns: rows inside are compared with the rows outside all regions.

Every question is one that a person would ask. Are these rows copies? Do single columns differ, and if so by nulls, a
trend, a displacement, more spread or less? If no column differs by itself, do the columns still belong together?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri, ndtri

from synthos.localization.channels import RowModel, row_hashes
from synthos.localization.narrowing import mode_or_tailcut
from synthos.localization.row_order import repeats
from synthos.results import Issue
from synthos.sampling.evidence import Evidence
from synthos.tables.codec import numeric_view
from synthos.tables.schema import NUMERIC_KINDS

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Change = Literal["nulls", "drift", "shift", "noise", "narrow", "repeats"]

#: Chance that a sound column (or pair) of a region is blamed, over all columns together.
ALPHA = 0.001
#: A log ratio of spreads beyond this is as good as total (a column that became constant).
_MOST_LOG_RATIO = 3.0
#: One column explains a loss of dependence where the pairs without it lose less than this share.
_ELSEWHERE = 0.15


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The issue, the columns to blame (worst first), and one sentence with the figures behind it."""

    issue: Issue
    columns: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class _Change:
    """How one column differs: the kind of change, and its total variation between inside and outside."""

    column: int
    kind: Change
    variation: float
    text: str


def diagnose(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> Diagnosis:
    """Name the issue of the sampled rows ``inside`` against the rows ``outside``; both are row numbers, ascending."""
    names = evidence.columns
    hashes = row_hashes(evidence.synthetic.frame, evidence.schema)
    _, first = np.unique(hashes[inside], return_index=True)
    distinct = inside[np.sort(first)]
    copies, copied = _copies(hashes, inside, outside), _copied(evidence, hashes, inside, outside)
    changes = _changes(evidence, model, distinct, outside)
    pairs = _lost_pairs(evidence, model, distinct, outside)
    if not changes and not pairs and max(copies, copied) > 0.0:
        if copies >= copied:
            return Diagnosis("duplicates", names, f"{copies:.0%} more of the rows repeat another row than elsewhere")
        return Diagnosis("copied", names, f"{copied:.0%} more of the rows equal a reference row than elsewhere")
    if changes:
        return _marginal(evidence, changes, inside, outside)
    if pairs:
        return _dependence(names, pairs)
    return _faint(evidence, model, inside, outside)


def _copies(hashes: npt.NDArray[np.uint64], inside: Index, outside: Index) -> float:
    """Share of inside rows that repeat another, beyond what outside rows show: one of their own, or one anywhere."""
    count = min(len(inside), len(outside))
    matched = outside[np.linspace(0, len(outside) - 1, count).astype(np.int64)]
    usual = 1.0 - len(np.unique(hashes[matched])) / count
    own = 1.0 - len(np.unique(hashes[inside])) / len(inside) - usual
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    repeated = counts[inverse] > 1
    return max(own, float(repeated[inside].mean() - repeated[outside].mean()))


def _copied(evidence: Evidence, hashes: npt.NDArray[np.uint64], inside: Index, outside: Index) -> float:
    """Share of inside rows that equal a reference row, beyond the outside share; 0 without a reference."""
    if evidence.reference is None:
        return 0.0
    hit = np.isin(hashes, row_hashes(evidence.reference.frame, evidence.schema))
    return float(hit[inside].mean() - hit[outside].mean())


def _histograms(evidence: Evidence, column: int, inside: Index, outside: Index) -> tuple[Floats, Floats]:
    codes, size = evidence.synthetic.codes[:, column], evidence.sizes[column]
    one, other = (np.bincount(codes[rows], minlength=size).astype(np.float64) for rows in (inside, outside))
    return one, other


def _differs(one: Floats, other: Floats, alpha: float) -> bool:
    """Two-sample G-test of homogeneity (Sokal & Rohlf 1995); cells with less than 5 expected rows are pooled."""
    total = one + other
    share = one.sum() / total.sum()
    small = total * min(share, 1.0 - share) < 5.0
    if small.any():
        one = np.append(one[~small], one[small].sum())
        other = np.append(other[~small], other[small].sum())
    total = one + other
    one, other, total = one[total > 0], other[total > 0], total[total > 0]
    if len(total) < 2:
        return False
    statistic = 0.0
    for side, part in ((one, share), (other, 1.0 - share)):
        seen = side > 0
        statistic += 2.0 * float((side[seen] * np.log(side[seen] / (total[seen] * part))).sum())
    return statistic > float(chdtri(len(total) - 1, alpha))


def _changes(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> list[_Change]:
    """The columns whose own distribution differs, most different first; of trending ones only nulls and repeats."""
    found = []
    alpha = ALPHA / len(evidence.columns)
    for column in range(len(evidence.columns)):
        one, other = _histograms(evidence, column, inside, outside)
        if column in model.trending:
            found += _change_along(evidence, column, (one, other), alpha, inside, outside)
        elif _differs(one, other, alpha):
            one, other = one / one.sum(), other / other.sum()
            found.append(_change(evidence, column, one, other, inside, outside))
    return sorted(found, key=lambda change: -change.variation)


def _change_along(
    evidence: Evidence, column: int, counts: tuple[Floats, Floats], alpha: float, inside: Index, outside: Index
) -> list[_Change]:
    """How a column that runs along the rows differs, in what does not depend on where along it the rows lie."""
    one, other = (np.array([part[0], part[1:].sum()]) for part in counts)
    nulls = one[0] / one.sum(), other[0] / other.sum()
    if nulls[0] > nulls[1] and _differs(one, other, alpha):
        return [_Change(column, "nulls", nulls[0] - nulls[1], f"{nulls[0]:.0%} null instead of {nulls[1]:.0%}")]
    stuck = repeats(evidence, column)
    if stuck is None:
        return []
    one, other = (np.array([stuck[rows].sum(), len(rows) - stuck[rows].sum()]) for rows in (inside, outside))
    share = one[0] / one.sum(), other[0] / other.sum()
    if share[0] <= share[1] or not _differs(one, other, alpha):
        return []
    text = f"{share[0]:.0%} of its values equal the one in the row before, not {share[1]:.0%}"
    return [_Change(column, "repeats", share[0] - share[1], text)]


def _change(evidence: Evidence, column: int, one: Floats, other: Floats, inside: Index, outside: Index) -> _Change:
    variation = float(np.abs(one - other).sum() / 2)
    more_nulls = float(one[0] - other[0])
    if more_nulls > variation / 2:
        return _Change(column, "nulls", variation, f"{one[0]:.0%} null instead of {other[0]:.0%}")
    kind = evidence.schema.modelled[column].kind
    if kind in NUMERIC_KINDS:
        return _numeric_change(evidence, column, variation, inside, outside)
    return _label_change(evidence, column, variation, one, other)


def _numeric_change(evidence: Evidence, column: int, variation: float, inside: Index, outside: Index) -> _Change:
    spec = evidence.schema.modelled[column]
    values = numeric_view(evidence.synthetic.frame[spec.name], spec.kind).to_numpy().astype(np.float64)
    rows, other = inside[~np.isnan(values[inside])], values[outside]
    one, other = values[rows], other[~np.isnan(other)]
    if len(one) < 3 or len(other) < 3:
        return _Change(column, "shift", variation, "hardly any value is left")
    spread = max(float(other.std()), 1e-12)
    place = (rows - rows.mean()) / max(float(rows[-1] - rows[0]), 1.0)
    slope = float(place @ (one - one.mean()) / (place @ place))
    rest = one - one.mean() - slope * place
    error = float(rest.std()) / float(np.sqrt(place @ place))
    rising = abs(slope) > -float(ndtri(ALPHA / 2)) * error
    step, climb = float(one.mean() - other.mean()) / spread, slope / spread
    left = float(rest.std()) / spread
    ratio = float(np.clip(np.log(max(left, 1e-12)), -_MOST_LOG_RATIO, _MOST_LOG_RATIO))
    effects: dict[Change, float] = {
        "drift": abs(climb) / 2 if rising else 0.0,  # a ramp from nothing moves the mean by half its height
        "shift": abs(step) * (0.5 if rising and abs(climb) > abs(step) else 1.0),
        "noise": max(ratio, 0.0),
        "narrow": max(-ratio, 0.0),
    }
    kind = max(effects, key=lambda name: effects[name])
    text = {
        "drift": f"moves by {climb:+.1f} standard deviations from its first row to its last",
        "shift": f"its mean lies {step:+.1f} standard deviations off",
        "noise": f"its spread is {left:.1f} times the usual",
        "narrow": f"its spread is {left:.2f} of the usual",
    }[kind]
    return _Change(column, kind, variation, text)


def _label_change(evidence: Evidence, column: int, variation: float, one: Floats, other: Floats) -> _Change:
    gain = one - other
    risen = np.maximum(gain, 0.0)
    top = int(other.argmax())
    if risen[top] > 0.7 * risen.sum():
        return _Change(
            column,
            "narrow",
            variation,
            f"{evidence.label(column, top)} takes {one[top]:.0%}, not {other[top]:.0%}",
        )
    known = np.flatnonzero(other > 0)
    scarce = known[other[known] < other[known].mean()]
    if _entropy(one) > _entropy(other) and len(scarce) and float((gain[scarce] > 0).mean()) >= 0.6:
        return _Change(column, "noise", variation, "its categories are nearly equally frequent")
    label = evidence.label(column, int(np.abs(gain).argmax()))
    return _Change(column, "shift", variation, f"{label} makes {gain[int(np.abs(gain).argmax())]:+.0%} more")


def _entropy(share: Floats) -> float:
    seen = share[share > 0]
    return float(-(seen * np.log2(seen)).sum())


def _marginal(evidence: Evidence, changes: Sequence[_Change], inside: Index, outside: Index) -> Diagnosis:
    """The kind of change that carries most of the total variation names the issue."""
    weight: dict[Change, float] = {}
    for change in changes:
        weight[change.kind] = weight.get(change.kind, 0.0) + change.variation
    kind = max(weight, key=lambda name: weight[name])
    blamed = [change for change in changes if change.kind == kind]
    issue: Issue
    if kind == "narrow":
        histograms = [_histograms(evidence, change.column, inside, outside) for change in blamed]
        ordered = [evidence.schema.modelled[change.column].kind in NUMERIC_KINDS for change in blamed]
        issue = mode_or_tailcut(histograms, ordered)
    else:
        issue = "mode" if kind == "repeats" else kind
    names = tuple(evidence.columns[change.column] for change in blamed)
    return Diagnosis(issue, names, f"{names[0]}: {blamed[0].text}; {len(changes)} columns differ by themselves")


def _lost_pairs(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> list[tuple[int, int, float]]:
    """Pairs that belong together less than outside, with the bits per row that they lose."""
    found = []
    codes = evidence.synthetic.codes
    limit = -float(ndtri(ALPHA / max(1, len(model.pairs))))
    for left, right, table in model.pairs:
        bits = table[codes[:, left], codes[:, right]]
        one, other = bits[inside].astype(np.float64), bits[outside].astype(np.float64)
        lost = float(other.mean() - one.mean())
        # A handful of distinct rows may agree by accident: their own variance must not make them certain.
        error = float(np.sqrt(max(one.var(), other.var()) / len(one) + other.var() / len(other)))
        if lost > limit * error:
            found.append((left, right, lost))
    return sorted(found, key=lambda pair: -pair[2])


def _dependence(names: Sequence[str], pairs: Sequence[tuple[int, int, float]]) -> Diagnosis:
    """Columns keep their own distributions but not each other: all of them, one of them, or one pair."""
    total = sum(lost for _, _, lost in pairs)
    by_column: dict[int, float] = {}
    for left, right, lost in pairs:
        by_column[left] = by_column.get(left, 0.0) + lost
        by_column[right] = by_column.get(right, 0.0) + lost
    ranked = sorted(by_column, key=lambda column: -by_column[column])
    text = f"pairs of columns lose up to {pairs[0][2]:.2f} bits per row of what they say about each other"
    if len(pairs) == 1 or pairs[0][2] > (1.0 - _ELSEWHERE) * total:
        return Diagnosis("rule_break", tuple(names[c] for c in pairs[0][:2]), f"one pair only; {text}")
    if len(names) > 2 and by_column[ranked[0]] > (1.0 - _ELSEWHERE) * total:
        return Diagnosis("label_flip", (names[ranked[0]],), f"always with {names[ranked[0]]}; {text}")
    return Diagnosis("shuffled", tuple(names[c] for c in ranked), text)


def _faint(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> Diagnosis:
    """No column and no pair stands out in its bins: values off the grid, or a change too thin to name."""
    channels, values = model.measure(evidence.synthetic.frame, evidence.synthetic.codes)
    excess = [
        (float(v[inside].mean() - v[outside].mean()), channel.column)
        for channel, v in zip(channels, values, strict=True)
        if channel.kind == "novel"
    ]
    most, column = max(excess, default=(0.0, 0))
    if most > 0.1:
        name = evidence.columns[column]
        return Diagnosis("noise", (name,), f"{name}: {most:.0%} more values that the reference does not hold")
    effects = [
        (abs(float(v[inside].mean() - v[outside].mean())) / max(float(v.std()), 1e-9), channel.column)
        for channel, v in zip(channels, values, strict=True)
    ]
    name = evidence.columns[max(effects)[1]]
    return Diagnosis("shift", (name,), f"{name} differs most, by {max(effects)[0]:.2f} standard deviations")
