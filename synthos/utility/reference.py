"""What the reference alone settles about one target: losses of real rows, and what leads to leaks from them.

Nothing here looks at a synthetic table, so that one ``RealSide`` judges as many of them as there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.results import NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import derive
from synthos.utility.design import Design, Floats, Rows, make_design
from synthos.utility.forests import Forest, Predictions, spread_out

#: Columns of which real rows teach less are left out: their losses are differences of nearly nothing.
LEAST_LEARNABLE = 0.1
#: ... and so are those whose gain over a constant is not this many standard errors from nothing.
CLEAR = 4.0
#: Rows that must have a value of the target.
LEAST_ROWS = 100
#: What forests on real rows miss shrinks by this factor when the rows double: the median of the columns of four tables.
DOUBLED = 0.8


@dataclass(frozen=True, slots=True)
class Afresh:
    """What real rows that are not the judges tell about them; see ``transfer``. All in units of the judges' mean gain.

    ``told`` = <P0, e> and ``agreed`` = <P0, F> about the middle of the reference, for predictions P0 of forests on real
    rows; ``error`` is the standard error of ``told``.
    """

    told: float
    agreed: float
    error: float


@dataclass(frozen=True, slots=True)
class RealSide:
    """One target, learned from the reference and judged on it (out of bag) or on the holdout.

    ``judges`` are the real rows asked, ``said`` what the reference's forest says of them, ``lost`` and ``constant`` the
    losses of that forest and of the reference's mean or label shares, shape (judges,). ``rows`` is how many reference
    rows taught a forest of ``trees``, ``twins`` the share of them that have an equal in another half. ``afresh`` is
    None with a holdout, whose rows no generator knows.
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
    afresh: Afresh | None

    @property
    def gain(self) -> Floats:
        """What the reference takes off the constant's loss, by judge."""
        return self.constant - self.lost


def learn(name: str, evidence: Evidence, rows: int, trees: int) -> RealSide | NotApplicable:
    """The forests of target ``name`` on ``rows`` reference rows; not applicable where real rows do not teach it.

    Raises
    ------
    ConfigError : there is no reference.
    """
    design = make_design(name, evidence, rows)
    real = design.reference
    if len(real) < LEAST_ROWS or not design.features:
        return NotApplicable(reason=f"too few rows have a value of {name}, or there is no other column")
    assert evidence.reference is not None
    seed = derive("utility", evidence.reference.profile.fingerprint, name)
    forest = Forest(design.target, real, seed, trees, bagged=True)
    judges = design.holdout or real
    truth, middle = spread_out(design.target, judges), spread_out(design.target, real).mean(axis=0, dtype=np.float64)
    said = forest.predict(judges.x) if design.holdout else forest.out_of_bag(real.x)
    heard = np.flatnonzero(np.isfinite(said).all(axis=1))
    judges, truth, said = judges.take(heard), truth[heard], said[heard]
    constant, lost = loss(middle, truth), loss(said, truth)
    gain = constant - lost
    if gain.mean() < max(LEAST_LEARNABLE * constant.mean(), CLEAR * gain.std() / np.sqrt(len(gain))):
        return NotApplicable(reason=f"real rows hardly teach {name}")
    half, other = halves(real, seed)
    twins = float(np.isin(half.key, other.key).mean())
    afresh = None if design.holdout else _afresh(design, (half, other), middle, seed, trees)
    return RealSide(design, judges, truth, said, middle, lost, constant, len(real), trees, twins, afresh)


def loss(said: npt.NDArray[np.floating], truth: Predictions) -> Floats:
    """Squared distance by row: the Brier score of label shares, the squared error of ranks."""
    return np.asarray(((said - truth).astype(np.float64) ** 2).sum(axis=1))


def inner(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Floats:
    """Inner products by row."""
    return np.asarray((a.astype(np.float64) * b).sum(axis=1))


def halves(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Two random halves."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows.take(order[: len(rows) // 2]), rows.take(order[len(rows) // 2 :])


def _afresh(design: Design, parts: tuple[Rows, Rows], middle: Floats, seed: int, trees: int) -> Afresh | None:
    """Halves of the reference judge each other; None where they teach each other nothing."""
    forests = [Forest(design.target, part, seed + 1 + at, trees, bagged=True) for at, part in enumerate(parts)]
    figures = []
    for at, part in enumerate(parts):
        inside = forests[at].out_of_bag(part.x)
        heard = np.flatnonzero(np.isfinite(inside).all(axis=1))
        truth, inside = spread_out(design.target, part)[heard], inside[heard]
        away = forests[1 - at].predict(part.x[heard])
        told, agreed = inner(away - middle, truth - inside), inner(away - middle, inside - middle)
        figures.append(np.column_stack([told, agreed, loss(middle, truth) - loss(away, truth)]))
    rows = np.concatenate(figures)
    told, agreed, gain = rows.mean(axis=0)
    if gain <= 0.0 or agreed <= 0.0:
        return None
    error = rows[:, 0].std() / np.sqrt(len(rows)) / gain
    return Afresh(told=DOUBLED * max(float(told / gain), 0.0), agreed=float(agreed / gain), error=float(error))
