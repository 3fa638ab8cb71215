"""Two ways to lose variety: rows gather at one value (mode), or the ends are missing (tail cut).

Both make a column narrower. The column's counts inside the region are explained by either, starting from the
distribution outside, and the likelier explanation wins (Bayesian information criterion, summed over columns).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Share of the usual rows that lie beyond a cut at least; no cut is perfect, and a bin may straddle it.
LEAK = 0.02


def mode_or_tailcut(histograms: Sequence[tuple[Floats, Floats]], ordered: Sequence[bool]) -> Literal["mode", "tailcut"]:
    """Compare both explanations. ``histograms``: counts (inside, outside) by code of each narrowed column."""
    mode = tail = 0.0
    for (inside, outside), has_order in zip(histograms, ordered, strict=True):
        usual = (outside + 0.5) / (outside.sum() + 0.5 * len(outside))
        log_rows = float(np.log(inside.sum()))
        mode += mode_likelihood(inside, usual) - log_rows  # 2 parameters: which value, what share
        if has_order:
            tail += tail_likelihood(inside, usual) - 2.5 * log_rows  # 5: two cuts, two heaps, what is left
        else:
            order = np.argsort(-usual, kind="stable")
            tail += rare_likelihood(inside[order], usual[order]) - 1.5 * log_rows  # 3: how many, a heap, the others
    return "mode" if mode >= tail else "tailcut"


def mode_likelihood(counts: Floats, usual: Floats) -> float:
    """Best log-likelihood of ``(1 - p) usual + p [value]`` over p and the value with the largest excess."""
    value = int((counts / counts.sum() - usual).argmax())
    shares = np.linspace(0.0, 0.99, 100)[:, None]
    chance = (1.0 - shares) * usual
    chance[:, value] += shares[:, 0]
    return float((counts * np.log(chance)).sum(axis=1).max())


def tail_likelihood(counts: Floats, usual: Floats) -> float:
    """Best log-likelihood of ``usual`` cut to codes [low, high], what was cut off heaped anyhow on the two ends."""
    codes = np.flatnonzero(usual > 0)
    best = -np.inf
    for low in codes:
        for high in codes[codes > low + 1]:
            best = max(best, _windowed(counts, usual, int(low), int(high)))
    return float(best)


def rare_likelihood(counts: Floats, usual: Floats) -> float:
    """The same for labels, most frequent first: all but the first few are gone, and may be heaped on the first."""
    return float(max(_windowed(counts, usual, 0, high) for high in range(len(counts))))


def _windowed(counts: Floats, usual: Floats, low: int, high: int) -> float:
    """Log-likelihood where codes within (low, high) keep their proportions, and so do those beyond: the rows that are
    left of them, ``LEAK`` at least, are sound ones among the cut; the ends are free."""
    rows = counts.sum()
    kept = np.arange(low + 1, high) if high > low else np.arange(0)
    beyond = np.ones(len(counts), bool)
    beyond[low : high + 1] = False
    left = max(counts[beyond].sum() / rows, LEAK * usual[beyond].sum())
    log_likelihood = 0.0
    if beyond.any():
        log_likelihood += float((counts[beyond] * np.log(left * usual[beyond] / usual[beyond].sum())).sum())
    for end in {low, high}:
        if counts[end] > 0:
            log_likelihood += float(counts[end] * np.log((1.0 - LEAK) * counts[end] / rows))
    within = counts[kept].sum()
    if within > 0:
        share = np.log((1.0 - LEAK) * within / rows * usual[kept] / usual[kept].sum())
        log_likelihood += float((counts[kept] * share).sum())
    return log_likelihood
