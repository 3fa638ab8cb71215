"""The parts of the scan: the run statistic and its null, the ends of a run, the two ways to lose variety."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import planted
import polars as pl
import pytest

from synthos.localization import boundaries, channels, narrowing, regions, segments, sides
from synthos.localization.full_table import full_table_runs
from synthos.sampling.evidence import Evidence

TWO_SIDED = np.zeros(3, bool)


def blocks(seed: int, *, shift: float = 0.0, run: slice = slice(40, 60)) -> np.ndarray:
    """Means of 200 blocks in three channels, the first displaced over ``run``."""
    means = np.random.default_rng(seed).normal(size=(200, 3))
    means[run, 0] += shift
    return means


def test_blocks_cover_all_rows_evenly() -> None:
    for rows in (40, 500, 8_000, 50_001):
        edges = segments.block_edges(rows)
        assert (edges[0], edges[-1]) == (0, rows)
        assert np.diff(edges).min() >= segments.LEAST_BLOCK_ROWS
        assert np.ptp(np.diff(edges)) <= 1
        assert len(edges) <= segments.BLOCKS + 1


def test_block_means_are_the_means_of_their_rows() -> None:
    values = np.random.default_rng(0).normal(size=(103, 2)).astype(np.float32)
    edges = segments.block_edges(103)
    expected = np.stack([values[a:b].mean(axis=0) for a, b in pairwise(edges)])
    assert segments.block_means(values, edges) == pytest.approx(expected, abs=1e-6)


def test_best_runs_agree_with_the_two_sample_statistic() -> None:
    scaled = segments.standardised(blocks(0))
    found = segments.observed_runs(scaled, TWO_SIDED)
    best = 0.0
    for length in segments.run_lengths(200):
        for start in range(200 - length + 1):
            inside = scaled[start : start + length, 1]
            outside = np.delete(scaled[:, 1], slice(start, start + length))
            difference = inside.mean() - outside.mean()
            best = max(best, abs(difference) / np.sqrt(1 / length + 1 / (200 - length)))
    assert found[1] == pytest.approx(best, rel=1e-4)


def test_one_sided_channels_only_rise() -> None:
    scaled = segments.standardised(blocks(0, shift=-4.0))
    assert segments.observed_runs(scaled, np.ones(3, bool))[0] < 0.7 * segments.observed_runs(scaled, TWO_SIDED)[0]


def test_a_displaced_run_is_found_where_it_is() -> None:
    found = segments.find_run(blocks(1, shift=2.0), TWO_SIDED, np.random.default_rng(0))
    assert found is not None
    assert abs(found.start - 40) <= 2
    assert abs(found.stop - 60) <= 2
    assert found.channels[0] == 0
    assert found.strength > found.threshold


@pytest.mark.slow
def test_chance_makes_a_run_as_seldom_as_stated() -> None:
    rng = np.random.default_rng(0)
    found = [segments.find_run(blocks(seed)[:100], TWO_SIDED, rng) is not None for seed in range(60)]
    assert sum(found) <= 3


def test_too_few_blocks_and_constant_channels_find_nothing() -> None:
    rng = np.random.default_rng(0)
    assert segments.find_run(np.ones((200, 3)), TWO_SIDED, rng) is None
    assert segments.find_run(blocks(1, shift=9.0)[:11], TWO_SIDED, rng) is None
    assert segments.find_run(np.empty((200, 0)), np.empty(0, bool), rng) is None


def test_screening_keeps_the_channels_that_vary_between_blocks() -> None:
    values = np.random.default_rng(0).normal(size=(4_000, 400)).astype(np.float32)
    values[1_000:2_000, 7] += 1.0
    kept = segments.screened(values)
    assert len(kept) == segments.MOST_CHANNELS
    assert 7 in kept
    assert np.array_equal(segments.screened(values[:, :50]), np.arange(50))


def test_channels_that_never_vary_are_the_first_to_be_left_out() -> None:
    values = np.random.default_rng(3).normal(size=(2_000, segments.MOST_CHANNELS + 4)).astype(np.float32)
    values[:, [0, 7]] = 1.0
    assert not {0, 7} & set(segments.screened(values).tolist())


def test_ends_are_sharpened_to_the_row() -> None:
    values = np.random.default_rng(0).normal(size=(3_000, 4)).astype(np.float32)
    values[1_013:1_777] += 1.5
    start, stop = boundaries.sharpen(values, 1_000, 1_800, 60)
    assert abs(start - 1_013) <= 3
    assert abs(stop - 1_777) <= 3


def test_near_copies_of_a_channel_do_not_cancel_each_other() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=2_000).astype(np.float32)
    one[500:900] += 2.0
    values = np.column_stack([one, one, one + 1e-4 * rng.normal(size=2_000).astype(np.float32)])
    score = boundaries.row_score(values, 500, 900)
    assert (score[500:900] > 0).mean() > 0.8
    assert (np.delete(score, slice(500, 900)) < 0).mean() > 0.8


def test_a_ramp_is_followed_to_its_faint_beginning() -> None:
    score = np.random.default_rng(0).normal(size=4_000)
    score[1_000:2_500] += np.linspace(0.0, 3.0, 1_500)
    start, stop = boundaries.ramp(score, 1_500, 2_500, segments.block_edges(4_000), 1_000)
    assert abs(start - 1_000) < 200
    assert abs(stop - 2_500) < 60


USUAL = np.array([1, 2, 4, 8, 12, 14, 12, 8, 4, 2, 1], np.float64) * 1_000


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_rows_gathered_at_one_value_are_a_mode(share: float) -> None:
    inside = np.random.default_rng(0).multinomial(800, (1 - share) * USUAL / USUAL.sum() + share * (np.arange(11) == 5))
    assert narrowing.mode_or_tailcut([(inside.astype(np.float64), USUAL)], [True]) == "mode"


@pytest.mark.parametrize("heap", [False, True])
def test_missing_ends_are_a_tail_cut_whether_clipped_or_dropped(heap: bool) -> None:
    kept = np.where((np.arange(11) > 1) & (np.arange(11) < 9), USUAL, 0.0)
    if heap:
        kept[2] += USUAL[:2].sum()
        kept[8] += USUAL[9:].sum()
    inside = np.random.default_rng(0).multinomial(800, kept / kept.sum()).astype(np.float64)
    assert narrowing.mode_or_tailcut([(inside, USUAL)], [True]) == "tailcut"


def test_rare_labels_that_are_gone_are_a_tail_cut() -> None:
    usual = np.array([0.0, 50, 30, 15, 3, 2]) * 100
    gone = np.array([0.0, 450, 240, 110, 0, 0])
    assert narrowing.mode_or_tailcut([(gone, usual)], [False]) == "tailcut"
    gathered = np.array([0.0, 700, 60, 30, 6, 4])
    assert narrowing.mode_or_tailcut([(gathered, usual)], [False]) == "mode"


def test_channels_learn_from_other_rows_than_they_expect_from() -> None:
    reference = planted.table(2_000, 1)
    found, model = channels.measure(planted.evidence(planted.table(2_000, 2), reference))
    assert found.real_values is not None
    assert found.real_values.shape == (1_000, len(found.channels))
    kinds = {channel.kind for channel in found.channels}
    assert {"location", "spread", "surprise", "dependence", "novel"} <= kinds
    assert np.isfinite(found.values).all()
    level = np.abs(found.values.mean(axis=0) - found.real_values.mean(axis=0))
    spread = np.maximum(found.values.std(axis=0), 1e-6)
    shared = ~np.isnan(found.real_values[0])
    assert (level / spread)[shared].max() < 0.2
    assert model.ordered(0)
    assert not model.ordered(3)


def test_copies_and_novel_values_are_counted() -> None:
    assert channels.log_copies(np.array([3, 3, 8, 3, 3], np.uint64)).tolist() == [2, 2, 0, 2, 2]
    evidence = planted.evidence(planted.table(600, 2), None)
    column = evidence.schema.modelled[1]
    known = np.array([1.0, 2.0])
    assert channels.is_novel(pl.Series([1.0, 1.5, None, 9.0]), column, known).tolist() == [0, 1, 0, 1]
    assert channels.is_novel(pl.Series([1.0]), column, np.empty(0)).tolist() == [0]


def large(rows: int = 60_000, sampled: int = 4_000) -> Evidence:
    """A table whose sample holds one row in fifteen, with a tenth of its rows displaced a little."""
    frame = planted.table(rows, 3)
    moved = pl.when(pl.int_range(rows).is_between(30_000, 35_999)).then(2.0).otherwise(0.0).cast(pl.Int64)
    return planted.sampled(frame.with_columns(pl.col("age") + moved), planted.table(8_000, 4), sampled)


@pytest.mark.slow
def test_exact_counts_show_what_the_sample_is_too_thin_for() -> None:
    evidence = large()
    found, model = channels.measure(evidence)
    ((start, stop),) = full_table_runs(evidence, model, found, [])
    first, last = evidence.synthetic.rows[start], evidence.synthetic.rows[stop]
    assert planted.overlap((int(first), int(last)), (30_000, 36_000)) > 0.8
    assert full_table_runs(evidence, model, found, [(start, stop)]) == []


@pytest.mark.slow
def test_a_sampled_table_gets_its_regions_in_rows_of_the_full_table() -> None:
    frame = planted.table(60_000, 3)
    damaged = planted.shuffled(frame[20_000:32_000], np.random.default_rng(0))
    whole = pl.concat([frame[:20_000], damaged, frame[32_000:]])
    evidence = planted.sampled(whole, planted.table(8_000, 4), 4_000)
    (region,) = regions.find_regions(evidence)
    assert region.issue == "shuffled"
    assert planted.overlap(region.row_range, (20_000, 32_000)) > 0.95
    assert region.boundary_error >= 15
    assert regions.resolution_rows(evidence) >= 600


def test_a_reference_without_an_order_vetoes_nothing() -> None:
    found, _ = channels.measure(planted.evidence(planted.table(3_000, 2), planted.table(3_000, 1)))
    usable = np.arange(len(found.channels))
    assert sides.variation_of_reference(found, usable, np.random.default_rng(0)) == {}
