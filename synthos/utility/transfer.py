"""What forests lose when synthetic rows stand in for real ones: train on synthetic, test on real (Esteban et al. 2017).

For each column that real rows teach to predict, one forest learns from S and one from as many rows of R; both are
judged on real rows, and

    apparent = (loss(S) - loss(R)) / (loss(constant) - loss(R)).

Without a holdout the judges are the rows of R: the forest on R answers out of bag, but the generator of S has seen
them, and one that knows them by heart makes S look better than it is. How much better is read from the forests. Let F
be the out-of-bag predictions on R and e what they leave of the judges' values. Real rows that are not the judges tell
of e only what F misses, the less the further they lead away from F. What predictions P of a forest on S tell beyond,

    leak = <P, e> - DOUBLED <P0, e> (<P, F> / <P0, F>) ** ATTENUATION,    P0: predictions of forests on other real rows,

comes from the judges themselves. It took 2 leak off the squared loss, and more than that is hidden: rows known by heart
share the errors of F as well, which takes from <P, e> what they add to it. ``measure.join`` says how much, from all
columns together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.results import ColumnUtility, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import derive
from synthos.utility.design import Floats, rows_of
from synthos.utility.forests import Forest, Predictions
from synthos.utility.reference import FEW_VALUES, LEAST_ROWS, UNTAUGHT, RealSide, inner, loss

#: No column counts for more than this, as in the benchmark's own measure.
MOST_LOSS = 1.5
#: Exponent of the agreement; chosen on four tables of the bench, in the middle of a wide plateau.
ATTENUATION = 1.4
#: What forests on real rows miss shrinks by this factor when rows double: the median over the columns of four tables.
DOUBLED = 0.8
#: More agreement with real rows than real rows themselves have says nothing more.
MOST_AGREEMENT = 1.2
#: Copies of judges are not asked where there are so many more than real rows have among themselves.
MORE_COPIES = 0.02
COPIED = "nearly every reference row stands in the synthetic table word for word"


@dataclass(frozen=True, slots=True)
class Judged:
    """One column's answer, as it appears: ``answer.hidden`` is 0 until ``measure.join`` has seen all columns.

    ``shares`` has each judge's part of ``answer.apparent``, shape (judges,); their mean is it. ``leak``, its standard
    error and ``told_afresh`` = <P0, e> are in the unit of the loss; 0 of a holdout, whose rows nobody knows.
    ``places`` are the judges' keys, so that the same judge is known again in another column. ``copied`` is the share of
    the judges that stand in the synthetic table word for word and were not asked.
    """

    answer: ColumnUtility
    shares: Floats
    places: npt.NDArray[np.uint64]
    rows: int
    copied: float
    leak: float
    leak_error: float
    told_afresh: float


@dataclass(frozen=True, slots=True)
class Taught:
    """What a forest that learned one column from synthetic rows says of the judges, shape (judges, ...) as ``said``.

    ``keys`` are those of the rows that taught, shape (rows,).
    """

    said: Predictions
    keys: npt.NDArray[np.uint64]


def judge(side: RealSide, evidence: Evidence) -> Judged | NotApplicable:
    """Train a forest on as many synthetic rows as ``side`` had real ones, and judge it."""
    return weigh(side, teach(side, evidence))


def teach(side: RealSide, evidence: Evidence) -> Taught:
    """Train a forest on as many synthetic rows as ``side`` had real ones, or on all that have the target if fewer.

    Of ``LEAST_ROWS`` at least a forest is made; fewer teach nothing, and what is said is the reference's middle.
    """
    design, arm = side.design, evidence.synthetic
    synthetic = rows_of(arm, evidence, design, side.rows)
    if len(synthetic) < LEAST_ROWS:
        return Taught(np.broadcast_to(side.middle.astype(np.float32), side.truth.shape), synthetic.key)
    seed = derive("utility", str(evidence.seed), arm.profile.fingerprint, design.target.name)
    return Taught(Forest(design.target, synthetic, seed, side.trees).predict(side.judges.x), synthetic.key)


def weigh(side: RealSide, taught: Taught, lent: npt.NDArray[np.uint64] | None = None) -> Judged | NotApplicable:
    """What the judges lose by what the forest says. Reference rows whose keys are in ``lent`` are not asked."""
    free = np.ones(len(side.judges), bool) if lent is None else ~np.isin(side.judges.key, lent)
    copies = _copies(side, taught.keys, free)
    # A copy is no judge. What is left has no equal in S, so that it may have none in R either.
    asked = free & ~(copies | side.repeated) if copies.any() else free
    if asked.sum() < LEAST_ROWS:
        return NotApplicable(reason=COPIED if free.sum() >= LEAST_ROWS else FEW_VALUES)
    missed = loss(taught.said, side.truth)
    # Rows without an equal are harder than others: what they lose is set against what real rows teach of all.
    constant, real = float(side.constant[free].mean()), float(side.lost[free].mean())
    gain = constant - real
    if gain <= 0.0:
        return NotApplicable(reason=UNTAUGHT)
    shares = (missed - side.lost)[asked] / gain
    leak, leak_error, told_afresh = _leak(side, taught.said, free, asked)
    answer = ColumnUtility(
        column=side.design.target.name,
        metric="brier" if side.design.target.labels else "squared_error",
        constant_loss=constant,
        real_loss=real,
        synthetic_loss=real + gain * float(shares.mean()),
        learnable=gain / constant,
        apparent=float(shares.mean()),
        hidden=0.0,
        loss=min(float(shares.mean()), MOST_LOSS),
    )
    return Judged(
        answer,
        shares,
        side.judges.key[asked],
        len(taught.keys),
        float(copies.sum() / free.sum()),
        leak,
        leak_error,
        told_afresh,
    )


def _copies(side: RealSide, keys: npt.NDArray[np.uint64], free: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Judges among the ``free`` that stand in S word for word, where those are more than real rows have themselves."""
    copies = free & np.isin(side.judges.key, keys)
    # Whole tables meet as often as one of two halves does.
    natural = 1.0 - (1.0 - side.twins) ** 2
    return copies if copies.sum() > (natural + MORE_COPIES) * free.sum() else np.zeros(len(copies), bool)


def _leak(
    side: RealSide, said: Predictions, free: npt.NDArray[np.bool_], asked: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """What the judges ``asked`` themselves have told, its standard error, and what other real rows tell of them.

    All are 0 with a holdout, and where halves of the reference teach each other nothing to compare with.
    """
    if side.afresh is None:
        return 0.0, 0.0, 0.0
    heard = np.isfinite(side.afresh.told)
    known = asked & heard
    # Both sides are measured by what they teach of all free judges; those asked may be few and hard.
    gain, half_gain = float(side.gain[free].mean()), float(side.afresh.gain[free & heard].mean())
    agreed = float(side.afresh.agreed[known].mean())
    if half_gain <= 0.0 or agreed <= 0.0:
        return 0.0, 0.0, 0.0
    away, base = said[asked] - side.middle, side.said[asked] - side.middle
    told = float(inner(away, side.truth[asked] - side.said[asked]).mean()) / gain
    agreement = float(inner(away, base).mean()) / gain / (agreed / half_gain)
    fresh = side.afresh.told[known] / half_gain
    expected = DOUBLED * max(float(fresh.mean()), 0.0) * min(max(agreement, 0.0), MOST_AGREEMENT) ** ATTENUATION
    return told - expected, float(fresh.std() / np.sqrt(len(fresh))), float(fresh.mean())
