"""Random Fourier features of coded rows: a Gaussian kernel without its matrix (Rahimi & Recht 2007)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthos.stats.entropy import effective_rank

Floats = npt.NDArray[np.float32]
FREQUENCIES = 64


def fourier_tables(
    positions: Sequence[npt.NDArray[np.float64] | None], sizes: Sequence[int], rng: np.random.Generator
) -> tuple[Floats, ...]:
    """Per column the phase that each code adds, shape (size, FREQUENCIES).

    ``positions[j]`` places the codes of an ordered column on a line, about unit spread over the rows, NaN for codes off
    the line (null); None for a column without order, whose codes are all equally far apart. The bandwidth is such that
    two unrelated rows have a kernel of about exp(-2), whatever the number of columns.
    """
    scale = np.sqrt(2.0 / max(len(sizes), 1))
    tables = []
    for place, size in zip(positions, sizes, strict=True):
        table = rng.standard_normal((size, FREQUENCIES))
        if place is not None:
            line = np.outer(np.nan_to_num(place), rng.standard_normal(FREQUENCIES))
            table = np.where(np.isnan(place)[:, None], table, line)
        tables.append((scale * table).astype(np.float32))
    return tuple(tables)


def fourier_features(codes: npt.NDArray[np.integer], tables: Sequence[Floats]) -> Floats:
    """Features of unit length, shape (rows, 2 FREQUENCIES); their inner product approximates the kernel."""
    phases = np.zeros((len(codes), FREQUENCIES), np.float32)
    for column, table in enumerate(tables):
        phases += table[codes[:, column]]
    features = np.concatenate([np.cos(phases), np.sin(phases)], axis=1) / np.sqrt(FREQUENCIES)
    return np.asarray(features, np.float32)


def vendi(features: Floats) -> float:
    """Vendi score (Friedman & Dieng 2023): the effective number of unlike rows, in [1, 2 FREQUENCIES].

    The spectrum of the kernel over rows is that of the features' second moments.
    """
    moments = (features.T @ features).astype(np.float64) / len(features)
    return effective_rank(np.linalg.eigvalsh(moments))
