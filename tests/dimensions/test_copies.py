"""Repeated and copied rows against closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.dimensions.copies import (
    GRID,
    Count,
    duplicates,
    expected_shares,
    observed_shares,
    occurring,
    rarefied_duplicates,
    recurring,
)
from synthos.profiling.distinct import SPACE, DistinctRows


def kept(values: np.ndarray, share: float = 1.0) -> DistinctRows:
    """Distinct rows of a table whose rows are these whole numbers, spread over the space of hashes."""
    hashes, copies = np.unique(values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), return_counts=True)
    threshold = int(SPACE * share)
    below = np.ones(hashes.size, bool) if share == 1.0 else hashes < np.uint64(threshold)
    return DistinctRows(hashes[below], copies[below].astype(np.int64), threshold)


def test_duplicates_are_rows_beyond_the_first_of_their_kind() -> None:
    count = duplicates(kept(np.array([1, 1, 1, 2, 3, 3])), 6)
    assert (count.hits, count.rows, count.share) == (3, 6, 0.5)


def test_duplicates_of_a_sketch_estimate_those_of_the_table() -> None:
    values = np.random.default_rng(0).integers(0, 30_000, 40_000)
    exact, sketched = duplicates(kept(values), 40_000).share, duplicates(kept(values, 0.2), 40_000).share
    assert sketched == pytest.approx(exact, abs=0.01)


def test_rarefaction_gives_what_subsamples_show() -> None:
    rng = np.random.default_rng(1)
    values = rng.zipf(1.5, 8_000) % 5_000
    seen = [1 - np.unique(rng.choice(values, 2_000, replace=False)).size / 2_000 for _ in range(40)]
    assert rarefied_duplicates(kept(values), 8_000, 2_000) == pytest.approx(np.mean(seen), abs=0.004)


def test_rarefaction_to_the_whole_is_the_table_itself() -> None:
    values = np.random.default_rng(2).integers(0, 900, 2_000)
    assert rarefied_duplicates(kept(values), 2_000, 2_000) == pytest.approx(duplicates(kept(values), 2_000).share)
    assert rarefied_duplicates(kept(values), 2_000, 1_999) == pytest.approx(
        duplicates(kept(values), 2_000).share, abs=1e-3
    )


def test_a_larger_table_repeats_no_more_than_the_line_through_the_origin() -> None:
    rng = np.random.default_rng(3)
    small, large = rng.integers(0, 50_000, 4_000), rng.integers(0, 50_000, 32_000)
    bound = rarefied_duplicates(kept(small), 4_000, 32_000)
    assert duplicates(kept(large), 32_000).share <= bound <= 0.4
    assert rarefied_duplicates(kept(np.zeros(10)), 10, 1_000) == 1.0


def test_rows_of_the_reference_are_recognised() -> None:
    reference = kept(np.arange(100))
    assert occurring(kept(np.array([5, 5, 200, 7])), reference).share == 0.75
    assert occurring(kept(np.array([200, 201])), reference).share == 0.0


def test_sketches_of_different_depth_are_compared_where_both_reach() -> None:
    values = np.arange(50_000)
    count = occurring(kept(values, 0.5), kept(np.concatenate([values[:25_000], values + 10**6]), 0.1))
    assert count.share == pytest.approx(0.5, abs=0.02)
    assert count.rows == pytest.approx(5_000, rel=0.05)


def test_recurring_rows_foretell_how_many_fresh_rows_are_known() -> None:
    rng = np.random.default_rng(4)
    population = rng.zipf(1.3, 60_000) % 20_000
    reference, fresh = population[:30_000], population[30_000:]
    found = occurring(kept(fresh), kept(reference)).share
    assert recurring(kept(reference)).share == pytest.approx(found, abs=0.01)


def test_expected_shares_scatter_as_fresh_counts_do() -> None:
    shares = expected_shares(Count(80.0, 8_000.0), 8_000.0)
    assert shares.size == GRID.size
    assert np.median(shares) == pytest.approx(0.01, rel=0.05)
    # Both counts vary: twice the variance of one Poisson count.
    assert shares.std() == pytest.approx(np.sqrt(2 * 80) / 8_000, rel=0.1)


def test_a_rate_never_seen_may_still_be_met_once_or_twice() -> None:
    shares = expected_shares(Count(0.0, 1_000.0), 1_000.0)
    assert shares[0] == 0
    assert 1 / 1_000 <= np.quantile(shares, 0.95) <= 4 / 1_000
    assert np.quantile(expected_shares(Count(0.0, 1_000.0), 1_000.0, growth=10.0), 0.95) > 10 / 1_000


def test_no_rows_no_share() -> None:
    assert Count(0.0, 0.0).share == 0
    assert not expected_shares(Count(0.0, 10.0), 0.0).any()
    assert not observed_shares(Count(0.0, 0.0)).any()


def test_observed_shares_are_centred_and_stay_shares() -> None:
    shares = observed_shares(Count(300.0, 1_000.0))
    assert shares.mean() == pytest.approx(0.3, abs=1e-3)
    assert shares.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 1_000), rel=0.05)
    assert observed_shares(Count(1_000.0, 1_000.0)).tolist() == [1.0] * GRID.size
