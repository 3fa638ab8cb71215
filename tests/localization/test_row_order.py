"""What the order of the rows carries is no damage: a column that runs along it, and the originals of later copies."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import planted
import polars as pl
import pytest

from synthos.localization import row_order
from synthos.localization.regions import find_regions
from synthos.results import Kind, Region

KINDS: dict[str, Kind] = {**planted.KINDS, "signup": "datetime"}
ROWS = 4_000


def _in_time(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The frame with a ``signup`` that rises from its first row to its last."""
    seconds = np.sort(np.random.default_rng(seed).integers(0, 3 * 365 * 86_400, frame.height))
    stamps = [datetime(2021, 1, 1) + timedelta(seconds=int(second)) for second in seconds]
    return frame.with_columns(pl.Series("signup", stamps))


def _replaced(frame: pl.DataFrame, start: int, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame[:start], rows, frame[start + rows.height :]])


def _regions(synthetic: pl.DataFrame, reference: pl.DataFrame | None) -> tuple[Region, ...]:
    return find_regions(planted.evidence_from_frames(synthetic, reference, kinds=KINDS))


@pytest.fixture(scope="module")
def reference() -> pl.DataFrame:
    return _in_time(planted.table(ROWS, 99), 99)


@pytest.fixture(scope="module")
def sound() -> pl.DataFrame:
    return _in_time(planted.table(ROWS, 12), 12)


@pytest.mark.parametrize("known", [True, False], ids=["reference", "no reference"])
def test_a_sorted_column_is_not_blamed_for_the_damage_of_another(
    known: bool, sound: pl.DataFrame, reference: pl.DataFrame
) -> None:
    tripled = sound[2_500:2_900].with_columns(pl.col("income") * 3)
    (region,) = _regions(_replaced(sound, 2_500, tripled), reference if known else None)
    assert (region.issue, region.columns) == ("shift", ("income",))
    assert planted.overlap(region.row_range, (2_500, 2_900)) > 0.95


def test_a_sorted_column_is_not_blamed_for_shuffled_rows(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    shuffled = planted.shuffled(sound[1_000:2_000].drop("signup"), np.random.default_rng(0))
    damaged = _replaced(sound, 1_000, shuffled.with_columns(sound["signup"][1_000:2_000]))
    (region,) = _regions(damaged, reference)
    assert region.issue == "shuffled"
    assert "signup" not in region.columns


def test_nulls_in_a_sorted_column_are_found(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    gone = sound[1_000:1_600].with_columns(pl.lit(None, sound["signup"].dtype).alias("signup"))
    (region,) = _regions(_replaced(sound, 1_000, gone), reference)
    assert (region.issue, region.columns) == ("nulls", ("signup",))


def test_a_constant_stretch_of_a_sorted_column_is_found(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    stuck = sound[2_500:2_900].with_columns(pl.lit(sound["signup"][2_500]).alias("signup"))
    (region,) = _regions(_replaced(sound, 2_500, stuck), reference)
    assert (region.issue, region.columns) == ("mode", ("signup",))
    assert planted.overlap(region.row_range, (2_500, 2_900)) > 0.9


def _by_day(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("signup").dt.truncate("1d"))


def test_a_constant_stretch_of_days_is_found(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    """Four rows in five have the day of the row before, as they should: only the length of the stretch tells."""
    days = _by_day(sound)
    stuck = days[2_500:2_900].with_columns(pl.lit(days["signup"][2_500]).alias("signup"))
    (region,) = _regions(_replaced(days, 2_500, stuck), _by_day(reference))
    assert (region.issue, region.columns) == ("mode", ("signup",))
    assert planted.overlap(region.row_range, (2_500, 2_900)) > 0.9
    assert _regions(days, _by_day(reference)) == ()


@pytest.mark.parametrize("known", [True, False], ids=["reference", "no reference"])
def test_rows_torn_from_their_order_are_found(known: bool, sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    order = np.random.default_rng(0).permutation(600)
    torn = sound[1_000:1_600].with_columns(sound["signup"][1_000:1_600].gather(order))
    (region,) = _regions(_replaced(sound, 1_000, torn), reference if known else None)
    assert (region.issue, region.columns) == ("shuffled", ("signup",))
    assert planted.overlap(region.row_range, (1_000, 1_600)) > 0.9


def test_copies_of_the_reference_do_not_hide_the_order(sound: pl.DataFrame, reference: pl.DataFrame) -> None:
    (region,) = _regions(_replaced(sound, 3_000, reference[200:900]), reference)
    assert region.issue == "copied"
    assert planted.overlap(region.row_range, (3_000, 3_700)) > 0.9


@pytest.mark.parametrize("start", [1_000, 2_000, 3_000], ids=["adjoining", "apart", "at the end"])
@pytest.mark.parametrize("known", [True, False], ids=["reference", "no reference"])
def test_of_a_stretch_and_its_copy_only_the_later_is_blamed(start: int, known: bool) -> None:
    sound = planted.table(ROWS, 12)
    synthetic = _replaced(sound, start, sound[:1_000])
    (region,) = find_regions(planted.evidence(synthetic, planted.table(ROWS, 99) if known else None))
    assert region.issue == "duplicates"
    assert planted.overlap(region.row_range, (start, start + 1_000)) > 0.9


def test_copies_in_a_sorted_table_are_blamed_and_their_originals_are_not(
    sound: pl.DataFrame, reference: pl.DataFrame
) -> None:
    (region,) = _regions(_replaced(sound, 2_000, sound[:1_000]), reference)
    assert region.issue == "duplicates"
    assert planted.overlap(region.row_range, (2_000, 3_000)) > 0.9


def test_a_column_runs_along_the_rows_only_if_it_does_so_as_a_whole() -> None:
    rng, rows = np.random.default_rng(0), np.arange(2_000)
    halves = np.where(rows < 1_000, 1, 2)
    columns = {
        "sorted": 1 + rows // 100,
        "labels, sorted in any order": rng.permutation(20)[rows // 100] + 1,
        "with nulls": np.where(rng.random(2_000) < 0.5, 0, 1 + rows // 100),
        "random": rng.integers(1, 21, 2_000),
        "two halves": halves,
        "drifting": np.clip(10 + np.round(2 * rng.normal(size=2_000) + rows / 400), 1, 40).astype(np.int64),
        "constant": np.ones(2_000, np.int64),
        "null": np.zeros(2_000, np.int64),
    }
    codes = np.column_stack(list(columns.values())).astype(np.uint8)
    found = row_order.trending(codes, [41] * len(columns), rows)
    assert [name for i, name in enumerate(columns) if i in found] == list(columns)[:3]


def test_a_row_is_a_copy_only_after_its_equal() -> None:
    hashes = np.array([1, 2, 3, 4, 5, 1, 2, 3, 4, 9], np.uint64)
    assert row_order.later_copies(hashes, 0, 4) == 4
    assert row_order.later_copies(hashes, 0, 9) == 5
    assert row_order.later_copies(hashes, 5, 9) == 5
