"""Statistics of order against processes whose autocorrelation, spectrum and drift are known."""

from __future__ import annotations

import numpy as np
import pytest

from synthos.dimensions.order import (
    MOST_BLOCKS,
    autocorrelations,
    block_bootstrap,
    block_counts,
    block_numbers,
    distances,
    lags,
    log_spectrum,
    order_signal,
    ranks,
)


def autoregression(rows: int, coefficient: float, seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(size=rows)
    level = np.empty(rows)
    level[0] = steps[0]
    for row in range(1, rows):
        level[row] = coefficient * level[row - 1] + steps[row]
    return level[:, None]


def white(rows: int, seed: int, columns: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def test_ranks_are_centred_and_even_where_the_reference_is() -> None:
    codes = np.resize(np.arange(4, dtype=np.uint8), (400, 1))
    found = ranks(codes, codes, (4,))
    assert sorted(set(found[:, 0].tolist())) == pytest.approx([-0.375, -0.125, 0.125, 0.375])
    assert ranks(np.array([[9]], np.uint8), codes, (10,))[0, 0] == pytest.approx(0.5)


def test_autocorrelation_of_an_autoregression_falls_with_its_powers() -> None:
    found = autocorrelations(autoregression(40_000, 0.8, 0))
    assert found[:4, 0] == pytest.approx([0.8**k for k in (1, 2, 4, 8)], abs=0.03)


def test_autocorrelation_of_a_constant_is_nothing() -> None:
    assert not autocorrelations(np.ones((600, 1))).any()


def test_lags_stay_within_half_a_block_of_the_bootstrap() -> None:
    assert lags(1_000) == (1, 2, 4, 8, 16, 32)
    assert lags(2) == (1,)


def test_the_spectrum_of_white_noise_is_flat() -> None:
    assert np.abs(log_spectrum(white(8_192, 1)))[3:].max() < 0.4


def test_the_spectrum_of_a_slow_process_is_red() -> None:
    found = log_spectrum(autoregression(8_192, 0.95, 2))[:, 0]
    assert found[2] > 2
    assert found[-1] < -4


def test_a_season_stands_out_at_its_frequency() -> None:
    season = np.sin(2 * np.pi * np.arange(4_096) / 7)[:, None] + white(4_096, 3, 1)
    found = log_spectrum(season)[:, 0]
    assert np.argmax(found) == len(found) - 2  # 4096 / 7 = 585 lies in the octave [512, 1024)


@pytest.mark.parametrize("rows", [500, 5_000])
def test_rows_in_random_order_give_no_signal(rows: int) -> None:
    signals = [order_signal(white(rows, seed, 8)).significant for seed in range(60)]
    assert sum(signals) <= 1


def test_autocorrelation_is_a_signal_and_material() -> None:
    assert order_signal(autoregression(1_000, 0.6, 4)) == order_signal(autoregression(4_000, 0.3, 4))
    assert order_signal(autoregression(1_000, 0.6, 4)).material


def test_a_step_in_one_column_of_many_is_a_signal() -> None:
    series = white(2_000, 5, 10)
    series[800:1_200, 6] += 1.0
    assert order_signal(series).significant


def test_a_faint_order_is_significant_and_not_material() -> None:
    signal = order_signal(autoregression(50_000, 0.03, 6))
    assert signal.significant
    assert not signal.material


def test_constants_and_short_tables_give_no_signal() -> None:
    assert not order_signal(np.ones((1_000, 2))).significant
    assert not order_signal(np.arange(90.0)[:, None]).significant


@pytest.mark.parametrize("rows", [500, 1_777, 50_000])
def test_blocks_are_even_and_ascending(rows: int) -> None:
    blocks = block_numbers(rows)
    sizes = np.bincount(blocks)
    assert (np.diff(blocks) >= 0).all()
    assert sizes.max() - sizes.min() <= 1
    assert 4 <= len(sizes) <= MOST_BLOCKS


def test_block_counts_add_up_to_rows_in_every_column() -> None:
    codes = np.random.default_rng(7).integers(0, 3, (100, 2)).astype(np.uint8)
    counts = block_counts(codes, block_numbers(100), (3, 5))
    assert counts.shape == (4, 8)
    assert (counts[:, :3].sum(axis=1) == 25).all()
    assert counts[:, 3:].sum(axis=0).tolist() == np.bincount(codes[:, 1], minlength=5).tolist()


def test_distances_are_nothing_for_equals_and_one_for_strangers() -> None:
    first = np.array([[10.0, 0.0, 5.0, 5.0], [3.0, 3.0, 0.0, 8.0]])
    second = np.array([[20.0, 0.0, 0.0, 0.0]])
    found = distances(first, second, (2, 2))
    assert found[0, 0] == 0
    assert found[1, 0] == pytest.approx(np.sqrt(0.311278), abs=1e-5)  # JSD of (1/2, 1/2) and (1, 0) in bits
    assert found[0, 1] == 0  # nothing to compare with
    assert distances(np.array([[4.0, 0.0]]), np.array([[0.0, 9.0]]), (2,))[0, 0] == pytest.approx(1.0)


def test_the_bootstrap_keeps_neighbours_together() -> None:
    rows = block_bootstrap(1_000, np.random.default_rng(8))
    assert rows.shape == (1_000,)
    assert (np.diff(rows) % 1_000 == 1).mean() > 0.98
    assert np.unique(rows).size < 1_000


def test_the_bootstrap_keeps_autocorrelation() -> None:
    series = autoregression(4_000, 0.8, 9)
    rng = np.random.default_rng(10)
    drawn = np.mean([autocorrelations(series[block_bootstrap(4_000, rng)])[0, 0] for _ in range(20)])
    assert drawn == pytest.approx(autocorrelations(series)[0, 0], abs=0.02)


def test_two_rare_values_side_by_side_are_no_order() -> None:
    series = np.zeros((800, 65))
    series[100:102] = 1.0
    series[400] = 1.0
    assert not order_signal(series).significant
