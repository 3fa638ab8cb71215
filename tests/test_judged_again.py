"""Judged, mended, judged again: as by a run that knows nothing, and without reading the reference twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthos.flow import repair, validate
from synthos.profiling import full_pass
from synthos.progress import Event
from synthos.tables import parquet, reader
from synthos.validation import Validation

pytestmark = pytest.mark.slow
ROWS = 4_000


def table(seed: int, broken: slice = slice(0)) -> pl.DataFrame:
    """Columns that depend on each other, but in the ``broken`` rows."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=ROWS)
    town = np.array(["Aa", "Bo", "Ce"])[np.digitize(hidden, [-0.5, 0.7])]
    columns: dict[str, Any] = {"age": (40 + 12 * hidden).round(), "town": town, "pay": np.exp(hidden).round(2)}
    for name in columns:
        columns[name][broken] = rng.permutation(columns[name][broken])
    return pl.DataFrame(columns)


def told(validation: Validation) -> dict[str, Any]:
    return {name: value for name, value in validation.to_dict().items() if name != "timings"}


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_only_what_was_mended_is_read_and_the_verdict_is_the_same(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, size in ((parquet, "SHARD_ROWS", 200), (reader, "UNIT_ROWS", 100), (full_pass, "KEPT_BYTES", 1)):
        monkeypatch.setattr(module, name, size)
    real, made, fixed = (tmp_path / name for name in ("real.parquet", f"made.{ending}", "fixed.parquet"))
    table(1).write_parquet(real, row_group_size=100)
    broken = table(2, slice(1_230, 2_360))
    if ending == "csv":
        made.mkdir()
        for first in range(0, ROWS, 500):
            broken[first : first + 500].write_csv(made / f"{first:04}.csv")
    else:
        broken.write_parquet(made, row_group_size=100)
    options: dict[str, Any] = {"quick": True, "cache": tmp_path / "cache"}
    first = validate(made, real, **options)
    chosen = [item.id for item in first.recommendations if item.kind == "remove_rows"]
    report = repair(made, first, fixed, only=chosen, cache=tmp_path / "cache")
    assert 0 < report.unchanged < report.rows_after
    events: list[Event] = []
    again = validate(fixed, real, **options, on_progress=events.append)
    anew = validate(fixed, real, **{**options, "cache": False})
    assert told(again) == told(anew)
    begun = {event.message.split()[0]: event for event in reversed(events) if event.stage == "scan"}
    assert begun["reference"].done == begun["reference"].total
    assert 0 < begun["synthetic"].done < begun["synthetic"].total
