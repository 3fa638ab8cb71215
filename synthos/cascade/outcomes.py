"""What training one model gives back. Plain data without torch, so that drivers and stores stay light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.results import Arm, ModelRun


@dataclass(frozen=True, slots=True, eq=False)
class RunOutcome:
    """A finished model: its run, and its bits on every test row (float32, shape (test rows,)) for paired errors."""

    run: ModelRun
    row_bits: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LoopOutcome:
    """One arm of the loop: bits on every test row by generation, float32, shape (generations + 1, test rows).

    Row 0 is the model trained on the arm's own rows; row g the g-th model trained on its predecessor's samples.
    """

    arm: Arm
    row_bits: npt.NDArray[np.float32]
    seconds: float
