"""A table with something to repair, and the verdict on it: a full validation with a small cascade, once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from pydantic import SecretStr

import synthos
from synthos.server.settings import MIB, Settings
from synthos.validation import Validation
from tests.server.postgres import fresh_database

#: The last rows of the table, whose columns are shuffled each on its own.
BROKEN = 400
#: Enough for forests to tell what a fix is worth.
COLUMNS = ("age", "income", "region", "plan")


class Judged(NamedTuple):
    """The table and the real one as Parquet files, what a full validation says, and which models it trained."""

    table: bytes
    real: bytes
    verdict: Validation
    tiers: Path


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Files and SQLite; tests that take ``s3`` have a bucket and PostgreSQL in their place."""
    alone = Settings(data_folder=tmp_path / "data", chunk_bytes=5 * MIB)
    if "s3" not in request.fixturenames:
        return alone
    url = SecretStr(fresh_database(request.getfixturevalue("postgres")))
    return alone.model_copy(update={"s3": request.getfixturevalue("s3"), "database_url": url})


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Reading a bucket's tables changes the environment of a worker's process, which this one is not."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def judged(fresh: pl.DataFrame, real: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("judged")
    table, reference, tiers = (folder / name for name in ("table.parquet", "real.parquet", "tiers.yaml"))
    real.select(COLUMNS).write_parquet(reference)
    tail = fresh.tail(BROKEN)
    shuffled = [tail[name].sample(fraction=1.0, shuffle=True, seed=at) for at, name in enumerate(COLUMNS)]
    pl.concat([fresh.head(-BROKEN).select(COLUMNS), pl.DataFrame(shuffled)]).write_parquet(table)
    tiers.write_text("scale: 0.1\nloop_generations: 0\n", encoding="ascii")
    verdict = synthos.validate(table, reference, tier_config=tiers)
    return Judged(table.read_bytes(), reference.read_bytes(), verdict, tiers)
