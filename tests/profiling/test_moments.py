from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from synthos.profiling import moments
from synthos.profiling.moments import Moments


def exact_variance(values):
    numbers = [Fraction(float(value)) for value in values]
    mean = sum(numbers) / len(numbers)
    return float(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))


def test_variance_survives_a_mean_that_dwarfs_it():
    values = 1e9 + np.random.default_rng(0).normal(0, 1e-2, 2000)
    found = moments.of(values)
    assert found.std == pytest.approx(math.sqrt(exact_variance(values)), rel=1e-9)


def test_parts_join_to_the_whole():
    values = np.random.default_rng(1).lognormal(3, 2, 999)
    whole = moments.of(values)
    joined = Moments()
    for part in np.split(values, [1, 10, 500]):
        joined = moments.merge(joined, moments.of(part))
    assert (joined.count, joined.minimum, joined.maximum) == (999, values.min(), values.max())
    assert joined.mean == pytest.approx(whole.mean, rel=1e-12)
    assert joined.squares == pytest.approx(whole.squares, rel=1e-12)


def test_small_samples_have_no_spread():
    assert moments.of(np.empty(0)) == Moments()
    assert moments.of(np.array([3.0])).std is None
    assert moments.of(np.array([3.0, 3.0])).std == 0.0


def test_joining_with_nothing_changes_nothing():
    some = moments.of(np.array([1.0, 2.0]))
    assert moments.merge(some, Moments()) == moments.merge(Moments(), some) == some
