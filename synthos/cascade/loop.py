"""The loop: a light model refitted on its own output for a few generations, in both arms (Shumailov et al. 2024).

The real arm is the control: any model drifts when it is retrained on its own samples; what counts is whether the
synthetic table drifts faster. Both arms share sizes, weights and random streams, and stop on the same real rows, which
makes the drift seen here the least that a loop without real rows would show.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from synthos.cascade.outcomes import LoopOutcome
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig, ModelSpec, derive
from synthos.cascade.training import fit
from synthos.results import Arm
from synthos.sampling.seeds import generator

#: Rows of every generation; the drift per generation is the larger the fewer they are.
LOOP_ROWS = 4000
_LARGEST = 5


def loop_spec(config: CascadeConfig, rows: int, arm: Arm) -> ModelSpec:
    """The light model of the loop; ``rows`` is the largest common training size."""
    return replace(derive(config, arm, "light", _LARGEST, min(rows, LOOP_ROWS)), patience=3)


def refit_loop(
    arm: Arm, data: CascadeData, config: CascadeConfig, *, device: torch.device | None = None
) -> LoopOutcome:
    """Train on the arm's rows, sample as many, train on the samples, ... ``config.loop_generations`` times."""
    started = time.perf_counter()
    spec = loop_spec(config, data.rows, arm)
    rows = data.train(arm, spec.rows)
    bits = []
    for generation in range(config.loop_generations + 1):
        fitted = fit(spec, data, device=device, train=rows, stream=f"loop-{generation}")
        bits.append(fitted.outcome.row_bits)
        if generation < config.loop_generations:
            rows = fitted.model.sample(spec.rows, generator(data.seed, "loop", generation))
    return LoopOutcome(arm, np.stack(bits), time.perf_counter() - started)
