"""Entropy and effective numbers: how much variety a sample holds. Higher is more varied."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def shannon(counts: npt.ArrayLike, *, corrected: bool = True) -> float:
    """Shannon entropy in bits of a histogram, >= 0; ``corrected`` adds the Miller-Madow term ``(K-1) / 2n ln2`` with K
    the occupied cells, which takes the first-order bias off (Miller 1955). No counts at all are a ``ValueError``.

    >>> shannon([5, 5], corrected=False)
    1.0
    """
    cells = np.asarray(counts, np.float64)
    cells = cells[cells > 0]
    total = cells.sum()
    if total == 0:
        raise ValueError("entropy needs some mass")
    p = cells / total
    bits = float(-(p * np.log2(p)).sum())
    return max(bits, 0.0) + ((cells.size - 1) / (2 * total * np.log(2)) if corrected else 0.0)


def collision_probability(counts: npt.ArrayLike) -> float:
    """Probability that two different rows fall into one cell, unbiased: ``sum n(n-1) / N(N-1)``, in [0, 1].

    Fewer than two rows are a ``ValueError``.

    >>> collision_probability([2, 1])
    0.3333333333333333
    """
    cells = np.asarray(counts, np.float64)
    total = cells.sum()
    if total < 2:
        raise ValueError("collisions need two rows")
    return float((cells * (cells - 1)).sum() / (total * (total - 1)))


def effective_rank(eigenvalues: npt.ArrayLike) -> float:
    """``exp`` of the Shannon entropy of a non-negative spectrum, in [1, its length] (Roy & Vetterli 2007). Of the
    spectrum of a kernel matrix over rows it is the Vendi score (Friedman & Dieng 2023). A spectrum without mass is a
    ``ValueError``."""
    spectrum = np.clip(np.asarray(eigenvalues, np.float64), 0.0, None)
    if spectrum.sum() <= 0:
        raise ValueError("a spectrum needs some mass")
    p = spectrum[spectrum > 0] / spectrum.sum()
    return float(np.exp(-(p * np.log(p)).sum()))
