"""How single columns of a run of rows differ from the same columns of other rows: by nulls, a trend, a displacement,
more spread, less of it, values that nothing else holds, or the way values follow one another along the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri, ndtri

from synthos.localization.channels import RowModel, is_novel
from synthos.localization.row_order import along
from synthos.sampling.evidence import Evidence
from synthos.stats.divergence import total_variation
from synthos.stats.entropy import shannon
from synthos.tables.codec import numeric_view
from synthos.tables.schema import NUMERIC_KINDS

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
ChangeKind = Literal["nulls", "drift", "shift", "noise", "narrow", "stuck", "displaced"]

#: Chance that a sound column (or pair) of a region is blamed, over all columns together.
ALPHA = 0.001
#: A log ratio of spreads beyond this is as good as total (a column that became constant).
_MOST_LOG_RATIO = 3.0
#: Standard deviations (or log ratio of spreads) below which new values, not another place or spread, are the change.
_LEAST_EFFECT = 0.2
#: Distinct numbers from which on rows that gather at one of them are no mere displacement.
_MANY = 10
#: Share of rows of a run that must lie as no other rows do, for their order to be blamed.
_LEAST_ASTRAY = 0.1


@dataclass(frozen=True, slots=True)
class Change:
    """How one column differs: the kind of change, its total variation between inside and outside, new values."""

    column: int
    kind: ChangeKind
    variation: float
    text: str
    novel: float = 0.0


def histograms(evidence: Evidence, column: int, inside: Index, outside: Index) -> tuple[Floats, Floats]:
    """Counts by code of the rows inside and outside, each of shape (codes,)."""
    codes, size = evidence.synthetic.codes[:, column], evidence.sizes[column]
    one, other = (np.bincount(codes[rows], minlength=size).astype(np.float64) for rows in (inside, outside))
    return one, other


def excess(inside: Floats, outside: Floats) -> tuple[float, float]:
    """By how much the mean of rows inside exceeds that outside, and in how many standard errors.

    A handful of rows may agree by accident: their own variance must not make them certain, so the larger one counts.
    """
    gain = float(inside.mean() - outside.mean())
    error = float(np.sqrt(max(inside.var(), outside.var()) / len(inside) + outside.var() / len(outside)))
    return gain, gain / error if error > 0 else float(np.sign(gain)) * np.inf if gain else 0.0


def changes_of(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> list[Change]:
    """The columns whose own distribution differs, most different first; of trending ones those parts that may not."""
    found = []
    alpha = ALPHA / len(evidence.columns)
    for column in range(len(evidence.columns)):
        one, other = histograms(evidence, column, inside, outside)
        if column in model.trending:
            found += _change_along(evidence, column, (one, other), alpha, inside, outside)
            continue
        novel, certain = _novel(evidence, model, column, inside, outside)
        new = certain > -float(ndtri(alpha / 4)) and novel >= _LEAST_ASTRAY
        if new or _differs(one, other, alpha / 4) or _moved(model, column, one, other, alpha / 4):
            found.append(_change(evidence, column, one, other, inside, outside, novel if new else 0.0))
    return sorted(found, key=lambda change: -change.variation)


def _moved(model: RowModel, column: int, one: Floats, other: Floats, alpha: float) -> bool:
    """Whether the mean rank, the distance from the middle or the surprise differs: few degrees of freedom see more."""
    table = model.columns[column]
    views = (table.rank, table.spread, table.surprise) if model.ordered(column) else (table.surprise,)
    limit = -float(ndtri(alpha / (2 * len(views))))
    for view in views:
        means, spreads = [], []
        for counts in (one, other):
            share = counts / counts.sum()
            means.append(float(share @ view))
            spreads.append(max(float(share @ view**2) - means[-1] ** 2, 0.0))
        error = np.sqrt(max(spreads) / one.sum() + spreads[1] / other.sum())
        if abs(means[0] - means[1]) > limit * error:
            return True
    return False


def _novel(evidence: Evidence, model: RowModel, column: int, inside: Index, outside: Index) -> tuple[float, float]:
    """How many more rows inside hold a number that the model's rows do not, as a share and in standard errors."""
    if column not in model.values:
        return 0.0, 0.0
    spec = evidence.schema.modelled[column]
    new = is_novel(evidence.synthetic.frame[spec.name], spec, model.values[column])
    return excess(new[inside], new[outside])


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


def _change_along(
    evidence: Evidence, column: int, counts: tuple[Floats, Floats], alpha: float, inside: Index, outside: Index
) -> list[Change]:
    """How a column that runs along the rows differs, in what does not depend on where along it the rows lie."""
    one, other = (np.array([part[0], part[1:].sum()]) for part in counts)
    nulls = one[0] / one.sum(), other[0] / other.sum()
    if nulls[0] > nulls[1] and _differs(one, other, alpha):
        return [Change(column, "nulls", nulls[0] - nulls[1], f"{nulls[0]:.0%} null instead of {nulls[1]:.0%}")]
    found = along(evidence.synthetic, evidence.schema.modelled[column])
    if found is None:
        return []
    kinds: tuple[tuple[ChangeKind, str], ...] = (
        ("stuck", "lie in longer runs of one value than nearly all others"),
        ("displaced", "lie far from the values around them"),
    )
    for (kind, text), figures in zip(kinds, found, strict=True):
        astray = (figures > np.quantile(figures[outside], 0.99) + 1.0).astype(np.float64)
        gain, certain = excess(astray[inside], astray[outside])
        if gain >= _LEAST_ASTRAY and certain > -float(ndtri(alpha / 2)):
            return [
                Change(column, "stuck" if kind == "stuck" else "displaced", gain, f"{gain:.0%} of its values {text}")
            ]
    return []


def _change(
    evidence: Evidence, column: int, one: Floats, other: Floats, inside: Index, outside: Index, novel: float
) -> Change:
    variation = max(float(total_variation(one, other)), novel)
    one, other = one / one.sum(), other / other.sum()
    more_nulls = float(one[0] - other[0])
    if more_nulls > variation / 2:
        return Change(column, "nulls", variation, f"{one[0]:.0%} null instead of {other[0]:.0%}")
    kind = evidence.schema.modelled[column].kind
    if kind in NUMERIC_KINDS:
        return _numeric_change(evidence, column, variation, inside, outside, novel)
    return _label_change(evidence, column, variation, one, other)


def _numeric_change(
    evidence: Evidence, column: int, variation: float, inside: Index, outside: Index, novel: float
) -> Change:
    spec = evidence.schema.modelled[column]
    values = numeric_view(evidence.synthetic.frame[spec.name], spec.kind).to_numpy().astype(np.float64)
    rows, other = inside[~np.isnan(values[inside])], values[outside]
    one, other = values[rows], other[~np.isnan(other)]
    if len(one) < 3 or len(other) < 3:
        return Change(column, "shift", variation, "too few values are left to say how they differ", novel)
    spread = max(float(other.std()), 1e-12)
    place = (rows - rows.mean()) / max(float(rows[-1] - rows[0]), 1.0)
    slope = float(place @ (one - one.mean()) / (place @ place))
    rest = one - one.mean() - slope * place
    error = float(rest.std()) / float(np.sqrt(place @ place))
    rising = abs(slope) > -float(ndtri(ALPHA / 2)) * error
    step, climb = float(one.mean() - other.mean()) / spread, slope / spread
    left = float(rest.std()) / spread
    ratio = float(np.clip(np.log(max(left, 1e-12)), -_MOST_LOG_RATIO, _MOST_LOG_RATIO))
    effects: dict[ChangeKind, float] = {
        "drift": abs(climb) / 2 if rising else 0.0,  # a ramp from nothing moves the mean by half its height
        "shift": abs(step) * (0.5 if rising and abs(climb) > abs(step) else 1.0),
        "noise": max(ratio, 0.0),
        "narrow": max(-ratio, 0.0),
    }
    kind = max(effects, key=lambda name: effects[name])
    gathered = _gathering(one, other)
    if gathered > variation / 2:
        return Change(column, "narrow", variation, f"a single value takes {gathered:.0%} more of it", novel)
    if novel and effects[kind] < _LEAST_EFFECT:
        return Change(column, "noise", variation, f"{novel:.0%} more values that other rows do not hold", novel)
    text = {
        "drift": f"moves by {climb:+.1f} standard deviations from its first row to its last",
        "shift": f"its mean lies {step:+.1f} standard deviations off",
        "noise": f"its spread is {left:.1f} times the usual",
        "narrow": f"its spread is {left:.2f} of the usual",
    }[kind]
    return Change(column, kind, variation, text, novel)


def _gathering(inside: Floats, outside: Floats) -> float:
    """By how much the share of one number grows most; 0 where there are so few numbers that a shift does it too."""
    values, counts = np.unique(inside, return_counts=True)
    usual, numbers = np.unique(outside, return_counts=True)
    if len(usual) < _MANY:
        return 0.0
    place = np.minimum(np.searchsorted(usual, values), len(usual) - 1)
    before = np.where(usual[place] == values, numbers[place], 0) / len(outside)
    return float((counts / len(inside) - before).max())


def _label_change(evidence: Evidence, column: int, variation: float, one: Floats, other: Floats) -> Change:
    gain = one - other
    risen = np.maximum(gain, 0.0)
    top = int(other.argmax())
    if risen[top] > 0.7 * risen.sum():
        return Change(
            column,
            "narrow",
            variation,
            f"{evidence.label(column, top)} takes {one[top]:.0%}, not {other[top]:.0%}",
        )
    known = np.flatnonzero(other > 0)
    scarce = known[other[known] < other[known].mean()]
    if (
        shannon(one, corrected=False) > shannon(other, corrected=False)
        and len(scarce)
        and float((gain[scarce] > 0).mean()) >= 0.6
    ):
        return Change(column, "noise", variation, "its categories are nearly equally frequent")
    label = evidence.label(column, int(np.abs(gain).argmax()))
    return Change(column, "shift", variation, f"{label} makes {gain[int(np.abs(gain).argmax())]:+.0%} more")
