"""What the order of rows carries: autocorrelation, spectrum, and drift of blocks against the whole.

Columns enter as ranks: the share of reference rows below a code (half of those at it), so that no unit and no outlier
matters and categories have a fixed if arbitrary order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthos.tables.codec import Codes

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

#: Chance that rows in random order are called ordered.
FALSE_ALARM = 0.001
#: The least autocorrelation, or mean-square drift of block means in standard deviations, that makes order matter.
MATERIAL_CORRELATION, MATERIAL_DRIFT = 0.05, 0.01
#: Neighbours that both differ from a column's commonest value, as many as chance must lead one to expect: below, two
#: rare values side by side would pass for order.
NEIGHBOURS = 10
#: Rows of the smallest block, and most blocks.
BLOCK_ROWS, MOST_BLOCKS = 50, 32


@dataclass(frozen=True, slots=True)
class OrderSignal:
    """Whether rows stand in an order that chance does not give, and whether it is strong enough to matter."""

    significant: bool
    material: bool


def ranks(codes: Codes, reference: Codes, sizes: tuple[int, ...]) -> Floats:
    """Codes as mid-ranks of the reference less one half, shape (rows, columns), in [-1/2, 1/2]."""
    result = np.empty(codes.shape)
    for column, size in enumerate(sizes):
        share = np.bincount(reference[:, column], minlength=size) / max(len(reference), 1)
        result[:, column] = (np.cumsum(share) - share / 2.0 - 0.5)[codes[:, column]]
    return result


def lags(length: int) -> tuple[int, ...]:
    """1, 2, 4, ... up to half a block of the block bootstrap, beyond which that knows no dependence."""
    return tuple(2**k for k in range(12) if 2**k <= max(1.0, length ** (2 / 3) / 2.0))


def autocorrelations(series: Floats) -> Floats:
    """Autocorrelation of each column at ``lags``, shape (lags, columns); 0 for constant columns."""
    centred = series - series.mean(axis=0)
    variance = np.einsum("ij,ij->j", centred, centred)
    safe = np.where(variance > 0, variance, 1.0)
    return np.array([np.einsum("ij,ij->j", centred[:-k], centred[k:]) / safe for k in lags(len(series))])


def log_spectrum(series: Floats) -> Floats:
    """Log2 of the periodogram's mean over octaves of frequency, columns scaled to unit variance, (octaves, columns).

    About 0 everywhere for rows in random order. Averages over octaves make the logarithm nearly unbiased.
    """
    centred = series - series.mean(axis=0)
    spread = centred.std(axis=0)
    power = np.abs(np.fft.rfft(centred / np.where(spread > 0, spread, 1.0), axis=0))[1:] ** 2 / len(series)
    edges = [edge for edge in (0, *(2**k for k in range(2, 20))) if edge < len(power)]
    counts = np.diff([*edges, len(power)])
    return np.asarray(np.log2(np.maximum(np.add.reduceat(power, edges, axis=0) / counts[:, None], 1e-9)))


def order_signal(series: Floats) -> OrderSignal:
    """Test autocorrelation and block means against rows in random order, over all columns at once.

    Under random order an autocorrelation is about normal with variance 1/n, and the block means' sum of squares about
    chi-square (Wilson and Hilferty's cube root makes it normal); Bonferroni over columns and lags. Columns that hold
    one value nearly everywhere are left out: neither is true of them.
    """
    seldom = np.array([len(column) - np.unique(column, return_counts=True)[1].max(initial=0) for column in series.T])
    varying = series[:, seldom**2 >= NEIGHBOURS * max(len(series), 1)] if len(series) else series
    rows, width = varying.shape
    if not width or rows < 2 * BLOCK_ROWS:
        return OrderSignal(False, False)
    correlation = np.abs(autocorrelations(varying))
    blocks = block_numbers(rows)
    count = int(blocks[-1]) + 1
    scaled = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    sizes = np.bincount(blocks)
    means = np.add.reduceat(scaled, np.searchsorted(blocks, np.arange(count)), axis=0) / sizes[:, None]
    squares = (means**2 * sizes[:, None]).sum(axis=0)
    free = count - 1
    drift_z = (np.cbrt(squares / free) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free))
    bound = -float(ndtri(FALSE_ALARM / (2 * width * (len(correlation) + 1))))
    correlated = (correlation + 1 / rows) * np.sqrt(rows) > bound
    drifting = drift_z > bound
    strong = (correlated & (correlation >= MATERIAL_CORRELATION)).any()
    strong = strong or (drifting & ((squares - free) / rows >= MATERIAL_DRIFT)).any()
    return OrderSignal(bool(correlated.any() or drifting.any()), bool(strong))


def block_numbers(rows: int) -> Ids:
    """The block of each of ``rows`` rows in order: 4 to ``MOST_BLOCKS`` blocks of equal size, ascending from 0."""
    count = int(np.clip(rows // BLOCK_ROWS, 4, MOST_BLOCKS))
    return np.arange(rows) * count // rows


def block_counts(codes: Codes, blocks: Ids, sizes: tuple[int, ...]) -> Floats:
    """Rows by block and code, shape (blocks, sum of sizes); the columns' codes lie side by side."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    count = int(blocks.max()) + 1
    cells = blocks[:, None] * offsets[-1] + codes + offsets[:-1]
    return np.bincount(cells.ravel(), minlength=count * offsets[-1]).reshape(count, -1).astype(np.float64)


def distances(first: Floats, second: Floats, sizes: tuple[int, ...]) -> Floats:
    """Jensen-Shannon distance (square root of bits) by row and column of two count tables, shape (rows, columns).

    Both have shape (rows, sum of sizes), or one row that stands for all. Rows without counts give 0.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    first, second = np.broadcast_arrays(first, second)
    totals = [np.add.reduceat(side, starts, axis=1) for side in (first, second)]
    p, q = (
        side / np.repeat(np.maximum(total, 1.0), sizes, axis=1)
        for side, total in zip((first, second), totals, strict=True)
    )
    middle = (p + q) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(p > 0, p * np.log2(p / middle), 0.0) + np.where(q > 0, q * np.log2(q / middle), 0.0)
    divergence = np.maximum(np.add.reduceat(bits, starts, axis=1) / 2.0, 0.0)
    return np.asarray(np.where((totals[0] > 0) & (totals[1] > 0), np.sqrt(divergence), 0.0))


def block_bootstrap(length: int, rng: np.random.Generator) -> Ids:
    """Row numbers of a circular block bootstrap (Politis & Romano 1992), blocks of about length^(2/3) rows."""
    block = max(1, round(length ** (2 / 3)))
    starts = rng.integers(0, length, -(-length // block))
    return np.asarray(((starts[:, None] + np.arange(block)) % length).ravel()[:length])
