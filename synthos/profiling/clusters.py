"""Clusters of reference rows, as strata for the measures of variety: k-means on one-hot codes, without the one-hots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthos.profiling.blocks import offsets_of
from synthos.tables.codec import Codec, Codes

_STEPS = 12


class Clusters:
    """k-means (Lloyd) of coded rows, each column's code as a one-hot vector.

    The squared distance of a row to a centre is a sum over columns of one table entry each, so neither fitting nor
    assigning ever builds the wide matrix.
    """

    def __init__(self, codes: Codes, codec: Codec, count: int, rng: np.random.Generator) -> None:
        self._codec = codec
        self.count = count
        self._offsets = offsets_of(codec.sizes)
        self._overall = self._shares(codes, np.zeros(len(codes), np.int64), 1)[0]
        self._centres = self._one_hot(codes[rng.choice(len(codes), count, replace=False)])
        for _ in range(_STEPS):
            members = self.assign(codes)
            present = np.bincount(members, minlength=count) > 0
            self._centres[present] = self._shares(codes, members, count)[present]

    def assign(self, codes: Codes) -> npt.NDArray[np.int64]:
        """The nearest centre of each row, shape (n,)."""
        # |x - c|^2 = columns - 2 c.x + |c|^2 for a row x of one-hots
        cost = np.tile((self._centres**2).sum(axis=1), (len(codes), 1))
        for position, offset in enumerate(self._offsets[:-1]):
            cost -= 2 * self._centres.T[codes[:, position] + offset]
        nearest: npt.NDArray[np.int64] = cost.argmin(axis=1)
        return nearest

    def name(self, cluster: int, columns: int = 2) -> str:
        """Its number and what its rows have more often than others, for people: ``"2: sex = Female, age ≤ 22"``."""
        lift = self._centres[cluster] - self._overall
        names = [column.name for column in self._codec.schema.modelled]
        best = [int(lift[low:high].argmax()) for low, high in zip(self._offsets, self._offsets[1:], strict=False)]
        gains = [lift[low + code] for low, code in zip(self._offsets, best, strict=False)]
        leading = [int(position) for position in np.argsort(gains)[::-1][:columns]]
        parts = [f"{names[position]} {self._shown(position, best[position])}" for position in leading]
        return f"{cluster + 1}: {', '.join(parts)}"

    def _shown(self, position: int, code: int) -> str:
        label = self._codec.label(position, code)
        return label if label[0] in "≤>" else f"= {label}"

    def _one_hot(self, codes: Codes) -> npt.NDArray[np.float64]:
        return self._shares(codes, np.arange(len(codes)), len(codes))

    def _shares(self, codes: Codes, members: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.float64]:
        """Share of each code among the rows of each cluster, shape (count, sum of code sizes)."""
        sums = np.empty((count, int(self._offsets[-1])))
        for position, size in enumerate(self._codec.sizes):
            tally = np.bincount(members * size + codes[:, position], minlength=count * size)
            sums[:, self._offsets[position] : self._offsets[position + 1]] = tally.reshape(count, size)
        rows = np.bincount(members, minlength=count)[:, None]
        return sums / np.maximum(rows, 1)
