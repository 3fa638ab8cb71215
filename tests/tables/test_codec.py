"""Bins that the reference fixes, and the codes they give."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import SchemaError
from synthos.results import Kind
from synthos.tables.codec import MAX_BINS, MAX_CATEGORIES, CategoryBins, Codec, fit_numeric, numeric_view
from synthos.tables.schema import Column, Schema

KINDS: tuple[Kind, ...] = ("integer", "number", "category", "boolean", "datetime", "text")


def fitted(values: pl.Series, kind: Kind) -> Codec:
    return Codec.fit(values.to_frame(), Schema((Column(values.name, kind, str(values.dtype)),)))


def codes(codec: Codec, values: pl.Series) -> list[int]:
    return [int(code) for code in codec.encode(values.to_frame())[:, 0]]


def test_nulls_are_zero_and_unseen_labels_last() -> None:
    reference = pl.Series("x", ["b", "a", None, "b"])
    codec = fitted(reference, "category")
    assert codes(codec, reference) == [1, 2, 0, 1]
    assert codes(codec, pl.Series("x", ["a", "new", None])) == [2, 3, 0]
    assert codec.sizes == (4,)
    assert [codec.label(0, code) for code in range(4)] == ["null", "b", "a", "(unseen or rare)"]


def test_labels_that_are_about_equally_frequent_are_not_chosen_by_chance() -> None:
    """Were those kept that a sample has most of, another sample would always have fewer of them."""
    rng = np.random.default_rng(0)
    whole = pl.Series("x", rng.permutation(np.repeat([f"town {number}" for number in range(200)], 40)))
    ours, theirs = whole[:2_000], whole[2_000:4_000]
    codec = fitted(ours, "category")
    known = range(1, MAX_CATEGORIES + 1)
    kept = [np.isin(codec.encode(part.to_frame())[:, 0], known).sum() for part in (ours, theirs)]
    assert abs(kept[0] - kept[1]) <= 4.0 * np.sqrt(2.0 * 2_000 * MAX_CATEGORIES / 200)
    again = fitted(theirs, "category")
    assert len(set(_labels(codec)) & set(_labels(again))) >= 0.9 * MAX_CATEGORIES


def test_labels_that_are_clearly_more_frequent_are_kept() -> None:
    common = [f"common {number}" for number in range(40)]
    seldom = [f"seldom {number}" for number in range(400)]
    codec = fitted(pl.Series("x", common * 100 + seldom * 10), "category")
    labels = _labels(codec)
    assert len(labels) == MAX_CATEGORIES and set(common) <= set(labels) and set(labels[:40]) == set(common)


def _labels(codec: Codec) -> tuple[str, ...]:
    bins = codec.bins[0]
    assert isinstance(bins, CategoryBins)
    return bins.labels


def test_rare_labels_share_the_last_code() -> None:
    frequent = [f"label {i:03d}" for i in range(MAX_CATEGORIES)]
    reference = pl.Series("x", frequent * 20 + ["rare 1", "rare 2"])
    codec = fitted(reference, "category")
    assert codec.sizes == (MAX_CATEGORIES + 2,)
    assert codes(codec, pl.Series("x", ["rare 1", "label 000", "rare 2"])) == [
        MAX_CATEGORIES + 1,
        1,
        MAX_CATEGORIES + 1,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_without_values_has_only_the_code_of_nulls(kind: Kind) -> None:
    types: dict[Kind, pl.DataType] = {"integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean()}
    empty = pl.Series("x", [None, None], dtype=types.get(kind, pl.String()))
    assert codes(fitted(empty, kind), empty) == [0, 0]


def test_bins_hold_equal_shares_of_the_reference() -> None:
    values = np.random.default_rng(0).normal(size=24_000)
    bins = fit_numeric(values)
    counts = np.bincount(bins.encode(values), minlength=bins.size)
    assert counts[0] == counts[-1] == 0
    assert len(counts) == MAX_BINS + 2
    assert np.abs(counts[1:-1] - 1_000).max() <= 1


def test_a_heavy_value_has_a_bin_of_its_own() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([np.zeros(5_000), generator.exponential(100, 4_000) + 1, np.full(1_000, 99_999.0)])
    bins = fit_numeric(values)
    code = bins.encode(values)
    assert len(set(code[values == 0])) == len(set(code[values == 99_999])) == 1
    assert not set(code[values == 0]) & set(code[values > 0])
    assert not set(code[values == 99_999]) & set(code[values < 99_999])


def test_values_outside_the_reference_fall_into_the_outer_bins() -> None:
    codec = fitted(pl.Series("x", [1, 2, 3]), "integer")
    assert codes(codec, pl.Series("x", [-99, 1, 2, 3, 99])) == [1, 1, 2, 3, 3]
    assert [codec.label(0, code) for code in range(5)] == ["null", "≤ 1", "1 – 2", "> 2", "(unused)"]


def test_a_constant_has_one_bin() -> None:
    codec = fitted(pl.Series("x", [4.0, 4.0]), "number")
    assert codec.label(0, 1) == "any" and codes(codec, pl.Series("x", [4.0, 5.0])) == [1, 1]


def test_datetimes_are_seconds_whatever_stores_them() -> None:
    moment = dt.datetime(1970, 1, 2, 0, 0, 1, 500_000)
    stamps = pl.Series("x", [moment, None])
    for series in (stamps, stamps.cast(pl.Datetime("ns")), stamps.dt.to_string("%Y-%m-%d %H:%M:%S%.f")):
        assert numeric_view(series, "datetime").to_list() == [86_401.5, None]
    assert numeric_view(pl.Series("x", [dt.date(1970, 1, 3)]), "datetime").to_list() == [2 * 86_400.0]


def test_strings_that_are_no_datetimes_are_named() -> None:
    with pytest.raises(SchemaError, match="value 'soon' in column 'x' at row 1"):
        numeric_view(pl.Series("x", ["2024-01-01", "soon"]), "datetime")


def test_text_is_its_length() -> None:
    assert numeric_view(pl.Series("x", ["", "été", None]), "text").to_list() == [0.0, 3.0, None]


def test_only_modelled_columns_are_coded() -> None:
    frame = pl.DataFrame({"id": [1, 2], "flag": [True, None]})
    schema = Schema((Column("id", "key", "Int64"), Column("flag", "boolean", "Boolean")))
    codec = Codec.fit(frame, schema)
    assert codec.encode(frame).tolist() == [[1], [0]]
    only_keys = Schema(schema.columns[:1])
    assert Codec.fit(frame, only_keys).encode(frame).shape == (2, 0)
    assert schema.kind("id") == "key" and schema.names == ("id", "flag")
    with pytest.raises(KeyError, match="nothing"):
        schema.kind("nothing")


@given(
    reference=st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=200),
    others=st.lists(st.floats(-1e9, 1e9), max_size=50),
)
def test_codes_are_in_range_and_in_order(reference: list[float], others: list[float]) -> None:
    bins = fit_numeric(np.array(reference))
    values = np.sort(np.array(reference + others))
    code = bins.encode(values)
    assert code.min() >= 1 and code.max() < bins.size and bins.size < 256
    assert (np.diff(code.astype(int)) >= 0).all()
