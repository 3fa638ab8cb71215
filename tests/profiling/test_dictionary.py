from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthos.profiling.dictionary import LIMIT, Dictionary
from synthos.profiling.hashing import cell_hashes


def coded(series):
    return np.array([0 if value is None else len(value) for value in series.to_list()], np.uint8)


def labels(count, pool, seed=0):
    numbers = np.random.default_rng(seed).integers(0, pool, count)
    return pl.Series("x", [None if number == 3 else "v" * (number % 50) + str(number) for number in numbers.tolist()])


@pytest.mark.parametrize("pool", [1, 30, LIMIT])
def test_every_row_finds_its_value_and_is_counted(pool):
    dictionary = Dictionary(coded)
    series = labels(20_000, pool)
    for batch in (series[:50], series[50:9000], series[9000:]):
        found = dictionary.index(batch, cell_hashes(batch, "category"))
        assert dictionary.values.gather(found).to_list() == batch.to_list()
        assert dictionary.codes[found].tolist() == coded(batch).tolist()
    expected = series.value_counts(name="rows")
    counted = pl.DataFrame({"x": dictionary.values, "rows": dictionary.counts})
    assert counted.sort("x").rows() == expected.with_columns(pl.col("rows").cast(pl.Int64)).sort("x").rows()


def test_too_many_values_are_refused_and_leave_the_counts_alone():
    dictionary = Dictionary(None)
    few = labels(1000, 20)
    dictionary.index(few, cell_hashes(few, "category"))
    counts = dictionary.counts.sum()
    many = pl.Series("x", [str(number) for number in range(LIMIT + 1)])
    assert dictionary.index(many, cell_hashes(many, "category")) is None
    assert dictionary.counts.sum() == counts == 1000


def test_an_empty_batch_has_no_rows():
    empty = pl.Series("x", [], dtype=pl.String)
    assert Dictionary(None).index(empty, cell_hashes(empty, "category")).tolist() == []
