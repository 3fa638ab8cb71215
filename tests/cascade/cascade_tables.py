"""Coded tables with known dependence."""

from __future__ import annotations

import numpy as np

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
