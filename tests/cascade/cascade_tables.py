"""Coded tables with known dependence, and made-up outcomes of models that were never trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np

from synthos.cascade.outcomes import RunOutcome
from synthos.results import Arm, Epoch, ModelRun, Tier

SIZES = (8,) * 6
Table = np.ndarray


def chain(rows: int, seed: int, columns: int = 6, step: float = 0.8) -> Table:
    """Rows of a Markov chain over 8 codes: each column is the one before, moved by one with probability ``step``."""
    rng = np.random.default_rng(seed)
    table = np.empty((rows, columns), np.uint8)
    table[:, 0] = rng.integers(0, 8, rows)
    for j in range(1, columns):
        moved = rng.random(rows) < step
        table[:, j] = (table[:, j - 1] + np.where(moved, rng.integers(1, 3, rows), 0)) % 8
    return table


def shuffled(table: Table, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.permutation(table[:, j]) for j in range(table.shape[1])])


def made_run(arm: Arm, tier: Tier, index: int, rows: int, bits: np.ndarray) -> RunOutcome:
    """An outcome as training would give it, with the losses on the test rows made up."""
    width = {"light": 32, "medium": 64, "heavy": 128}[tier]
    epoch = Epoch(epoch=1, train_bits=20.0, stop_bits=20.0, gradient_norm=1.0, seconds=0.1)
    run = ModelRun(
        arm=arm,
        tier=tier,
        size_index=index,
        rows=rows,
        width=width,
        depth=1,
        parameters=500 * width,
        loss_bits=float(bits.mean()),
        loss_error=float(bits.std(ddof=1) / len(bits) ** 0.5),
        own_bits=float(bits.mean()),
        epochs=(epoch,),
        gradient_noise_scale=None,
        effective_rank=5.0,
        converged=True,
        seconds=0.1,
        device="cpu",
    )
    return RunOutcome(run, bits.astype(np.float32))


def made_runs(
    test_rows: int, sizes: tuple[int, ...], loss: Callable[[Arm, Tier, int], float], noise: float = 0.01
) -> list[RunOutcome]:
    """36 outcomes whose mean losses are ``loss(arm, tier, rows)``; rows of the test are hard or easy for all alike."""
    rng = np.random.default_rng(3)
    hardness = rng.normal(0, 1, test_rows)
    hardness -= hardness.mean()
    outcomes = []
    for arm in get_args(Arm):
        for tier in get_args(Tier):
            for index, rows in enumerate(sizes):
                own = noise * rng.standard_normal(test_rows)
                outcomes.append(made_run(arm, tier, index, rows, loss(arm, tier, rows) + hardness + own - own.mean()))
    return outcomes
