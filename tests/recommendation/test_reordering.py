"""Rows that pass through several buckets come out in one order, all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from synthos.recommendation.mending import Feed, hash_rows, surplus, uniforms
from synthos.recommendation.reordering import BUCKET_ROWS, Reordering
from synthos.recommendation.steps import Addition


def _through(order: Reordering, frame: pl.DataFrame) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    for start in range(0, frame.height, 130):
        order.add(frame[start : start + 130])
    parts = list(order.sorted())
    return parts, pl.concat(parts)


def test_sorting_in_buckets_equals_sorting_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = [None if x > 95 else int(x) for x in rng.integers(0, 100, 2_000)]
    frame = pl.DataFrame({"row": range(2_000), "value": values})
    parts, found = _through(Reordering(tmp_path, "value", 4 * BUCKET_ROWS, 0, frame["value"]), frame)
    assert len(parts) == 4
    assert max(part.height for part in parts) < 700
    assert found.equals(frame.sort("value", nulls_last=True, maintain_order=True))


def test_shuffling_in_buckets_is_a_permutation_without_a_trend(tmp_path: Path) -> None:
    frame = pl.DataFrame({"row": range(3_000)})
    parts, found = _through(Reordering(tmp_path, None, 3 * BUCKET_ROWS, 0), frame)
    assert len(parts) == 3
    assert sorted(found["row"].to_list()) == list(range(3_000))
    assert abs(np.corrcoef(found["row"], np.arange(3_000))[0, 1]) < 0.06


def test_uniforms_belong_to_the_row_and_not_to_the_batch() -> None:
    rows = np.arange(10_000)
    whole = uniforms(rows, 3, 1)
    assert np.array_equal(whole[7_000:], uniforms(rows[7_000:], 3, 1))
    assert whole.min() >= 0.0
    assert whole.max() < 1.0
    assert abs(whole.mean() - 0.5) < 0.02
    for other in (uniforms(rows, 4, 1), uniforms(rows, 3, 2)):
        assert abs(np.corrcoef(whole, other)[0, 1]) < 0.05


def test_surplus_marks_all_but_the_first_rows_of_a_kind() -> None:
    hashes = np.array([5, 7, 5, 5, 9, 7], np.uint64)
    assert surplus(hashes, 1).tolist() == [False, False, True, True, False, True]
    assert surplus(hashes, 2).tolist() == [False, False, False, True, False, False]


def test_equal_numbers_hash_alike_whatever_their_type() -> None:
    whole = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
    assert np.array_equal(hash_rows(whole, ["a", "b"]), hash_rows(whole.cast({"a": pl.Float64}), ["a", "b"]))
    assert len(np.unique(hash_rows(whole, ["a", "b"]))) == 3


def test_a_feed_owes_fractions_until_they_make_a_row() -> None:
    frame = pl.DataFrame({"a": range(50)})
    feed = Feed(Addition("mix_real-1", 0.25), iter([frame[:20], frame[20:]]), 1.0, 0)
    taken = [feed.take(2) for _ in range(10)]
    assert [0 if part is None else part.height for part in taken] == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert [part["a"].item() for part in taken if part is not None] == [0, 1, 2, 3, 4]
    rest = feed.take(1_000)
    assert rest is not None
    assert rest.height == 45
    assert feed.short
