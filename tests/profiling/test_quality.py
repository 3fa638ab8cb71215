from __future__ import annotations

import numpy as np
import pytest

from synthos.profiling.columns import ColumnState, Limits
from synthos.profiling.distinct import of
from synthos.profiling.heavy import HeavyHitters
from synthos.profiling.moments import Moments
from synthos.profiling.quality import WEIGHTS, placeholder_rows, quality, variant_rows
from synthos.tables.schema import Column


def state(counts, nulls=0, fractions=0):
    hashes = np.arange(len(counts), dtype=np.uint64)
    return ColumnState(Limits(), nulls, fractions, Moments(), of(hashes, 64), HeavyHitters(counts))


def score(kind, held, rows=10, duplicates=0.0):
    return quality([Column("x", kind, "String")], [held], rows, duplicates)


def test_a_sound_column_has_full_marks():
    total, parts = score("category", state({"a": 5, "b": 5}))
    assert total == pytest.approx(100)
    assert set(parts) == set(WEIGHTS)
    assert set(parts.values()) == {100.0}


@pytest.mark.parametrize(
    ("part", "value", "arguments"),
    [
        ("completeness", 60.0, {"kind": "category", "held": state({"a": 3, "b": 3}, nulls=4)}),
        ("validity", 80.0, {"kind": "category", "held": state({"a": 8, " N/A ": 2})}),
        ("validity", 70.0, {"kind": "integer", "held": state({1.0: 7, 1.5: 3}, fractions=3)}),
        ("uniqueness", 75.0, {"kind": "category", "held": state({"a": 5, "b": 5}), "duplicates": 0.25}),
        ("uniqueness", 20.0, {"kind": "key", "held": state({"a": 9, "b": 1})}),
        ("consistency", 90.0, {"kind": "category", "held": state({"New York": 6, "new  york": 1, "Rome": 3})}),
        ("informativeness", 0.0, {"kind": "category", "held": state({"a": 10})}),
    ],
)
def test_each_part_falls_by_the_share_that_is_unsound(part, value, arguments):
    total, parts = score(**arguments)
    assert parts[part] == pytest.approx(value)
    others = {name: other for name, other in parts.items() if name != part}
    assert set(others.values()) == {100.0}
    assert total == pytest.approx(100 - WEIGHTS[part] * (100 - value))


def test_weights_sum_to_one():
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_an_empty_column_is_neither_invalid_nor_divides_by_nothing():
    _, parts = score("category", state({}, nulls=10))
    assert (parts["completeness"], parts["validity"], parts["informativeness"]) == (0.0, 100.0, 0.0)


def test_real_answers_are_no_placeholders():
    assert placeholder_rows(state({"none": 4, "unknown": 2, "?": 1})) == 1
    assert variant_rows(state({"a": 1, "b": 1})) == 0
