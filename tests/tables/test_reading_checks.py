"""What every batch goes through: types brought into line, NaN as null, infinities refused; and widening of types."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthos.errors import SchemaError
from synthos.tables.arrow_types import arrow_type, plain, polars_type, wider
from synthos.tables.folder import common_dtypes, unique_names, widened
from synthos.tables.types import canonical, check_batch, conform, iso_datetime, named

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=32) | st.none()


@given(values=st.lists(FLOATS, min_size=1, max_size=30), first_row=st.integers(0, 10**9))
def test_infinities_are_found_where_they_are_and_not_a_number_is_null(
    values: list[float | None], first_row: int
) -> None:
    frame = pl.DataFrame({"n": range(len(values)), "x": pl.Series(values, dtype=pl.Float64)})
    at = next((i for i, value in enumerate(values) if value is not None and np.isinf(value)), None)
    if at is None:
        expected = [None if value is None or np.isnan(value) else value for value in values]
        assert check_batch(frame, "t", first_row)["x"].to_list() == expected
    else:
        with pytest.raises(SchemaError, match=rf"t: column 'x' holds an infinity at row {first_row + at} \(counted"):
            check_batch(frame, "t", first_row)


def test_a_sound_batch_is_passed_on_as_it_is() -> None:
    frame = pl.DataFrame({"x": [1.0, None], "s": ["a", None]})
    assert check_batch(frame, "t", 0) is frame
    assert conform(frame, frame.schema, "t", 0) is frame


def test_conforming_selects_orders_and_converts() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["2024-01-01", None], "c": [True, False]})
    done = conform(frame, {"b": pl.Datetime("us"), "a": pl.Float64()}, "t", 0)
    assert_frame_equal(done, pl.DataFrame({"b": [dt.datetime(2024, 1, 1), None], "a": [1.0, None]}))


def test_the_first_value_that_does_not_convert_is_named() -> None:
    frame = pl.DataFrame({"a": [1, 2**40, 2**41]})
    with pytest.raises(SchemaError, match=r"value '1099511627776' in column 'a' at row 71 .* cannot be read as an int"):
        conform(frame, {"a": pl.Int32()}, "t", 70)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-02-29", dt.datetime(2024, 2, 29)),
        ("2024-02-29T10:11", dt.datetime(2024, 2, 29, 10, 11)),
        ("2024-02-29 10:11:12", dt.datetime(2024, 2, 29, 10, 11, 12)),
        ("2024-02-29T10:11:12.345678", dt.datetime(2024, 2, 29, 10, 11, 12, 345678)),
        ("2024-02-29T10:11:12.5Z", dt.datetime(2024, 2, 29, 10, 11, 12, 500_000)),
        ("2024-02-29 10:11:12+02:00", dt.datetime(2024, 2, 29, 8, 11, 12)),
        ("2024-02-29 10:11:12-0330", dt.datetime(2024, 2, 29, 13, 41, 12)),
        ("2023-02-29", None),
        ("29.02.2024", None),
        ("2024-02", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_iso_datetimes(written: str | None, expected: dt.datetime | None) -> None:
    frame = pl.DataFrame({"x": pl.Series([written], dtype=pl.String)})
    assert frame.select(iso_datetime(pl.col("x"))).item() == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pl.Int8(), pl.Int64(), pl.Int64()),
        (pl.UInt64(), pl.Int64(), pl.Float64()),
        (pl.Int64(), pl.Float32(), pl.Float64()),
        (pl.Float32(), pl.Float32(), pl.Float32()),
        (pl.Date(), pl.Datetime("ms"), pl.Datetime("us")),
        (pl.Null(), pl.String(), pl.String()),
        (pl.Boolean(), pl.Null(), pl.Boolean()),
        (pl.Categorical(), pl.String(), pl.String()),
        (pl.Boolean(), pl.Int64(), None),
        (pl.String(), pl.Int64(), None),
        (pl.Datetime("us"), pl.Int64(), None),
    ],
)
def test_widening_is_symmetric(one: pl.DataType, other: pl.DataType, expected: pl.DataType | None) -> None:
    assert widened(one, other) == expected == widened(other, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.null(), pa.bool_(), pa.bool_()),
        (pa.date32(), pa.timestamp("s"), pa.timestamp("us")),
        (pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us")),
        (pa.timestamp("s", "UTC"), pa.timestamp("ns"), pa.string()),
        (pa.bool_(), pa.int64(), pa.string()),
        (pa.list_(pa.int64()), pa.int64(), pa.list_(pa.int64())),
    ],
)
def test_text_of_two_types_is_read_as_the_one_that_holds_both(
    one: pa.DataType, other: pa.DataType, expected: pa.DataType
) -> None:
    assert wider(one, other) == expected == wider(other, one)


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.Float64(), pl.Boolean(), pl.String(), pl.Date(), pl.Datetime("us")])
def test_arrow_and_polars_types_go_both_ways(dtype: pl.DataType) -> None:
    assert polars_type(arrow_type(dtype)) == dtype == canonical(dtype)
    assert plain(arrow_type(dtype)).startswith(("a ", "an ", "true"))


@pytest.mark.parametrize(
    "dtype", [pl.List(pl.Int8()), pl.Struct({"a": pl.Int8()}), pl.Array(pl.Int8(), 2), pl.Binary()]
)
def test_types_that_cannot_be_judged(dtype: pl.DataType) -> None:
    assert canonical(dtype) is None


def test_long_lists_of_names_are_cut() -> None:
    assert named("abc") == "'a', 'b', 'c'"
    assert named(["a", "b", "c", "d", "e", "f", "g"]) == "'a', 'b', 'c', 'd', 'e' and 2 more"


def test_names_must_be_there_and_differ() -> None:
    unique_names(["a", "A", " a"], "t")
    with pytest.raises(SchemaError, match="t: column 2 has no name"):
        unique_names(["a", ""], "t")
    with pytest.raises(SchemaError, match="t: duplicate column names 'b', 'a'"):
        unique_names(["b", "a", "b", "a"], "t")


def test_the_first_file_gives_the_order_of_columns() -> None:
    first, second = {"b": pl.Int64(), "a": pl.String()}, {"a": pl.String(), "b": pl.Float64()}
    assert list(common_dtypes([("1", first), ("2", second)]).items()) == [("b", pl.Float64()), ("a", pl.String())]
