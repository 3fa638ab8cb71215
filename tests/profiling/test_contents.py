"""A table is known again by its contents, however it is stored, and no other is taken for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthos.errors import AlignmentError, ConfigError
from synthos.profiling.contents import content_fingerprint, require_same_table
from synthos.progress import Event
from synthos.results import Kind, TableProfile
from synthos.stages import prepare, scan_table
from synthos.tables.sources import open_table

ROWS = 700


def table(seed: int = 0) -> pl.DataFrame:
    """A column of every kind, some values missing."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"k{number}" for number in rng.permutation(ROWS)],
            "town": rng.choice(["Aa", "Bo", "Ce"], ROWS),
            "class": rng.integers(0, 3, ROWS),
            "age": [None if age == 20 else age for age in rng.integers(18, 80, ROWS).tolist()],
            "height": rng.normal(170.0, 9.0, ROWS).round(2),
            "member": rng.random(ROWS) < 0.4,
            "since": [datetime(2020, 1, 1) + timedelta(minutes=int(minute)) for minute in rng.integers(0, 10**6, ROWS)],
            "note": [" ".join(rng.choice(["good", "bad", "late", "early", "never"], 6)) for _ in range(ROWS)],
        }
    )


#: Kinds of the columns that are easily taken for something else.
KINDS: dict[str, Kind] = {"id": "key", "class": "category", "note": "text"}


def judged(synthetic: object, reference: object = None) -> TableProfile:
    """The profile as a validation makes it, kinds and types settled with the reference."""
    return scan_table(prepare(synthetic, reference, kinds=KINDS), "synthetic").profile


def stored(frame: pl.DataFrame, folder: Path, ending: str) -> Path:
    path = folder / f"s{ending}"
    write = {".parquet": frame.write_parquet, ".csv": frame.write_csv, ".jsonl": frame.write_ndjson}
    write[ending](path)
    return path


#: A reference that stores some columns differently, so that the tables are read with types that neither has alone.
WIDER = {"class": pl.Float64(), "age": pl.Float64(), "height": pl.Float32()}


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("wider", [{}, WIDER, {"since": pl.Date()}])
def test_the_table_that_was_judged_is_known_again(ending: str, wider: dict[str, pl.DataType], tmp_path: Path) -> None:
    path = stored(table(), tmp_path, ending)
    profile = judged(path, table(1).cast(wider))  # type: ignore[arg-type]
    assert content_fingerprint(open_table(path), profile) == profile.fingerprint
    require_same_table(open_table(path), profile)


def test_columns_may_stand_in_another_order_and_others_beside_them(tmp_path: Path) -> None:
    frame = table()
    profile = judged(frame.with_columns(more=1), frame)
    turned = open_table(frame.select(reversed(frame.columns)).with_columns(less=2))
    assert content_fingerprint(turned, profile) == profile.fingerprint
    require_same_table(turned, profile)


@pytest.mark.parametrize("name", table().columns)
def test_one_other_value_makes_another_table(name: str) -> None:
    frame, other = table(), table(5)
    changed = frame.with_columns(pl.concat([frame[name][:-1], other.filter(pl.col(name) != frame[name][-1])[name][:1]]))
    with pytest.raises(ConfigError, match=r"does not hold the rows .* validate this one"):
        require_same_table(open_table(changed), judged(frame))


def test_the_same_rows_in_another_order_are_another_table() -> None:
    with pytest.raises(ConfigError, match="does not hold the rows"):
        require_same_table(open_table(table().reverse()), judged(table()))


def test_rows_and_columns_are_told_apart_before_anything_is_read() -> None:
    heard: list[Event] = []
    with pytest.raises(ConfigError, match="has 699 rows, and the result is of a table of 700"):
        require_same_table(open_table(table()[1:]), judged(table()), heard.append)
    with pytest.raises(AlignmentError, match="lacks columns of the table that was validated: age"):
        require_same_table(open_table(table().drop("age")), judged(table()), heard.append)
    assert not heard
