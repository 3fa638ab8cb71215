"""Between Arrow's types and polars' own; and which type holds the values of two."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl
import pyarrow as pa


def frame_of(table: Any) -> pl.DataFrame:
    """A polars frame of an Arrow table or record batch, without copying where the layouts agree."""
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def schema_of(schema: Any) -> dict[str, pl.DataType]:
    """Polars types of an Arrow schema."""
    # Not `schema.empty_table()`, which would import pandas.
    return dict(frame_of(pa.Table.from_batches([], schema)).schema)


@cache
def polars_type(dtype: Any) -> pl.DataType:
    """The polars type that values of Arrow type ``dtype`` become."""
    return schema_of(pa.schema([("c", dtype)]))["c"]


def arrow_type(dtype: pl.DataType) -> Any:
    """The type that text is read as where a column shall be of polars type ``dtype``."""
    if dtype.is_integer():
        return pa.int64()
    if dtype.is_float():
        return pa.float64()
    others = {pl.Boolean: pa.bool_(), pl.Date: pa.date32(), pl.Datetime: pa.timestamp("us")}
    return others.get(type(dtype), pa.string())


def wider(one: Any, other: Any) -> Any:
    """The Arrow type that text in which both types were found is read as; strings where nothing else holds both."""
    one, other = _settled(one), _settled(other)
    if one == other or pa.types.is_null(other) or pa.types.is_nested(one):
        return one
    if pa.types.is_null(one) or pa.types.is_nested(other):
        return other
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.timestamp("us") if {one, other} == {pa.date32(), pa.timestamp("us")} else pa.string()


def plain(dtype: Any) -> str:
    """An Arrow type in words: what a value should have been."""
    if pa.types.is_timestamp(dtype):
        return "a datetime"
    names = {"int64": "an integer", "double": "a number", "bool": "true or false", "date32[day]": "a date"}
    return names.get(str(dtype), f"a {dtype}")


def _settled(dtype: Any) -> Any:
    # Arrow infers seconds or nanoseconds by what it has seen; microseconds hold both.
    return pa.timestamp("us", dtype.tz) if pa.types.is_timestamp(dtype) else dtype
