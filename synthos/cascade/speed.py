"""How fast this machine trains: the processor seconds of a few steps of fixed models on fixed codes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from synthos.cascade import device as devices
from synthos.cascade.models import DensityModel, smoothed_marginals

#: Ten columns of 26 codes, as of numbers in a table of ordinary width.
_SIZES = (26,) * 10
_ROWS = 2_048
_REPEATS = 6


@dataclass(frozen=True, slots=True)
class Steps:
    """A model's shape, the rows of a step, and how many steps are timed."""

    width: int
    depth: int
    batch: int
    count: int


#: What a step costs whatever its size shows in the small one; arithmetic makes up most of the large one.
SMALL, LARGE = Steps(96, 1, 16, 60), Steps(320, 3, 256, 6)


def step_seconds(steps: Steps) -> float:
    """Processor seconds of one training step on one thread: the fastest of a few goes."""
    devices.single_thread()
    codes = np.random.default_rng(0).integers(0, _SIZES[0], (_ROWS, len(_SIZES)), np.uint8)
    drawn = torch.Generator().manual_seed(0)
    model = DensityModel(_SIZES, steps.width, steps.depth, smoothed_marginals(codes, _SIZES), drawn)
    positions = model.positions(torch.from_numpy(codes))
    features = model.features(positions)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)

    def train(count: int) -> float:
        started = time.process_time()
        for step in range(count):
            first = step * steps.batch % _ROWS
            taken = slice(first, first + steps.batch)
            optimiser.zero_grad(set_to_none=True)
            loss = -model.log_conditionals(features[taken], positions[taken], None).sum(1).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
        return (time.process_time() - started) / count

    train(2)  # the first steps set memory aside
    return min(train(steps.count) for _ in range(_REPEATS))
