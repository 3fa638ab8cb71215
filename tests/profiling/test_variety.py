from __future__ import annotations

import numpy as np
import pytest

from synthos.profiling.variety import GROUPS, Frame, Rows, Sums
from synthos.tables.codec import CategoryBins, Codec
from synthos.tables.schema import Column, Schema

ALL = np.ones(GROUPS, bool)


def sums(codes, values=None, hashes=None, seed=0):
    """Sums of rows with these codes in categorical columns of five labels."""
    codes = np.asarray(codes, np.uint8)
    columns = tuple(Column(f"c{j}", "category", "String") for j in range(codes.shape[1]))
    codec = Codec(Schema(columns), tuple(CategoryBins(tuple("abcde")) for _ in columns))
    rng = np.random.default_rng(seed)
    frame = Frame(codec, codes, rng, pairs=10)
    values = np.empty((len(codes), 0)) if values is None else values
    hashes = np.arange(len(codes), dtype=np.uint64) if hashes is None else np.asarray(hashes, np.uint64)
    return Sums(Rows(codes, values, hashes, frame.features(codes)), frame, rng)


def uniform(rows, columns, labels=4, seed=0):
    return np.random.default_rng(seed).integers(1, labels + 1, (rows, columns))


def test_entropy_and_balance_of_even_labels():
    found = sums(uniform(40_000, 2))
    assert found.entropy(ALL) == pytest.approx(2.0, abs=0.001)
    assert found.balance(ALL) == pytest.approx(4.0, abs=0.01)


@pytest.mark.slow
def test_balance_and_entropy_are_unbiased_in_small_tables():
    samples = [sums(uniform(60, 1, seed=seed), seed=seed) for seed in range(200)]
    assert np.mean([1 / found.balance(ALL) for found in samples]) == pytest.approx(0.25, abs=0.002)
    assert np.mean([found.entropy(ALL) for found in samples]) == pytest.approx(2.0, abs=0.005)


def test_constant_columns_have_one_label_and_no_entropy():
    found = sums(np.ones((500, 2)))
    assert found.balance(ALL) == pytest.approx(1)
    assert found.entropy(ALL) == 0
    assert found.effective_number(ALL) == pytest.approx(1, abs=1e-3)
    assert found.spectral(ALL) is None


def test_balance_has_a_figure_where_no_two_rows_agree():
    assert sums([[label] for label in range(1, 6)]).balance(ALL) == pytest.approx(5 * 4)


def test_spread_is_the_mean_sample_variance_and_leaves_missing_values_out():
    values = np.random.default_rng(1).normal([0, 100], [1, 3], (3000, 2))
    values[::10, 0] = np.nan
    found = sums(uniform(3000, 1), values)
    assert found.spread(ALL) == pytest.approx(np.nanvar(values, axis=0, ddof=1).mean(), rel=1e-9)


def test_uniqueness_counts_distinct_rows_over_rows():
    assert sums(uniform(1000, 1), hashes=np.arange(1000) % 250).uniqueness(ALL) == 0.25
    assert sums(uniform(1000, 1)).uniqueness(ALL) == 1


def test_spectral_counts_independent_directions():
    independent = uniform(20_000, 4)
    copied = independent[:, [0, 0, 1, 1]]
    assert sums(independent).spectral(ALL) == pytest.approx(4, abs=0.01)
    assert sums(copied).spectral(ALL) == pytest.approx(2, abs=0.01)


def test_effective_number_grows_with_the_kinds_of_rows():
    numbers = [sums(uniform(4000, 6, labels)).effective_number(ALL) for labels in (1, 2, 3, 4)]
    assert numbers == sorted(numbers)
    assert numbers[0] == pytest.approx(1, abs=1e-3)
    assert numbers[-1] > 5 * numbers[0]


def test_halves_make_up_the_whole():
    codes = uniform(2000, 3)
    found = sums(codes)
    half = np.arange(GROUPS) < GROUPS // 2
    assert np.array_equal(found.cells(half) | found.cells(~half), found.cells(ALL))
    assert found.cells(ALL).sum() == 3 * 16
    assert found.uniqueness(half) == 1


@pytest.mark.slow
def test_half_scatter_measures_sampling_error():
    # The spread of a statistic over random halves about its mean is its standard error over whole tables.
    def mean_entropy(seed):
        codes = np.random.default_rng(seed).choice(4, (1000, 1), p=[0.7, 0.2, 0.05, 0.05]) + 1
        return sums(codes, seed=seed)

    tables = [mean_entropy(seed) for seed in range(150)]
    truth = np.std([found.entropy(ALL) for found in tables])
    rng = np.random.default_rng(0)
    estimates = [np.std([found.entropy(rng.permutation(GROUPS) < 10) for _ in range(40)]) for found in tables[:40]]
    assert np.sqrt(np.mean(np.square(estimates))) == pytest.approx(truth, rel=0.25)
