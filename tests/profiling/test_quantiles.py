from __future__ import annotations

import numpy as np
import pytest

from synthos.profiling.quantiles import PROBABILITIES, quantiles
from synthos.tables.codec import fit_numeric


def rank_errors(found, full):
    ordered = np.sort(full[~np.isnan(full)])
    for text, value in found.items():
        low = np.searchsorted(ordered, value, "left") / len(ordered)
        high = np.searchsorted(ordered, value, "right") / len(ordered)
        yield max(low - float(text), float(text) - high, 0)


def counted(bins, values):
    return np.bincount(bins.encode(values), minlength=bins.size)


def test_whole_tables_have_exact_quantiles():
    values = np.random.default_rng(0).lognormal(0, 2, 1001)
    values[:100] = np.nan
    bins = fit_numeric(values)
    found, error = quantiles(values, bins.encode(values), counted(bins, values))
    assert error == 0
    expected = np.quantile(values[100:], PROBABILITIES, method="inverted_cdf")
    assert list(found.values()) == expected.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_rank_errors_stay_within_what_is_stated(seed):
    rng = np.random.default_rng(seed)
    full = rng.gamma(1.5, 2, 200_000)
    sample = rng.choice(full, 5000, replace=False)
    bins = fit_numeric(sample)
    found, error = quantiles(sample, bins.encode(sample), counted(bins, full))
    assert error < 0.005
    assert max(rank_errors(found, full)) <= error


def test_exact_bin_counts_mend_a_lopsided_sample():
    rng = np.random.default_rng(7)
    full = rng.normal(0, 1, 100_000)
    lopsided = np.concatenate([rng.choice(full[full < 0], 4000), rng.choice(full[full >= 0], 1000)])
    bins = fit_numeric(rng.choice(full, 5000))
    found, error = quantiles(lopsided, bins.encode(lopsided), counted(bins, full))
    assert max(rank_errors(found, full)) <= error


def test_a_column_without_values_has_none():
    assert quantiles(np.array([np.nan]), np.array([0], np.uint8), np.array([5, 0])) == ({}, 0.0)


def test_mass_that_the_sample_missed_is_part_of_the_error():
    _, error = quantiles(np.array([1.0]), np.array([1], np.uint8), np.array([0, 1, 1]))
    assert error == pytest.approx(0.5)
