"""A table with something to repair, and the verdict on it: some twenty seconds, once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

import synthos
from synthos.validation import Validation

#: The last rows of the table, whose columns are shuffled each on its own.
BROKEN = 400


class Judged(NamedTuple):
    """The table as a Parquet file, the real one, and what a full validation with a small cascade says."""

    table: bytes
    real: bytes
    verdict: Validation


@pytest.fixture(scope="session")
def judged(tables: Path, fresh: pl.DataFrame, real: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    tail = fresh.tail(BROKEN)
    shuffled = [tail[name].sample(fraction=1.0, shuffle=True, seed=at) for at, name in enumerate(tail.columns)]
    path = tmp_path_factory.mktemp("judged") / "table.parquet"
    pl.concat([fresh.head(-BROKEN), pl.DataFrame(shuffled)]).write_parquet(path)
    verdict = synthos.validate(path, tables / "real.parquet", tier_config=tables / "tiers.yaml")
    return Judged(path.read_bytes(), (tables / "real.parquet").read_bytes(), verdict)
