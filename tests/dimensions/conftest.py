"""Rows without any damage: a reference, and fresh ones of its kind."""

from __future__ import annotations

import polars as pl
import pytest
from damages import exchangeable

_ROWS = 2_000


@pytest.fixture(scope="module")
def real() -> pl.DataFrame:
    return exchangeable(_ROWS, 1)


@pytest.fixture(scope="module")
def fresh() -> pl.DataFrame:
    return exchangeable(_ROWS, 2)
