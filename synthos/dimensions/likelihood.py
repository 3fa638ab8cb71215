"""A cheap density over code matrices: a tree of pairwise dependencies (Chow & Liu 1968), smoothed.

Fitting is one pass over the columns and scoring another, so that it can be fitted anew on every reference half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]

#: Rows that every conditional distribution is given from its column's margin.
PRIOR_ROWS = 2.0
#: Rows for learning the structure, and codes a column keeps for it in wide tables.
STRUCTURE_ROWS = 10_000
WIDE, WIDE_LEVELS = 40, 8
#: Neighbouring columns among which dependence is looked for; wider tables are cut into groups of about this many.
GROUP = 400


@dataclass(frozen=True, slots=True)
class Tree:
    """``parents[j]`` is the column on which column j depends, -1 at the root; ``sizes`` the codes of each column."""

    parents: tuple[int, ...]
    sizes: tuple[int, ...]

    def fit(self, codes: Codes) -> tuple[Floats, ...]:
        """Log2 of each column's conditional distribution over its margin, of shape (parent codes, codes).

        0 where the parent tells nothing; negative where column and parent fit together worse than by chance.
        """
        tables = []
        for column, (parent, size) in enumerate(zip(self.parents, self.sizes, strict=True)):
            margin = np.bincount(codes[:, column], minlength=size) + 0.5
            margin = margin / margin.sum()
            if parent < 0:
                tables.append(np.zeros((1, size)))
                continue
            above = self.sizes[parent]
            joint = np.bincount(codes[:, parent].astype(np.int64) * size + codes[:, column], minlength=above * size)
            counts = joint.reshape(above, size) + PRIOR_ROWS * margin
            tables.append(np.log2(counts / counts.sum(axis=1, keepdims=True) / margin))
        return tuple(tables)

    def misfit(self, tables: tuple[Floats, ...], codes: Codes) -> Floats:
        """``log2 (product of margins / p)`` of each row in bits, shape (n,); higher is less coherent.

        The margins are taken out so that a rare value is not mistaken for an incoherent row.
        """
        total = np.zeros(len(codes))
        for column, (parent, table) in enumerate(zip(self.parents, tables, strict=True)):
            row = codes[:, parent] if parent >= 0 else 0
            total -= table[row, codes[:, column]]
        return total


def mutual_information(codes: Codes, sizes: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Mutual information of every pair of columns in bits, symmetric, shape (columns, columns), diagonal 0.

    From at most ``STRUCTURE_ROWS`` rows, less the bias that independence would give ((a-1)(b-1) / 2n ln 2); wide
    tables keep the lowest ``WIDE_LEVELS`` groups of neighbouring codes, which orders pairs well enough for a tree. In
    tables of more than ``GROUP`` columns only columns of one group of neighbours are compared, so that the cost grows
    with the columns and not with their square; pairs of columns in different groups are 0.
    """
    width = codes.shape[1]
    rows = min(len(codes), STRUCTURE_ROWS if width <= WIDE else STRUCTURE_ROWS // 2)
    sample = codes[np.sort(rng.choice(len(codes), rows, replace=False))].astype(np.int64)
    levels = np.asarray(sizes)
    if width > WIDE:
        sample = sample * WIDE_LEVELS // np.maximum(levels, WIDE_LEVELS)
        levels = np.minimum(levels, WIDE_LEVELS)
    result = np.zeros((width, width))
    for group in np.array_split(np.arange(width), -(-width // GROUP)):
        result[np.ix_(group, group)] = _information_within(sample[:, group], levels[group])
    np.fill_diagonal(result, 0.0)
    return result


def _information_within(sample: npt.NDArray[np.int64], levels: npt.NDArray[np.int64]) -> Floats:
    """Mutual information in bits of all pairs of a few columns, shape (columns, columns), at least 0."""
    rows = len(sample)
    offsets = np.concatenate([[0], np.cumsum(levels)])
    hot = np.zeros((rows, int(offsets[-1])), np.float32)
    np.put_along_axis(hot, sample + offsets[:-1], 1.0, axis=1)
    joint = (hot.T @ hot).astype(np.float64) / rows
    margin = np.diag(joint)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log2(joint / np.outer(margin, margin)), 0.0)
    folded = np.add.reduceat(np.add.reduceat(terms, offsets[:-1], axis=0), offsets[:-1], axis=1)
    seen = np.add.reduceat((margin > 0).astype(np.int64), offsets[:-1])
    bias = np.outer(seen - 1, seen - 1) / (2 * rows * np.log(2))
    return np.asarray(np.maximum((folded + folded.T) / 2.0 - bias, 0.0))


def chow_liu(information: Floats, sizes: tuple[int, ...]) -> Tree:
    """The spanning tree with the most mutual information, grown from column 0 (Prim)."""
    width = len(sizes)
    parents = np.full(width, -1, np.int64)
    inside = np.zeros(width, bool)
    inside[0] = True
    best, source = information[0].copy(), np.zeros(width, np.int64)
    for _ in range(width - 1):
        column = int(np.argmax(np.where(inside, -1.0, best)))
        inside[column] = True
        # A column that depends on nothing stands alone: an empty table would only add noise.
        parents[column] = source[column] if best[column] > 0 else -1
        better = information[column] > best
        best, source = np.where(better, information[column], best), np.where(better, column, source)
    return Tree(tuple(int(parent) for parent in parents), sizes)
