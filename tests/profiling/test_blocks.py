from __future__ import annotations

import numpy as np
import pytest

from synthos.profiling.blocks import MAX_BLOCKS, ShardBlocks, block_limit, block_rows_for, lay_out, offsets_of


def shard(rows, block_rows, width=3, seed=0):
    """One column with codes 0..width-1; row i of block j lands where it must."""
    codes = np.random.default_rng([seed, rows]).integers(0, width, rows)
    blocks = -(-rows // block_rows)
    counts = np.bincount(np.arange(rows) // block_rows * width + codes, minlength=blocks * width)
    return ShardBlocks(block_rows, rows, counts.reshape(blocks, width).astype(np.uint32)), codes


def test_blocks_count_the_rows_between_their_starts():
    parts = [shard(1000, 64, seed=1), shard(500, 64, seed=2), shard(130, 64, seed=3)]
    codes = np.concatenate([codes for _, codes in parts])
    blocks = lay_out([part for part, _ in parts], (3,), 64)
    for start, stop, counts in zip(blocks.starts, [*blocks.starts[1:], len(codes)], blocks.counts, strict=True):
        assert np.bincount(codes[start:stop], minlength=3).tolist() == counts.tolist()
    assert np.diff([*blocks.starts, len(codes)]).min() >= 50


def test_finer_and_coarser_shards_give_the_same_blocks():
    fine, codes = shard(300_000, 64)
    coarse = fine.coarsened(128)
    blocks, other = lay_out([fine], (3,), 64), lay_out([coarse], (3,), 64)
    assert blocks.starts.tolist() == other.starts.tolist()
    assert np.array_equal(blocks.counts, other.counts)
    assert len(blocks.starts) <= MAX_BLOCKS
    assert blocks.counts.sum(axis=0).tolist() == np.bincount(codes).tolist()


def test_blocks_made_for_a_longer_table_stay_as_long_where_rows_are_missing():
    parts = [shard(1000, 128, seed=1), shard(700, 128, seed=2)]
    blocks = lay_out([part for part, _ in parts], (3,), 64)
    assert np.diff([*blocks.starts, 1700]).min() >= 64
    codes = np.concatenate([codes for _, codes in parts])
    for start, stop, counts in zip(blocks.starts, [*blocks.starts[1:], len(codes)], blocks.counts, strict=True):
        assert np.bincount(codes[start:stop], minlength=3).tolist() == counts.tolist()


def test_many_tiny_shards_are_joined():
    parts = [shard(7, 64, seed=index)[0] for index in range(400)]
    blocks = lay_out(parts, (3,), 64)
    lengths = np.diff([*blocks.starts, 2800])
    assert lengths.min() >= 50
    assert lengths.max() < 128
    assert blocks.counts.sum(axis=1).tolist() == lengths.tolist()


def test_a_table_smaller_than_a_block_is_one_block():
    blocks = lay_out([shard(20, 64)[0]], (3,), 64)
    assert blocks.starts.tolist() == [0]
    assert blocks.counts.sum() == 20


def test_an_empty_table_has_no_blocks():
    assert lay_out([], (3,), 64).counts.shape == (0, 3)


@pytest.mark.parametrize(("rows", "expected"), [(0, 64), (64 * 2048, 64), (64 * 2048 + 1, 128), (10_000_000, 8192)])
def test_blocks_double_until_few_enough(rows, expected):
    assert block_rows_for(rows, 64, 2048) == expected


def test_wide_tables_get_fewer_blocks():
    assert block_limit((26,) * 10) == MAX_BLOCKS
    assert block_limit((26,) * 5000) == 129
    assert block_limit((26,) * 5_000_000) == 64


def test_offsets_lie_side_by_side():
    assert offsets_of((3, 5, 2)).tolist() == [0, 3, 8, 10]
    assert offsets_of(()).tolist() == [0]
