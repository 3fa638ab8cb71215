"""Learning curves of both arms with bootstrap copies, and what is read off them: ``rho`` and real-row equivalents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.results import Bound

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
#: Where columns hardly depend on each other, ``rho`` is measured against this share of the independent-columns loss.
LEAST_YARDSTICK = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Mean bits on the test rows by training size; index 0 of the last axis is the sample itself, the others bootstrap.

    Attributes
    ----------
    rows : training sizes, shape (6,).
    synthetic, reference : loss of the three tiers' mixture, shape (6, 1 + resamples).
    independent : loss of independent columns, shape (1 + resamples,).
    noise : standard error that training, and the draw of its rows, add to a difference between the arms, bits per row.
    """

    rows: Floats
    synthetic: Floats
    reference: Floats
    independent: Floats
    noise: float

    @property
    def yardstick(self) -> Floats:
        """What there is to learn at each size, at least ``LEAST_YARDSTICK`` of the independent loss, (6, copies)."""
        return np.maximum(self.independent - self.reference, LEAST_YARDSTICK * self.independent)

    @property
    def rho(self) -> Floats:
        """Shape (6, copies); the copies carry the training noise."""
        return (self.synthetic - self.reference) / self.yardstick


def equivalents(curves: Curves) -> tuple[Floats, Bound]:
    """Real rows whose model is as good as the one on all synthetic rows, shape (copies,), and what they stand for.

    The reference arm's learning curve, made to fall, is read backwards between sizes on a logarithmic axis. Beyond
    its ends there is only a bound: "at_least" where the synthetic model is as good as the best real one, "fewer_than"
    where it is no better than the one on the fewest real rows.
    """
    falling = np.minimum.accumulate(curves.reference, axis=0)
    target = curves.synthetic[-1]
    grid = np.log(curves.rows)
    values = np.array([np.exp(np.interp(-t, -falling[:, k], grid)) for k, t in enumerate(target)])
    if target[0] <= falling[-1, 0]:
        return values, "at_least"
    return values, "fewer_than" if target[0] >= falling[0, 0] else "exact"
