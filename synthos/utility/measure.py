"""All columns together: the utility loss of a synthetic table, with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthos.results import ColumnUtility, Interval, NotApplicable, Utility
from synthos.sampling.evidence import Evidence
from synthos.utility.design import common_rows
from synthos.utility.reference import LEAST_LEARNABLE, LEAST_ROWS, UNTAUGHT, RealSide, learn, taught
from synthos.utility.store import AnswerStore
from synthos.utility.transfer import MOST_LOSS, Judged, Taught, judge, teach, weigh

NO_REFERENCE = NotApplicable(
    reason="models are judged on real rows; without a reference table nobody can say what they would lose"
)
#: The judges' spread is about half of the variance of a loss: which rows were drawn to teach is the other half.
TEACHERS = 2.0
LEVEL = 1.96
#: What shared chance takes off, as a multiple of what other real rows tell, and the mean leak at which half of it is
#: shared. Chosen on ten tables, in the middle of a plateau.
SHARED, HALF = 3.0, 0.05
#: Standard errors taken off a leak, so that chance is not taken for memory.
SURE = 1.5

Sides = Mapping[str, RealSide | NotApplicable]
Columns = Mapping[str, Judged | NotApplicable]


def learn_columns(
    folder: Path | None, names: Sequence[str], trees: int, evidence: Evidence
) -> dict[str, RealSide | NotApplicable]:
    """What the reference settles about the targets ``names``; answers are kept in ``folder``, unless it is None.

    Raises
    ------
    ConfigError : there is no reference.
    InputError : the folder cannot be written.
    """
    return {name: learn_column(name, trees, folder, evidence) for name in names}


def learn_column(name: str, trees: int, folder: Path | None, evidence: Evidence) -> RealSide | NotApplicable:
    """``learn_columns`` of one."""
    store = AnswerStore(folder) if folder is not None else None
    return learn(name, evidence, common_rows(evidence), trees, store)


def measure_column(name: str, trees: int, folder: Path | None, evidence: Evidence) -> Judged | NotApplicable:
    """One target from beginning to end, by forests of ``trees``; what the reference settles is kept in ``folder``.

    Raises
    ------
    ConfigError : there is no reference.
    InputError : the folder cannot be written.
    """
    side = learn_column(name, trees, folder, evidence)
    return side if isinstance(side, NotApplicable) else judge(side, evidence)


def teach_all(sides: Sides, evidence: Evidence) -> dict[str, Taught]:
    """The forests' answers, for ``weigh_all``: nothing has to be learned anew where other judges are asked."""
    return {name: teach(side, evidence) for name, side in sides.items() if not isinstance(side, NotApplicable)}


def weigh_all(
    sides: Sides, taught: Mapping[str, Taught], lent: npt.NDArray[np.uint64] | None = None
) -> dict[str, Judged | NotApplicable]:
    """The answers of all targets, for ``join``; reference rows whose keys are in ``lent`` are not asked."""
    return {
        name: side if isinstance(side, NotApplicable) else weigh(side, taught[name], lent)
        for name, side in sides.items()
    }


def difference_error(before: Columns, after: Columns) -> float:
    """Standard error of the difference of two losses that the same judges gave, judge by judge.

    Columns and judges that one of them lacks are left out. Like the error of one loss it is widened for the rows that
    happened to teach: ``TEACHERS``.
    """
    pairs, weights = [], []
    for name, first in before.items():
        second = after.get(name)
        if not isinstance(first, Judged) or not isinstance(second, Judged) or not _weight(first):
            continue
        here, there = np.isin(first.places, second.places), np.isin(second.places, first.places)
        # The judges keep their order, so that the rows that both asked stand side by side.
        pairs.append(replace(first, shares=(second.shares[there] - first.shares[here]), places=first.places[here]))
        weights.append(_weight(first))
    total = np.array(weights)
    return float(np.sqrt(TEACHERS)) * _error(pairs, total / total.sum()) if pairs else float("inf")


def join(columns: Columns, evidence: Evidence) -> Utility | NotApplicable:
    """The answers of all targets as one; not applicable where no column of the reference can be predicted.

    Columns are weighted by the root of what real rows teach of them above ``LEAST_LEARNABLE``: losses of columns that
    are hard to learn are differences of little, and vary the more. The interval (95 %) is the judges' standard error,
    each judge with all of its columns, widened for the rows that happened to teach.
    """
    judged = [answer for answer in columns.values() if isinstance(answer, Judged) and _weight(answer) > 0.0]
    if not judged:
        reasons = Counter(item.reason if isinstance(item, NotApplicable) else UNTAUGHT for item in columns.values())
        told = "; ".join(f"{reason} ({count} of {len(columns)} columns)" for reason, count in reasons.most_common())
        return NotApplicable(reason=f"there is nothing that a model could learn and be judged on: {told}")
    weights = np.array([_weight(item) for item in judged])
    weights /= weights.sum()
    answers = _with_hidden(judged, weights)
    loss = float(weights @ [answer.loss for answer in answers])
    margin = LEVEL * float(np.sqrt(TEACHERS)) * _error(judged, weights)
    skipped = len(columns) - len(judged)
    bare = [item.answer.column for item in judged if item.rows < LEAST_ROWS]
    notes = []
    if bare:
        notes.append(f"the synthetic table has hardly any value of {', '.join(bare)}, and so teaches nothing of it")
    if skipped:
        notes.append(f"{skipped} of {len(columns)} columns cannot be predicted from the others and were left out")
    if len(columns) < len(evidence.columns):
        notes.append(f"{len(columns)} of {len(evidence.columns)} columns were tried, chosen at random")
    return Utility(
        loss=loss,
        interval=Interval(low=loss - margin, high=loss + margin),
        hidden=float(weights @ [answer.hidden for answer in answers]),
        columns=tuple(sorted(answers, key=lambda answer: -answer.loss)),
        judged_on="reference" if evidence.holdout is None else "holdout",
        rows=max(item.rows for item in judged),
        judges=max(len(item.places) for item in judged),
        copied=max(item.copied for item in judged),
        notes=tuple(notes),
    )


def _with_hidden(judged: Sequence[Judged], weights: np.ndarray) -> list[ColumnUtility]:
    """The columns' answers with what rows known by heart took off their losses.

    A leak takes twice itself off a squared loss. And who knows the reference shares its chance: where the forest that
    judges took chance for a rule, so does the synthetic one, and is right among the judges. That shows in no leak. It
    grows with what other real rows tell beyond that forest, and with how much is known, of which all columns speak
    together.
    """
    leaks = np.array([max(item.leak - SURE * item.leak_error, 0.0) for item in judged])
    mean = float(weights @ leaks)
    chance = np.array([max(item.told_afresh, 0.0) for item in judged])
    parts = 2.0 * leaks + SHARED * chance * mean / (mean + HALF)
    return [
        replace(item.answer, hidden=float(part), loss=min(item.answer.apparent + float(part), MOST_LOSS))
        for item, part in zip(judged, parts, strict=True)
    ]


def _weight(item: Judged) -> float:
    share = taught(item.answer.learnable, item.answer.metric)
    return float(np.sqrt(max(share - LEAST_LEARNABLE, 0.0)))


def _error(judged: Sequence[Judged], weights: np.ndarray) -> float:
    """Standard error of the weighted mean loss, from the judges' own parts of it added up over the columns."""
    known = {key: at for at, key in enumerate(np.unique(np.concatenate([item.places for item in judged])).tolist())}
    parts = np.zeros(len(known))
    for item, weight in zip(judged, weights, strict=True):
        places = np.array([known[key] for key in item.places.tolist()])
        np.add.at(parts, places, weight * (item.shares - item.shares.mean()) / len(places))
    return float(np.sqrt((parts**2).sum()))
