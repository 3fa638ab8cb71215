"""Entropies of distributions whose entropy is known."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.stats.entropy import collision_probability, effective_rank, shannon


def test_uniform_cells_have_log2_k_bits() -> None:
    counts = np.full(16, 1_000)
    assert shannon(counts, corrected=False) == pytest.approx(4)
    assert -np.log2(collision_probability(counts)) == pytest.approx(4, abs=0.01)


def test_miller_madow_takes_off_most_of_the_bias() -> None:
    rng = np.random.default_rng(0)
    samples = rng.multinomial(200, np.full(32, 1 / 32), 400)
    plain = np.mean([shannon(s, corrected=False) for s in samples]) - 5
    corrected = np.mean([shannon(s) for s in samples]) - 5
    assert plain < -0.08
    assert abs(corrected) < 0.02


def test_collision_probability_is_unbiased() -> None:
    rng = np.random.default_rng(1)
    p = np.array([0.5, 0.3, 0.2])
    mean = np.mean([collision_probability(s) for s in rng.multinomial(20, p, 20_000)])
    assert mean == pytest.approx((p**2).sum(), rel=0.01)


def test_constant_column_has_no_entropy() -> None:
    assert shannon([7], corrected=False) == 0
    assert collision_probability([7]) == 1


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        collision_probability([1])
    with pytest.raises(ValueError, match="mass"):
        shannon([0, 0])
    with pytest.raises(ValueError, match="mass"):
        effective_rank([0.0, 0.0])


def test_effective_rank_counts_equal_directions() -> None:
    assert effective_rank([2.0, 2.0, 2.0, 0.0]) == pytest.approx(3)
    assert effective_rank([1.0, -1e-12]) == pytest.approx(1)
