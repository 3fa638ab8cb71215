"""What is wrong with a run of rows, in which columns: rows inside are compared with the rows outside all regions.

Every question is one that a person would ask. Are these rows copies? Do they break a rule that others keep, and does
nothing else but its columns differ? Do single columns differ, and how? Do the columns still belong together?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthos.localization.changes import ALPHA, Change, ChangeKind, changes_of, excess, histograms
from synthos.localization.channels import RowModel, is_novel, row_hashes
from synthos.localization.narrowing import mode_or_tailcut
from synthos.localization.rules import Rule, find_rules
from synthos.results import Issue
from synthos.sampling.evidence import Evidence
from synthos.tables.schema import NUMERIC_KINDS

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Pair = tuple[int, int, float]

#: Pairs without the blamed column may lose this share of all bits by accident.
_ELSEWHERE = 0.05
#: Share of rows that must be copies (or break a rule), beyond the share outside, to be called that.
_LEAST_SHARE = 0.05
#: Where nearly all rows are copies of fewer than so many, no more can be said of them than that.
_NEARLY_ALL, _FEW_ROWS = 0.9, 30
#: Share of rows that must break a rule that is not telling: two columns that changed places, not one that moved.
_MOST_ROWS = 0.5
#: Columns that a rule has at most.
_MOST_RULED = 3
#: Kinds of change that break rules without being about them.
_OF_ITS_OWN: frozenset[ChangeKind] = frozenset({"nulls", "drift", "narrow", "stuck", "displaced"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The issue, the columns to blame (worst first), and one sentence with the figures behind it; ``faint`` where no
    column and no pair of columns differs by itself."""

    issue: Issue
    columns: tuple[str, ...]
    detail: str
    faint: bool = False


def diagnose(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> Diagnosis:
    """Name the issue of the sampled rows ``inside`` against the rows ``outside``; both are row numbers, ascending."""
    names = evidence.columns
    hashes = row_hashes(evidence.synthetic.frame, evidence.schema)
    copies, copied = _copies(hashes, inside, outside), _copied(evidence, hashes, inside, outside)
    judged = inside
    if copies > _LEAST_SHARE:  # a row that stands there a hundred times is one observation
        judged = inside[np.sort(np.unique(hashes[inside], return_index=True)[1])]
    if copies > _NEARLY_ALL and len(judged) < _FEW_ROWS:
        return _duplicates(names, copies, len(judged))
    changes = changes_of(evidence, model, judged, outside)
    pairs = _lost_pairs(evidence, model, judged, outside)
    unlike = [change for change in changes if change.column not in model.trending]
    if not unlike and not pairs and max(copies, copied) > _LEAST_SHARE:
        if copies >= copied:
            return _duplicates(names, copies, len(judged))
        return Diagnosis("copied", names, f"{copied:.0%} more of the rows equal a reference row than elsewhere")
    broken = _broken_rule(evidence, model, changes, pairs, judged, outside)
    if broken is not None:
        return broken
    flipped = _flipped(evidence, model, changes, pairs, judged, outside)
    if flipped is not None:
        return flipped
    if changes:
        return _marginal(evidence, changes, pairs, inside, outside)
    if pairs:
        return _dependence(evidence, pairs)
    return _faint(evidence, model, inside, outside)


def _duplicates(names: tuple[str, ...], copies: float, distinct: int) -> Diagnosis:
    kinds = "one row" if distinct == 1 else f"{distinct:,} different rows"
    text = f"{copies:.0%} more of the rows repeat another row than elsewhere; the run holds {kinds}"
    return Diagnosis("duplicates", names, text)


def _copies(hashes: npt.NDArray[np.uint64], inside: Index, outside: Index) -> float:
    """Share of inside rows that repeat another, beyond what outside rows show: one of their own, or one anywhere."""
    count = min(len(inside), len(outside))
    one, other = (rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)] for rows in (inside, outside))
    own = (len(np.unique(hashes[other])) - len(np.unique(hashes[one]))) / count
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    repeated = counts[inverse] > 1
    return max(own, float(repeated[inside].mean() - repeated[outside].mean()))


def _copied(evidence: Evidence, hashes: npt.NDArray[np.uint64], inside: Index, outside: Index) -> float:
    """Share of inside rows that equal a reference row, beyond the outside share; 0 without a reference."""
    if evidence.reference is None:
        return 0.0
    hit = np.isin(hashes, row_hashes(evidence.reference.frame, evidence.schema))
    return float(hit[inside].mean() - hit[outside].mean())


def _elsewhere(pairs: Sequence[Pair], columns: set[int]) -> float:
    """Share of the bits lost that pairs without any of ``columns`` lose."""
    total = sum(lost for *_, lost in pairs)
    return sum(lost for one, other, lost in pairs if not {one, other} & columns) / total if total else 0.0


def _broken_rule(
    evidence: Evidence, model: RowModel, changes: Sequence[Change], pairs: Sequence[Pair], inside: Index, outside: Index
) -> Diagnosis | None:
    """The rule that is broken most, where nothing but its columns differs."""
    changed = {change.column for change in changes}
    if len(changed) > _MOST_RULED:
        return None
    kept = model.rules if evidence.reference is not None else find_rules(evidence, outside)
    own = bool(changes) and all(change.kind in _OF_ITS_OWN for change in changes)
    best: tuple[float, int] | None = None
    for place, rule in enumerate(kept.rules):
        columns = set(rule.columns)
        if not changed <= columns or _elsewhere(pairs, columns) > _ELSEWHERE or (own and changed != columns):
            continue
        flags = kept.broken[:, place].astype(np.float64)
        share, certain = excess(flags[inside], flags[outside])
        enough = share > _LEAST_SHARE if rule.telling else changed == columns and share > _MOST_ROWS
        enough = enough and not _made_up(evidence, model, rule, inside, outside)
        if enough and certain > -float(ndtri(ALPHA)) and (best is None or share > best[0]):
            best = share, place
    if best is None:
        return None
    rule = kept.rules[best[1]]
    names = tuple(evidence.columns[column] for column in rule.columns)
    return Diagnosis("rule_break", names, f"{best[0]:.0%} more of the rows break the rule that {rule.text}")


def _made_up(evidence: Evidence, model: RowModel, rule: Rule, inside: Index, outside: Index) -> bool:
    """Whether a column of the rule mostly holds numbers that no column of the rule holds elsewhere."""
    known = [model.values[column] for column in rule.columns if column in model.values]
    for column in rule.columns:
        if column in model.values:
            spec = evidence.schema.modelled[column]
            new = is_novel(evidence.synthetic.frame[spec.name], spec, np.unique(np.concatenate(known)))
            if new[inside].mean() - new[outside].mean() > _MOST_ROWS:
                return True
    return False


def _flipped(
    evidence: Evidence, model: RowModel, changes: Sequence[Change], pairs: Sequence[Pair], inside: Index, outside: Index
) -> Diagnosis | None:
    """One column of labels that no longer follows from the others, which are as they were."""
    if len(changes) == 1 and changes[0].kind in ("shift", "noise"):
        suspects = [changes[0].column]
    elif not changes and pairs:
        suspects = sorted(set(pairs[0][:2]))
    else:
        return None
    dependence = model.dependence(evidence.synthetic.codes)
    found: list[tuple[float, int]] = []
    for column in suspects:
        is_label = evidence.schema.modelled[column].kind not in NUMERIC_KINDS
        if not is_label or column not in dependence or _elsewhere(pairs, {column}) > _ELSEWHERE:
            continue
        bits = dependence[column].astype(np.float64)
        gain, certain = excess(bits[inside], bits[outside])
        if -certain > -float(ndtri(ALPHA)):
            found.append((gain, column))
    if not found:
        return None
    lost, column = min(found)
    name = evidence.columns[column]
    return Diagnosis("label_flip", (name,), f"{name} says {-lost:.2f} bits per row less about a column than elsewhere")


def _marginal(
    evidence: Evidence, changes: Sequence[Change], pairs: Sequence[Pair], inside: Index, outside: Index
) -> Diagnosis:
    """The kind of change that carries most of the total variation names the issue; all columns that differ are blamed,
    and those that fell out with a column that does not."""
    weight: dict[ChangeKind, float] = {}
    for change in changes:
        weight[change.kind] = weight.get(change.kind, 0.0) + change.variation
    kind = max(weight, key=lambda name: weight[name])
    leading = [change for change in changes if change.kind == kind]
    issue: Issue
    if kind == "narrow":
        counts = [histograms(evidence, change.column, inside, outside) for change in leading]
        ordered = [evidence.schema.modelled[change.column].kind in NUMERIC_KINDS for change in leading]
        issue = mode_or_tailcut(counts, ordered)
    else:
        issue = "mode" if kind == "stuck" else "shuffled" if kind == "displaced" else kind
    columns = [change.column for change in leading]
    columns += [change.column for change in changes if change.kind != kind]
    text = f"{evidence.columns[columns[0]]}: {leading[0].text}; {len(changes)} columns differ by themselves"
    columns += _fallen_out([pair for pair in pairs if not set(pair[:2]) & set(columns)])
    return Diagnosis(issue, tuple(evidence.columns[column] for column in columns), text)


def _lost_pairs(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> list[Pair]:
    """Pairs that belong together less than outside, with the bits per row that they lose."""
    found = []
    codes = evidence.synthetic.codes
    limit = -float(ndtri(ALPHA / max(1, len(model.pairs))))
    for left, right, table in model.pairs:
        bits = table[codes[:, left], codes[:, right]].astype(np.float64)
        gain, certain = excess(bits[inside], bits[outside])
        if -certain > limit:
            found.append((left, right, -gain))
    return sorted(found, key=lambda pair: -pair[2])


def _fallen_out(pairs: Sequence[Pair]) -> list[int]:
    """Columns of the ``pairs``, those that lose most bits first."""
    lost: dict[int, float] = {}
    for left, right, bits in pairs:
        lost[left] = lost.get(left, 0.0) + bits
        lost[right] = lost.get(right, 0.0) + bits
    return sorted(lost, key=lambda column: (-lost[column], column))


def _dependence(evidence: Evidence, pairs: Sequence[Pair]) -> Diagnosis:
    """Columns keep their own distributions but not each other: all that lost a partner, or the one that all lost."""
    ranked = _fallen_out(pairs)
    if len(pairs) > 1 and _elsewhere(pairs, {ranked[0]}) <= _ELSEWHERE:
        ranked = ranked[:1]
    names = tuple(evidence.columns[column] for column in ranked)
    text = f"pairs of columns lose up to {pairs[0][2]:.2f} bits per row of what they say about each other"
    return Diagnosis("shuffled", names, text)


def _faint(evidence: Evidence, model: RowModel, inside: Index, outside: Index) -> Diagnosis:
    """No column and no pair stands out by itself: the change is too thin to name."""
    channels, values = model.measure(evidence.synthetic.frame, evidence.synthetic.codes)
    effects = [
        (abs(float(v[inside].mean() - v[outside].mean())) / max(float(v.std()), 1e-9), channel.column)
        for channel, v in zip(channels, values, strict=True)
    ]
    name = evidence.columns[max(effects)[1]]
    return Diagnosis("shift", (name,), f"{name} differs most, by {max(effects)[0]:.2f} standard deviations", True)
