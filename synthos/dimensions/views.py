"""Forms of the evidence that several dimensions read: coarser codes, numeric values, both sides of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthos.dimensions.raw_values import is_numeric, stacked_values
from synthos.errors import InternalError
from synthos.results import Blame
from synthos.sampling.evidence import ArmData, Evidence
from synthos.tables.codec import Codes, NumericBins, numeric_view
from synthos.tables.schema import NUMERIC_KINDS

#: Columns and groups that carry less than this part of the excess are not blamed.
BLAME_SHARE = 0.05
MOST_BLAMED = 8
#: Reference rows that a label must have to stand for itself: of the frequent labels of a small table many are frequent
#: there by chance, and any other sample would seem to have lost them.
LABEL_ROWS = 10


def reference_of(evidence: Evidence) -> ArmData:
    """The reference; the registry has seen to it that there is one."""
    if evidence.reference is None:
        raise InternalError("a dimension that needs a reference was called without one")
    return evidence.reference


def coarse(evidence: Evidence, levels: int) -> tuple[tuple[Codes, Codes], tuple[int, ...]]:
    """Codes of reference and synthetic merged to at most ``levels`` per column, and the number of levels of each.

    Neighbouring bins of a number are merged to about equal reference mass, and rare categories into one, also those of
    fewer than ``LABEL_ROWS`` rows; null stays apart. Only reference rows decide what is merged.
    """
    reference = reference_of(evidence)
    maps = []
    for column, (bins, size) in enumerate(zip(evidence.codec.bins, evidence.sizes, strict=True)):
        target = np.arange(size)
        mass = np.bincount(reference.codes[:, column], minlength=size)[1:].astype(np.float64)
        if not isinstance(bins, NumericBins):
            frequent = int((mass[:-1] >= LABEL_ROWS).sum())  # labels come by frequency, the last code is the rest
            target = np.minimum(target, min(levels - 1, frequent + 1))
        elif size > levels:
            middle = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1.0)
            target[1:] = 1 + np.minimum((middle * (levels - 1)).astype(np.int64), levels - 2)
        maps.append(np.unique(target, return_inverse=True)[1].astype(np.uint8))
    sides = [
        np.ascontiguousarray(np.column_stack([m[arm.codes[:, j]] for j, m in enumerate(maps)]))
        for arm in (reference, evidence.synthetic)
    ]
    return (sides[0], sides[1]), tuple(int(m.max()) + 1 for m in maps)


def unmerged(evidence: Evidence) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Codes of reference and synthetic, but labels as they are: a code that stands for all labels that the reference
    lacks would make rows alike that are not. Shapes (rows, columns)."""
    reference, synthetic = reference_of(evidence), evidence.synthetic
    codes = np.concatenate([reference.codes, synthetic.codes]).astype(np.uint64)
    labels = ~is_numeric(evidence)
    values = stacked_values(evidence, reference, synthetic)[:, labels]
    codes[:, labels] = np.nan_to_num(values, nan=-1.0) + 1.0
    return codes[: len(reference.codes)], codes[len(reference.codes) :]


def numeric_columns(evidence: Evidence) -> tuple[str, ...]:
    """Names of the modelled columns that have an order and a distance."""
    return tuple(column.name for column in evidence.schema.modelled if column.kind in NUMERIC_KINDS)


def numeric_values(evidence: Evidence, arm: ArmData, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Values of ``names`` as floats, NaN for null, shape (rows, names)."""
    if not names:
        return np.empty((arm.frame.height, 0))
    return np.column_stack(
        [numeric_view(arm.frame[n], evidence.schema.kind(n)).to_numpy().astype(np.float64) for n in names]
    )


def blame(
    groups: Sequence[tuple[str, ...]], losses: npt.NDArray[np.float64], describe: Sequence[str]
) -> tuple[Blame, ...]:
    """Groups of columns by their part of the summed loss, largest first; none where there is no loss.

    ``losses`` : loss of each group above its null, negative where none, shape (groups,).
    """
    excess = np.clip(losses, 0.0, None)
    total = excess.sum()
    if total <= 0:
        return ()
    shares = excess / total
    order = [int(i) for i in np.argsort(-shares, kind="stable")[:MOST_BLAMED] if shares[i] >= BLAME_SHARE]
    return tuple(Blame(columns=groups[i], share=float(shares[i]), detail=describe[i]) for i in order)
