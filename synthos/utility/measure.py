"""All columns together: the utility loss of a synthetic table, with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthos.results import Interval, NotApplicable, Utility
from synthos.sampling.evidence import Evidence
from synthos.utility.design import common_rows, targets
from synthos.utility.forests import TREES
from synthos.utility.reference import RealSide, learn
from synthos.utility.transfer import Judged, judge

NO_REFERENCE = NotApplicable(
    reason="models are judged on real rows; without a reference table nobody can say what they would lose"
)
#: The judges' spread is about half of the variance of a loss: which rows were drawn to teach is the other half.
TEACHERS = 2.0
LEVEL = 1.96

Columns = Mapping[str, Judged | NotApplicable]


def learn_all(evidence: Evidence, trees: int = TREES) -> dict[str, RealSide | NotApplicable]:
    """What the reference settles, by target: as many rows as both tables have. Reusable for other synthetic tables.

    Raises
    ------
    ConfigError : there is no reference.
    """
    rows = common_rows(evidence)
    return {name: learn(name, evidence, rows, trees) for name in targets(evidence)}


def measure_column(name: str, trees: int, evidence: Evidence) -> Judged | NotApplicable:
    """One target from beginning to end, by forests of ``trees``.

    Raises
    ------
    ConfigError : there is no reference.
    """
    side = learn(name, evidence, common_rows(evidence), trees)
    return side if isinstance(side, NotApplicable) else judge(side, evidence)


def judge_all(sides: Mapping[str, RealSide | NotApplicable], evidence: Evidence) -> Utility | NotApplicable:
    """The synthetic table of ``evidence`` against what was learned from the reference."""
    found = {name: side if isinstance(side, NotApplicable) else judge(side, evidence) for name, side in sides.items()}
    return join(found, evidence)


def join(columns: Columns, evidence: Evidence) -> Utility | NotApplicable:
    """The answers of all targets as one; not applicable where no column of the reference can be predicted.

    Columns are weighted by the root of what real rows teach of them: losses of columns that are hard to learn are
    differences of little, and vary the more. The interval (95 %) is the judges' standard error, each judge with all of
    its columns, widened for the rows that happened to teach.
    """
    judged = [answer for answer in columns.values() if isinstance(answer, Judged)]
    if not judged:
        reasons = {answer.reason for answer in columns.values() if isinstance(answer, NotApplicable)}
        single = len(reasons) == 1
        why = reasons.pop() if single else "real rows teach no column from the others"
        return NotApplicable(reason=f"there is nothing that a model could learn: {why}" if not single else why)
    weights = np.array([np.sqrt(max(item.answer.learnable, 0.0)) for item in judged])
    weights /= weights.sum()
    loss = float(weights @ [item.answer.loss for item in judged])
    margin = LEVEL * float(np.sqrt(TEACHERS)) * _error(judged, weights)
    skipped = len(columns) - len(judged)
    notes = []
    if skipped:
        notes.append(f"{skipped} of {len(columns)} columns cannot be predicted from the others and were left out")
    if len(columns) < len(evidence.columns):
        notes.append(f"{len(columns)} of {len(evidence.columns)} columns were tried, chosen at random")
    return Utility(
        loss=loss,
        interval=Interval(low=loss - margin, high=loss + margin),
        hidden=float(weights @ [item.answer.hidden for item in judged]),
        columns=tuple(sorted((item.answer for item in judged), key=lambda answer: -answer.loss)),
        judged_on="reference" if evidence.holdout is None else "holdout",
        rows=max(item.rows for item in judged),
        judges=max(len(item.places) for item in judged),
        copied=max(item.copied for item in judged),
        notes=tuple(notes),
    )


def _error(judged: Sequence[Judged], weights: np.ndarray) -> float:
    """Standard error of the weighted mean loss, from the judges' own parts of it added up over the columns."""
    known = {key: at for at, key in enumerate(np.unique(np.concatenate([item.places for item in judged])).tolist())}
    parts = np.zeros(len(known))
    for item, weight in zip(judged, weights, strict=True):
        places = np.array([known[key] for key in item.places.tolist()])
        np.add.at(parts, places, weight * (item.shares - item.shares.mean()) / len(places))
    return float(np.sqrt((parts**2).sum()))
