"""The loop: generations, its control, and that nothing but the arm's rows differs between the arms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cascade_tables import SIZES, chain

from synthos.cascade.loop import refit_loop
from synthos.cascade.tasks import CascadeData, make_tasks
from synthos.cascade.tiers import LOOP_ROWS, CascadeConfig, loop_spec
from synthos.cascade.training import fit

CONFIG = CascadeConfig(scale=0.1, loop_generations=2)


@pytest.fixture(scope="module")
def data() -> CascadeData:
    return make_tasks(chain(700, 2), chain(700, 1), None, SIZES, 5)


@pytest.mark.slow
def test_every_generation_is_judged_on_every_test_row(data: CascadeData) -> None:
    outcome = refit_loop("reference", data, CONFIG)
    assert outcome.arm == "reference"
    assert outcome.row_bits.shape == (3, len(data.test))
    assert outcome.row_bits.dtype == np.float32
    assert np.isfinite(outcome.row_bits).all()
    assert outcome.seconds > 0


@pytest.mark.slow
def test_the_first_generation_is_trained_on_the_arms_own_rows(data: CascadeData) -> None:
    outcome = refit_loop("synthetic", data, replace(CONFIG, loop_generations=1))
    spec = loop_spec(CONFIG, data.rows, "synthetic")
    own = fit(spec, data, train=data.train("synthetic", spec.rows), stream="loop-0")
    assert np.array_equal(outcome.row_bits[0], own.outcome.row_bits)
    assert not np.array_equal(outcome.row_bits[1], own.outcome.row_bits)


@pytest.mark.slow
def test_the_loop_repeats_exactly(data: CascadeData) -> None:
    assert np.array_equal(
        refit_loop("synthetic", data, CONFIG).row_bits, refit_loop("synthetic", data, CONFIG).row_bits
    )


@pytest.mark.slow
def test_equal_arms_drift_equally(data: CascadeData) -> None:
    same = replace(
        data, synthetic=data.reference, synthetic_counted=data.reference_counted, own=data.test
    )  # both arms hold the same rows, so weights, batches and samples must coincide
    one, other = (refit_loop(arm, same, CONFIG) for arm in ("synthetic", "reference"))
    assert np.array_equal(one.row_bits, other.row_bits)


def test_the_loop_is_light_and_bounded() -> None:
    assert loop_spec(CONFIG, 100_000, "synthetic").rows == LOOP_ROWS
    assert loop_spec(CONFIG, 900, "synthetic").rows == 900
    assert loop_spec(CONFIG, 900, "synthetic").tier == "light"
    same = replace(loop_spec(CONFIG, 900, "synthetic"), arm="reference")
    assert same == loop_spec(CONFIG, 900, "reference")
