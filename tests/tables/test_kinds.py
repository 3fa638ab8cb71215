"""Kinds: inferred from values, or declared."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthos.errors import ConfigError
from synthos.tables.kinds import infer_kinds, load_overrides

ROWS = 2_000


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def ids(width: int) -> list[str]:
    return [generator().bytes(width).hex()[: 2 * width - 2] + f"{i:04x}"[-2:] + f"{i:06x}" for i in range(ROWS)]


MOMENT = dt.datetime(2024, 1, 1)
COLUMNS: list[tuple[str, object, str]] = [
    ("floats, all distinct", generator().normal(size=ROWS), "number"),
    ("floats, few values", generator().choice([0.5, 1.5], ROWS), "number"),
    ("counts", generator().integers(0, 100, ROWS), "integer"),
    ("zero or one", generator().integers(0, 2, ROWS), "integer"),
    ("survey weight", generator().integers(12_000, 500_000, ROWS), "integer"),
    ("salary in cents", generator().integers(10**6, 10**9, ROWS), "integer"),
    ("skewed amounts", np.exp(generator().normal(10, 2, ROWS)).astype(int), "integer"),
    ("row number", np.arange(ROWS), "key"),
    ("shuffled number", generator().permutation(ROWS) + 5_000, "key"),
    ("numbers of a tenth of a register", generator().permutation(10 * ROWS)[:ROWS], "key"),
    ("row number, some twice", np.r_[np.arange(ROWS - 20), np.arange(20)], "key"),
    ("64-bit hash", generator().integers(0, 2**63 - 1, ROWS), "key"),
    ("customer_id", generator().choice(10**9, ROWS, replace=False), "key"),
    ("patientId", generator().choice(10**9, ROWS, replace=False), "key"),
    ("amount_paid", generator().choice(10**9, ROWS, replace=False), "integer"),
    ("flag", generator().random(ROWS) < 0.5, "boolean"),
    ("colour", generator().choice(["red", "green"], ROWS), "category"),
    ("city", [f"city {i}" for i in generator().integers(0, 300, ROWS)], "category"),
    ("digits as strings", generator().integers(0, 20, ROWS).astype(str), "category"),
    ("uuid", [str(uuid.UUID(int=i * 7**40 % 2**128)) for i in range(ROWS)], "key"),
    ("hash", ids(16), "key"),
    ("order number", [f"AB-{i:06d}" for i in generator().permutation(ROWS)], "key"),
    ("person", [f"{a} {b}" for a, b in zip(ids(3), ids(2), strict=True)], "text"),
    ("remark", ["a longer remark about something " * 3 + str(i % 400) for i in range(ROWS)], "text"),
    ("date", [(MOMENT + dt.timedelta(days=i % 900)).date() for i in range(ROWS)], "datetime"),
    ("moment", [MOMENT + dt.timedelta(seconds=i) for i in range(ROWS)], "datetime"),
    ("ISO date", [str((MOMENT + dt.timedelta(days=i % 900)).date()) for i in range(ROWS)], "datetime"),
    ("ISO moment", [(MOMENT + dt.timedelta(seconds=i)).isoformat() + "+02:00" for i in range(ROWS)], "datetime"),
    ("almost a date", [*["2024-01-01"] * (ROWS - 1), "2024-13-01"], "category"),
    ("empty strings", pl.Series([None] * ROWS, dtype=pl.String), "category"),
    ("empty integers", pl.Series([None] * ROWS, dtype=pl.Int64), "integer"),
    ("constant", [3] * ROWS, "integer"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "kind"), COLUMNS, ids=[name for name, _, _ in COLUMNS])
def test_kind(name: str, values: object, kind: str) -> None:
    column = pl.Series(name, values)
    assert infer_kinds(column.to_frame(), ROWS) == {name: kind}
    holes = column.to_frame().with_columns(pl.when(pl.int_range(pl.len()) % 11 > 0).then(pl.col(name)))
    assert infer_kinds(holes, ROWS) == {name: kind}


def test_row_numbers_are_keys_in_a_sample_of_a_huge_table() -> None:
    sample = np.sort(generator().choice(10**9, ROWS, replace=False))
    assert infer_kinds(pl.DataFrame({"n": sample}), 10**9) == {"n": "key"}
    assert infer_kinds(pl.DataFrame({"n": sample}), 10**7) == {"n": "integer"}


def test_a_few_distinct_values_prove_nothing() -> None:
    assert infer_kinds(pl.DataFrame({"n": [1, 2, 3], "s": ["a1", "b2", "c3"]})) == {"n": "integer", "s": "category"}


def test_overrides(tmp_path: Path) -> None:
    path = tmp_path / "kinds.yaml"
    path.write_text("columns:\n  zip: category\n  joined: datetime\n")
    assert load_overrides(path) == {"zip": "category", "joined": "datetime"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("columns:\n  zip: categorical\n", r"'categorical' is no kind \(column 'zip'\); use one of integer, number"),
        ("columns:\n  zip: [category]\n", "is no kind"),
        ("columns: [zip\n", "is not YAML"),
        ("zip: category\n", r"does not have the form \{columns: \{name: kind\}\}"),
        ("columns:\n  1: category\n", "does not have the form"),
        ("columns:\n", "does not have the form"),
        ("", "does not have the form"),
    ],
)
def test_bad_overrides_name_the_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "kinds.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_overrides(path)
    assert str(path) in str(caught.value)


def test_overrides_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_overrides(tmp_path / "kinds.yaml")
    (tmp_path / "kinds.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_overrides(tmp_path / "kinds.yaml")
