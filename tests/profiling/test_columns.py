from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from synthos.profiling.columns import ColumnScanner, Limits, limits_for, merge
from synthos.profiling.distinct import distinct_count
from synthos.profiling.hashing import cell_hashes
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema


def scanned(series, kind, cuts=()):
    column = Column("x", kind, str(series.dtype))
    codec = Codec.fit(series.to_frame("x"), Schema((column,)))
    scanner = ColumnScanner(column, codec.bins[0] if codec.bins else None, Limits())
    bounds = [0, *cuts, len(series)]
    outputs = [scanner.add(series[low:high]) for low, high in pairwise(bounds)]
    return scanner.finished(), outputs, codec


RNG = np.random.default_rng(0)
ROWS = 40_000
COLUMNS = {
    "few integers": ("integer", pl.Series("x", RNG.integers(0, 90, ROWS))),
    "many integers": ("integer", pl.Series("x", RNG.integers(0, 10**6, ROWS))),
    "numbers": ("number", pl.Series("x", RNG.normal(0, 1, ROWS))),
    "numbers that turn continuous": (
        "number",
        pl.Series("x", np.where(np.arange(ROWS) < 20_000, np.arange(ROWS) % 100, RNG.normal(0, 1, ROWS))),
    ),
    "categories": ("category", pl.Series("x", [f"c{number}" for number in RNG.integers(0, 300, ROWS).tolist()])),
    "many categories": ("category", pl.Series("x", [f"c{number}" for number in RNG.integers(0, 900, ROWS).tolist()])),
    "booleans": ("boolean", pl.Series("x", RNG.random(ROWS) < 0.2)),
    "datetimes": ("datetime", pl.Series("x", RNG.integers(0, 10**15, ROWS)).cast(pl.Datetime("us"))),
    "texts": ("text", pl.Series("x", ["ab " * (number % 9) + str(number) for number in range(ROWS)])),
}


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_codes_and_hashes_are_those_of_the_codec_and_the_column(name, gaps):
    kind, series = COLUMNS[name]
    if gaps:
        series = series.to_frame().select(pl.when(pl.int_range(pl.len()) % 7 != 0).then(pl.col("x")))["x"]
    state, outputs, codec = scanned(series, kind, (100, 21_000))
    assert np.array_equal(np.concatenate([codes for _, codes in outputs]), codec.encode(series.to_frame("x"))[:, 0])
    assert np.array_equal(np.concatenate([hashes for hashes, _ in outputs]), cell_hashes(series, kind))
    assert state.nulls == series.null_count()


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_distinct_values_and_heavy_hitters_agree_with_a_full_count(name):
    kind, series = COLUMNS[name]
    state, _, _ = scanned(series, kind, (100, 21_000))
    found, error = distinct_count(state.distinct)
    assert abs(found / series.n_unique() - 1) <= 4 * error
    if kind in ("category", "boolean"):
        assert state.heavy.counts == dict(series.cast(pl.String).value_counts().iter_rows())
    assert all(count > 0 for count in state.heavy.counts.values())
    assert state.heavy.lost <= ROWS / 1000


@pytest.mark.parametrize("name", ["numbers", "few integers", "many integers"])
def test_moments_agree_with_the_whole_column(name):
    kind, series = COLUMNS[name]
    state, _, _ = scanned(series, kind, (1, 30_000))
    assert state.moments.count == ROWS
    assert state.moments.mean == pytest.approx(series.mean(), rel=1e-9)
    assert state.moments.std == pytest.approx(series.std(), rel=1e-9)
    assert (state.moments.minimum, state.moments.maximum) == (series.min(), series.max())


def test_texts_are_measured_by_length_and_told_apart_by_content():
    series = pl.Series("x", ["aa", "bb", "aa", "ccc", None])
    state, _, _ = scanned(series, "text")
    assert state.moments.mean == pytest.approx(9 / 4)
    assert state.heavy.counts == {"aa": 2, "bb": 1, "ccc": 1}
    assert distinct_count(state.distinct) == (3, 0.0)


def test_keys_are_counted_but_not_remembered():
    state, outputs, _ = scanned(pl.Series("x", ["k1", "k2", "k2", None]), "key")
    assert distinct_count(state.distinct) == (2, 0.0)
    assert state.heavy.counts == {}
    assert outputs[0][1] is None


def test_fractions_of_an_integer_column_are_counted():
    assert scanned(pl.Series("x", [1.0, 2.5, None, 3.5]), "integer")[0].fractions == 2
    assert scanned(pl.Series("x", [1, 2]), "integer")[0].fractions == 0


STORED = {"integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean, "datetime": pl.Datetime("us")}


@pytest.mark.parametrize("kind", ["integer", "number", "category", "boolean", "datetime", "text", "key"])
def test_columns_without_any_value_have_nothing_but_nulls(kind):
    state, outputs, _ = scanned(pl.Series("x", [None, None], dtype=STORED.get(kind, pl.String)), kind)
    assert (state.nulls, state.moments.count, len(state.distinct.hashes), state.heavy.counts) == (2, 0, 0, {})
    assert len(set(outputs[0][0].tolist())) == 1


def test_states_of_two_shards_join():
    kind, series = COLUMNS["categories"]
    whole, _, _ = scanned(series, kind)
    joined = merge(scanned(series[:7000], kind)[0], scanned(series[7000:], kind)[0])
    assert joined.heavy == whole.heavy
    assert joined.distinct.copies.tolist() == whole.distinct.copies.tolist()


def test_wide_tables_keep_less_of_each_column_and_say_so():
    assert limits_for(10) == limits_for(900) == Limits()
    wide = limits_for(5000)
    assert (wide.distinct, wide.heavy) == (800, 200)
    assert limits_for(10**6) == Limits(512, 64)
