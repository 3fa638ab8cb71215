"""The values themselves, not their bins: what dependencies, relations and domains are read off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.sampling.evidence import ArmData, Evidence
from synthos.tables.codec import label_view, numeric_view
from synthos.tables.schema import NUMERIC_KINDS

Floats = npt.NDArray[np.float64]


def is_numeric(evidence: Evidence) -> npt.NDArray[np.bool_]:
    """Which modelled columns have an order and a distance, shape (columns,)."""
    return np.array([column.kind in NUMERIC_KINDS for column in evidence.schema.modelled], bool)


def stacked_values(evidence: Evidence, reference: ArmData, synthetic: ArmData) -> Floats:
    """Both samples, reference first, shape (rows of both, modelled columns), NaN for null.

    Numbers stand as they are (see ``codec.numeric_view``), labels as numbers counted from 0 in their sorted order.
    """
    values = np.empty((len(reference.codes) + len(synthetic.codes), len(evidence.columns)))
    for position, column in enumerate(evidence.schema.modelled):
        pair = [arm.frame[column.name] for arm in (reference, synthetic)]
        if column.kind in NUMERIC_KINDS:
            views = [numeric_view(series, column.kind).to_numpy().astype(np.float64) for series in pair]
            values[:, position] = np.concatenate(views)
        else:
            labels = pl.concat([label_view(series).rename("") for series in pair])
            ordered = pl.Enum(sorted(labels.drop_nulls().unique().to_list()))
            values[:, position] = labels.cast(ordered).to_physical().cast(pl.Float64).to_numpy()
    return values


def value_ids(values: Floats, limit: int) -> npt.NDArray[np.int64] | None:
    """Numbers from 0 for the distinct values of one column, null being one of them; None where there are more than
    ``limit``."""
    if np.unique(values[: 4 * limit]).size > limit:
        return None
    found, ids = np.unique(values, return_inverse=True)
    return ids if found.size <= limit else None
