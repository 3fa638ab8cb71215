"""Sums over groups of rows from which every measure of variety follows, for all rows or for any half of them.

Rows are dealt at random to ``GROUPS`` groups, and everything is summed by group once; the measures of a random half are
then had from a handful of additions, so that intervals cost next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from synthos.profiling.blocks import offsets_of
from synthos.profiling.hashing import Hashes
from synthos.stats.entropy import collision_probability, effective_rank, shannon
from synthos.tables.codec import CategoryBins, Codec, Codes

GROUPS = 20
#: Random frequencies of the Gaussian kernel's Fourier features; each gives a cosine and a sine.
FREQUENCIES = 64

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table, ready to be summed.

    Attributes
    ----------
    codes : shape (n, c).
    values : numeric columns in reference standard deviations, NaN for missing, shape (n, q).
    hashes : one per row, equal for equal rows, shape (n,).
    features : Fourier features of the codes (``Frame.features``), shape (n, 2 FREQUENCIES).
    """

    codes: Codes
    values: Floats
    hashes: Hashes
    features: npt.NDArray[np.float32]

    def take(self, chosen: npt.NDArray[np.int64]) -> Rows:
        return Rows(self.codes[chosen], self.values[chosen], self.hashes[chosen], self.features[chosen])

    def __len__(self) -> int:
        return len(self.hashes)


class Frame:
    """What both tables are measured in: code sizes, pairs of columns, and random Fourier features."""

    def __init__(self, codec: Codec, basis: Codes, rng: np.random.Generator, pairs: int) -> None:
        self.sizes = sizes = codec.sizes
        self.categorical = [isinstance(bins, CategoryBins) for bins in codec.bins]
        self.offsets = offsets_of(sizes)
        every = [(a, b) for a in range(len(sizes)) for b in range(a + 1, len(sizes))]
        chosen = sorted(rng.choice(len(every), min(pairs, len(every)), replace=False)) if every else []
        self.pairs = [every[index] for index in chosen]
        weights = rng.standard_normal((int(self.offsets[-1]), FREQUENCIES))
        self._weights = (weights / np.sqrt(self._bandwidth(basis, rng))).astype(np.float32)

    def features(self, codes: Codes) -> npt.NDArray[np.float32]:
        """Fourier features of ``exp(-hamming / bandwidth)`` (Rahimi and Recht 2007), shape (n, 2 FREQUENCIES)."""
        phase = np.zeros((len(codes), FREQUENCIES), np.float32)
        for position, offset in enumerate(self.offsets[:-1]):
            phase += self._weights[codes[:, position] + offset]
        waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
        return (waves / np.float32(np.sqrt(FREQUENCIES))).astype(np.float32, copy=False)

    @staticmethod
    def _bandwidth(codes: Codes, rng: np.random.Generator) -> float:
        """The median Hamming distance between random rows of the reference, at least 1."""
        left, right = rng.integers(0, len(codes), (2, 2000))
        return max(1.0, float(np.median((codes[left] != codes[right]).sum(axis=1))))


class Sums:
    """The sums of one table by group, and the measures of any union of groups."""

    def __init__(self, rows: Rows, frame: Frame, rng: np.random.Generator, groups: int = GROUPS) -> None:
        self._frame = frame
        member = rng.permutation(np.arange(len(rows)) % groups)
        self._rows = np.bincount(member, minlength=groups)
        order = np.argsort(member, kind="stable")
        cuts = np.concatenate(([0], np.cumsum(self._rows)))
        runs = [order[low:high] for low, high in pairwise(cuts)]
        known = ~np.isnan(rows.values)
        filled = np.where(known, rows.values, 0.0)
        self._known = np.stack([known[run].sum(axis=0) for run in runs])
        self._sums = np.stack([filled[run].sum(axis=0) for run in runs])
        self._squares = np.stack([(filled[run] ** 2).sum(axis=0) for run in runs])
        self._histogram = np.concatenate(
            [
                np.bincount(member * size + rows.codes[:, j], minlength=groups * size).reshape(groups, size)
                for j, size in enumerate(frame.sizes)
            ],
            axis=1,
        )
        self._cells = self._pair_cells(rows.codes, member, groups)
        distinct, identity = np.unique(rows.hashes, return_inverse=True)
        self._present = np.zeros((len(distinct), groups), bool)
        self._present[identity, member] = True
        self._gram = np.stack([rows.features[run].T @ rows.features[run] for run in runs]).astype(np.float64)
        ordinal = rows.codes.astype(np.float64)
        self._ordinal = np.stack([ordinal[run].sum(axis=0) for run in runs])
        self._cross = np.stack([ordinal[run].T @ ordinal[run] for run in runs])

    def _pair_cells(self, codes: Codes, member: npt.NDArray[np.int64], groups: int) -> Mask:
        found = []
        for a, b in self._frame.pairs:
            width = self._frame.sizes[a] * self._frame.sizes[b]
            present = np.zeros(groups * width, bool)
            present[member * width + codes[:, a].astype(np.int64) * self._frame.sizes[b] + codes[:, b]] = True
            found.append(present.reshape(groups, width))
        return np.concatenate(found, axis=1) if found else np.zeros((groups, 0), bool)

    def cells(self, chosen: Mask) -> Mask:
        """Which cells of the pairs of columns hold a row."""
        held: Mask = np.logical_or.reduce(self._cells[chosen], axis=0)
        return held

    def spread(self, chosen: Mask) -> float:
        """Mean over numeric columns of the variance, in reference variances."""
        known = self._known[chosen].sum(axis=0)
        mean = self._sums[chosen].sum(axis=0) / np.maximum(known, 1)
        variance = self._squares[chosen].sum(axis=0) / np.maximum(known, 1) - mean**2
        return float((variance * known / np.maximum(known - 1, 1)).mean())

    def uniqueness(self, chosen: Mask) -> float:
        """Distinct rows over rows."""
        return float(self._present[:, chosen].any(axis=1).sum() / self._rows[chosen].sum())

    def _counts(self, chosen: Mask) -> list[npt.NDArray[np.int64]]:
        counts = self._histogram[chosen].sum(axis=0)
        return [counts[low:high] for low, high in pairwise(self._frame.offsets)]

    def balance(self, chosen: Mask) -> float:
        """Mean over categorical columns of ``1 / sum(p^2)``, with the sum estimated without bias from pairs of rows."""
        rows = int(self._rows[chosen].sum())
        columns = [part for part, even in zip(self._counts(chosen), self._frame.categorical, strict=True) if even]
        # Where no two rows agree, half a pair is taken to, so that there is an inverse.
        least = 1 / (rows * (rows - 1))
        return float(np.mean([1 / max(collision_probability(counts), least) for counts in columns]))

    def entropy(self, chosen: Mask) -> float:
        """Mean over columns of the Shannon entropy of codes in bits, with Miller and Madow's correction."""
        return float(np.mean([shannon(counts) for counts in self._counts(chosen)]))

    def effective_number(self, chosen: Mask) -> float:
        """The Vendi score (Friedman and Dieng 2023): ``exp`` of the entropy of the kernel's eigenvalues."""
        return effective_rank(np.linalg.eigvalsh(self._gram[chosen].sum(axis=0)))

    def spectral(self, chosen: Mask) -> float | None:
        """Effective rank (Roy and Vetterli 2007) of the correlation matrix of codes, constant columns left out.

        From 1 to the number of columns that vary; None where none does, since there is no correlation then.
        """
        rows = self._rows[chosen].sum()
        mean = self._ordinal[chosen].sum(axis=0) / rows
        covariance = self._cross[chosen].sum(axis=0) / rows - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0))
        varied = spread > 1e-9
        if not varied.any():
            return None
        return effective_rank(
            np.linalg.eigvalsh(covariance[np.ix_(varied, varied)] / np.outer(spread, spread)[np.ix_(varied, varied)])
        )
