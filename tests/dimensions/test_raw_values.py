"""Values of both arms side by side, comparable whatever their types."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from synthos.dimensions.raw_values import is_numeric, stacked_values, value_ids
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence


def both() -> Evidence:
    real = pl.DataFrame(
        {
            "n": [1, 2, None],
            "when": [datetime(1970, 1, 1), datetime(1970, 1, 2), None],
            "label": ["b", "a", None],
            "flag": [True, False, None],
        }
    )
    made = pl.DataFrame(
        {
            "n": [1.5, 2.0, 3.0],
            "when": [datetime(1970, 1, 1)] * 3,
            "label": ["c", "b", "b"],
            "flag": [False, True, True],
        }
    )
    kinds = {"n": "integer", "when": "datetime", "label": "category", "flag": "boolean"}
    return evidence_from_frames(made, real, kinds=kinds)


def test_numbers_times_and_labels_stand_reference_first() -> None:
    evidence = both()
    assert evidence.reference is not None
    values = stacked_values(evidence, evidence.reference, evidence.synthetic)
    nan = np.nan
    np.testing.assert_array_equal(values[:, 0], [1, 2, nan, 1.5, 2, 3])
    np.testing.assert_array_equal(values[:, 1], [0, 86_400, nan, 0, 0, 0])
    np.testing.assert_array_equal(values[:, 2], [1, 0, nan, 2, 1, 1])
    np.testing.assert_array_equal(values[:, 3], [1, 0, nan, 0, 1, 1])
    assert is_numeric(evidence).tolist() == [True, True, False, False]


def test_ids_number_the_values_and_null_is_one_of_them() -> None:
    ids = value_ids(np.array([5.0, np.nan, 2.0, 5.0, np.nan]), 10)
    assert ids is not None
    assert ids.tolist() == [1, 2, 0, 1, 2]


def test_too_many_values_have_no_ids() -> None:
    assert value_ids(np.arange(100.0), 99) is None
    assert value_ids(np.arange(100.0), 100) is not None
    late = np.concatenate([np.zeros(400), np.arange(100.0)])
    assert value_ids(late, 99) is None
