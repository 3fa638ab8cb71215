"""The loop: a light model refitted on its own output for a few generations, in both arms (Shumailov et al. 2024).

The real arm is the control: any model drifts when it is retrained on its own samples; what counts is whether the
synthetic table drifts faster. Both arms share sizes, weights and random streams, and stop on the same real rows, which
makes the drift seen here the least that a loop without real rows would show.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from synthos.cascade.outcomes import LoopOutcome
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig, loop_spec
from synthos.cascade.training import fit
from synthos.results import Arm
from synthos.sampling.seeds import generator


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
