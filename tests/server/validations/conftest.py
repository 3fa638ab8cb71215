"""The document of one validation of a wreck, with a small cascade: made once, some twenty seconds."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import synthos
from synthos.server.validations.documents import Document


@pytest.fixture(scope="session")
def document(wreck: pl.DataFrame, real: pl.DataFrame, tables: Path) -> Document:
    return synthos.validate(wreck, real, tier_config=tables / "tiers.yaml").to_dict()
