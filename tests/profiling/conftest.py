"""Small tables and plans for the tests of the scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest

from synthos.profiling.scan import ScanPlan
from synthos.results import Kind
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema

KINDS: dict[str, Kind] = {
    "amount": "number",
    "age": "integer",
    "city": "category",
    "member": "boolean",
    "joined": "datetime",
    "remark": "text",
    "id": "key",
}


def make_table(rows: int, seed: int = 0) -> pl.DataFrame:
    """Every kind of column, with nulls in two of them."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "amount": rng.lognormal(2, 1, rows),
            "age": rng.integers(18, 90, rows),
            "city": np.array(["Oslo", "Rome", "Lima", "Bonn", "Kyiv"])[rng.integers(0, 5, rows)],
            "member": rng.random(rows) < 0.3,
            "joined": np.datetime64("2020-01-01", "us") + rng.integers(0, 10**9, rows).astype("timedelta64[s]"),
            "remark": ["word " * int(count) for count in rng.integers(1, 9, rows)],
            "id": [f"row-{index}" for index in range(rows)],
        }
    )
    gaps = pl.Series(rng.random(rows) < 0.1)
    return frame.with_columns(
        pl.when(~gaps).then(pl.col("amount")).alias("amount"), pl.when(~gaps).then(pl.col("city")).alias("city")
    )


def make_plan(frame: pl.DataFrame, kinds: Mapping[str, Kind] = KINDS, **options: int) -> ScanPlan:
    schema = Schema(tuple(Column(name, kinds[name], str(frame.schema[name])) for name in frame.columns))
    return ScanPlan(schema, Codec.fit(frame, schema), **options)


@pytest.fixture
def table() -> Callable[..., pl.DataFrame]:
    return make_table


@pytest.fixture
def plan() -> Callable[..., ScanPlan]:
    return make_plan
