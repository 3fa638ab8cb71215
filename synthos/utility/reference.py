"""What the reference alone settles about one target: losses of real rows, and what leads to leaks from them.

Nothing here looks at a synthetic table, so that one ``RealSide`` judges as many of them as there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from synthos.results import NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import derive
from synthos.utility.design import Design, Floats, Rows, make_design
from synthos.utility.forests import Forest, Predictions, spread_out
from synthos.utility.store import Answers, AnswerStore, answers_key

#: Share of the error that real rows must take off a column; see ``taught``. The losses of others are differences of
#: nearly nothing.
LEAST_LEARNABLE = 0.08
#: ... and so are those whose gain over a constant is not this many standard errors from nothing.
CLEAR = 4.0
#: Rows that must have a value of the target.
LEAST_ROWS = 100

#: Why a column says nothing.
FEW_VALUES = f"fewer than {LEAST_ROWS} real rows have a value of the column"
UNTAUGHT = "real rows hardly teach the column"

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Afresh:
    """What real rows that are not the judges tell about them, by judge, shape (judges,); see ``transfer``.

    ``told`` = <P0, e> and ``agreed`` = <P0, F> about the middle of the reference, for predictions P0 of forests on one
    half of the reference and the judges in the other; ``gain`` is what P0 takes off the constant's loss. NaN where no
    tree of a half has an out-of-bag answer.
    """

    told: Floats
    agreed: Floats
    gain: Floats


@dataclass(frozen=True, slots=True)
class RealSide:
    """One target, learned from the reference and judged on it (out of bag) or on the holdout.

    ``judges`` are the real rows asked, ``said`` what the reference's forest says of them, ``lost`` and ``constant`` the
    losses of that forest and of the reference's mean or label shares, shape (judges,). ``rows`` is how many reference
    rows taught a forest of ``trees``, ``twins`` the share of them that have an equal in another half. ``repeated`` says
    which judges have an equal in the reference, shape (judges,). ``afresh`` is None with a holdout, whose rows no
    generator knows.
    """

    design: Design
    judges: Rows
    truth: Predictions
    said: Predictions
    middle: Floats
    lost: Floats
    constant: Floats
    rows: int
    trees: int
    twins: float
    repeated: npt.NDArray[np.bool_]
    afresh: Afresh | None

    @property
    def gain(self) -> Floats:
        """What the reference takes off the constant's loss, by judge."""
        return self.constant - self.lost


def learn(
    name: str, evidence: Evidence, rows: int, trees: int, store: AnswerStore | None = None
) -> RealSide | NotApplicable:
    """The forests of target ``name`` on ``rows`` reference rows; not applicable where real rows do not teach it.

    What they say is read from ``store`` where it was kept there, and kept where not.

    Raises
    ------
    ConfigError : there is no reference.
    InputError : the store cannot be written.
    """
    design = make_design(name, evidence, rows)
    real = design.reference
    if len(real) < LEAST_ROWS or not design.features:
        return NotApplicable(reason=FEW_VALUES if design.features else "there is no other column to predict from")
    assert evidence.reference is not None
    seed = derive("utility", evidence.reference.profile.fingerprint, name)
    judges = design.holdout or real
    answers = _answers(design, seed, trees, store)
    truth, middle = spread_out(design.target, judges), spread_out(design.target, real).mean(axis=0, dtype=np.float64)
    heard = np.flatnonzero(np.isfinite(answers.said).all(axis=1))
    judges, truth, said = judges.take(heard), truth[heard], answers.said[heard]
    if len(judges) < LEAST_ROWS:
        return NotApplicable(reason=FEW_VALUES)
    constant, lost = loss(middle, truth), loss(said, truth)
    gain = constant - lost
    if constant.mean() <= 0.0:
        return NotApplicable(reason="the column always has the same value")
    clear = gain.mean() >= CLEAR * gain.std() / np.sqrt(len(gain))
    if not clear or taught(gain.mean() / constant.mean(), design.target.metric) < LEAST_LEARNABLE:
        return NotApplicable(reason=UNTAUGHT)
    half, other = halves(len(real), seed)
    twins = float(np.isin(real.key[half], real.key[other]).mean())
    _, place, counts = np.unique(real.key, return_inverse=True, return_counts=True)
    repeated = (counts[place] > 1)[heard] if design.holdout is None else np.zeros(len(judges), bool)
    afresh = None
    if design.holdout is None:
        afresh = Afresh(answers.told[heard], answers.agreed[heard], answers.gain[heard])
    return RealSide(
        design=design,
        judges=judges,
        truth=truth,
        said=said,
        middle=middle,
        lost=lost,
        constant=constant,
        rows=len(real),
        trees=trees,
        twins=twins,
        repeated=repeated,
        afresh=afresh,
    )


def taught(learnable: float, metric: str) -> float:
    """Share of the error that real rows take off, from that of the loss: the squared error of ranks counts by its root.

    Both are in (-inf, 1]; the Brier score is taken as it is.
    """
    return float(1.0 - np.sqrt(1.0 - learnable)) if metric == "squared_error" else learnable


def loss(said: npt.NDArray[np.floating], truth: Predictions) -> Floats:
    """Squared distance by row: the Brier score of label shares, the squared error of ranks."""
    return np.asarray(((said - truth).astype(np.float64) ** 2).sum(axis=1))


def inner(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Floats:
    """Inner products by row."""
    return np.asarray((a.astype(np.float64) * b).sum(axis=1))


def halves(rows: int, seed: int) -> tuple[Places, Places]:
    """Places of two random halves of ``rows`` rows."""
    order = np.random.default_rng(seed).permutation(rows)
    return order[: rows // 2], order[rows // 2 :]


def _answers(design: Design, seed: int, trees: int, store: AnswerStore | None) -> Answers:
    """What forests on the reference say of the holdout, or out of bag of the reference, and halves of it of another."""
    real, judges = design.reference, design.holdout or design.reference
    fresh = design.holdout is not None
    key = answers_key(design.target, real, judges, fresh=fresh, trees=trees, seed=seed)
    kept = store.read(key) if store is not None else None
    if kept is not None:
        return kept
    forest = Forest(design.target, real, seed, trees, bagged=True)
    none = np.empty(0)
    if fresh:
        answers = Answers(forest.predict(judges.x), none, none, none)
    else:
        answers = Answers(forest.out_of_bag(real.x), *_afresh(design, halves(len(real), seed), seed, trees))
    if store is not None:
        store.keep(key, answers)
    return answers


def _afresh(design: Design, parts: tuple[Places, Places], seed: int, trees: int) -> tuple[Floats, Floats, Floats]:
    """Halves of the reference judge each other: what ``Afresh`` holds, of every reference row."""
    rows = design.reference
    middle = spread_out(design.target, rows).mean(axis=0, dtype=np.float64)
    grow = partial(Forest, design.target, trees=trees, bagged=True)
    forests = [grow(rows.take(part), seed + 1 + at) for at, part in enumerate(parts)]
    told, agreed, gain = (np.full(len(rows), np.nan) for _ in range(3))
    for at, part in enumerate(parts):
        asked = rows.take(part)
        inside, away = forests[at].out_of_bag(asked.x), forests[1 - at].predict(asked.x)
        truth = spread_out(design.target, asked)
        told[part] = inner(away - middle, truth - inside)
        agreed[part] = inner(away - middle, inside - middle)
        gain[part] = np.where(np.isfinite(told[part]), loss(middle, truth) - loss(away, truth), np.nan)
    return told, agreed, gain
