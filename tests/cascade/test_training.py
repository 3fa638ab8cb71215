"""Training is deterministic, learns what there is, stops honestly, and never turns a blow-up into a number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from cascade_tables import SIZES, chain

from synthos.cascade.models import DensityModel, smoothed_marginals
from synthos.cascade.tasks import CascadeData, independent_bits, make_tasks
from synthos.cascade.tiers import CascadeConfig, ModelSpec, derive
from synthos.cascade.training import OnEpoch, _Trainer, effective_rank, fit, ignore_epoch
from synthos.errors import InternalError
from synthos.results import Epoch, ModelRun


def train_model(spec: ModelSpec, data: CascadeData, on_epoch: OnEpoch = ignore_epoch) -> ModelRun:
    """What a fit tells of itself, without its weights."""
    return fit(spec, data, on_epoch=on_epoch).outcome.run


def spec(rows: int, arm: str = "reference", tier: str = "light", **changes: object) -> ModelSpec:
    made = derive(CascadeConfig(scale=0.5), arm, tier, 5, rows)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_same_spec_gives_the_same_weights_and_losses(real_data: CascadeData) -> None:
    for tier in ("light", "heavy"):
        one, two = (fit(spec(400, tier=tier), real_data) for _ in range(2))
        assert np.array_equal(one.outcome.row_bits, two.outcome.row_bits)
        assert [e.gradient_norm for e in one.outcome.run.epochs] == [e.gradient_norm for e in two.outcome.run.epochs]


def test_global_random_state_is_neither_read_nor_written(real_data: CascadeData) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = train_model(spec(200, tier="heavy"), real_data)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert train_model(spec(200, tier="heavy"), real_data).loss_bits == one.loss_bits


@pytest.mark.slow
def test_a_markov_chain_is_learned_to_near_its_entropy() -> None:
    rows = chain(6000, 1)
    data = make_tasks(chain(6000, 2), rows, None, SIZES, 3)
    run = train_model(spec(data.rows, tier="medium", epochs=16), data)
    # 3 bits for the first column; then stay 0.2, move by one 0.4, by two 0.4.
    entropy = 3 + 5 * -(0.2 * np.log2(0.2) + 0.8 * np.log2(0.4))
    assert entropy < run.loss_bits < entropy + 0.45  # of which 0.15 is the floor
    assert float(independent_bits(data).mean()) > entropy + 6
    assert run.own_bits == run.loss_bits, "the reference arm's own held-out rows are the test rows"


@pytest.mark.slow
def test_more_rows_teach_more(real_data: CascadeData) -> None:
    losses = [train_model(spec(rows), real_data).loss_bits for rows in (60, 200, 660)]
    assert losses == sorted(losses, reverse=True)


def test_epochs_are_told_as_they_end_and_kept(real_data: CascadeData) -> None:
    heard: list[Epoch] = []
    run = train_model(spec(300), real_data, on_epoch=heard.append)
    assert tuple(heard) == run.epochs
    assert [epoch.epoch for epoch in heard] == list(range(1, len(heard) + 1))
    assert all(epoch.gradient_norm > 0 and epoch.seconds > 0 for epoch in heard)
    assert heard[-1].train_bits < heard[0].train_bits


def test_the_best_epoch_on_real_stop_rows_is_kept(real_data: CascadeData) -> None:
    long = spec(60, epochs=60, patience=5)
    fitted = fit(long, real_data)
    epochs = fitted.outcome.run.epochs
    best = min(epoch.stop_bits for epoch in epochs)
    assert len(epochs) < 60, "sixty rows overfit long before sixty epochs"
    assert fitted.outcome.run.converged
    kept = fitted.model.bits(torch.from_numpy(real_data.stop.copy()), long.floor)
    assert float(kept.mean()) == pytest.approx(best)
    assert epochs[-1].stop_bits > best


def test_a_run_cut_short_is_not_called_converged(real_data: CascadeData) -> None:
    assert not train_model(spec(600, epochs=3), real_data).converged


def test_the_standard_error_is_that_of_the_rows(real_data: CascadeData) -> None:
    outcome = fit(spec(200), real_data).outcome
    assert outcome.run.loss_bits == pytest.approx(float(outcome.row_bits.mean()), rel=1e-6)
    expected = float(outcome.row_bits.std(ddof=1)) / len(outcome.row_bits) ** 0.5
    assert outcome.run.loss_error == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_gradient_noise_needs_enough_rows_and_then_is_positive(real_data: CascadeData) -> None:
    assert train_model(spec(100), real_data).gradient_noise_scale is None
    scale = train_model(spec(600), real_data).gradient_noise_scale
    assert scale is not None
    assert scale > 1


def test_a_blow_up_is_an_error(real_data: CascadeData) -> None:
    with pytest.raises(InternalError, match=r"model light-6 \(reference arm\) is not finite"):
        train_model(spec(200, learning_rate=float("inf")), real_data)


def test_effective_rank_counts_directions() -> None:
    rows = torch.from_numpy(chain(500, 1))
    marginals = smoothed_marginals(rows.numpy(), SIZES)
    made = DensityModel(SIZES, 16, 1, marginals, torch.Generator().manual_seed(0))
    full = effective_rank(made, rows)
    assert 4 < full <= 16
    with torch.no_grad():
        made.into[1:] = 0
        made.into_mask.fill_(1)
    assert effective_rank(made, rows) == pytest.approx(1.0)
    with torch.no_grad():
        made.into[:] = 0
    assert effective_rank(made, rows) is None
    with torch.no_grad():
        made.into_bias[:] = 0.1
    assert effective_rank(made, rows) is None


@pytest.mark.slow
def test_bfloat16_trains_to_about_the_same_loss(real_data: CascadeData) -> None:
    single = train_model(spec(400), real_data)
    half = train_model(spec(400, precision="bfloat16"), real_data)
    assert half.loss_bits != single.loss_bits
    assert half.loss_bits == pytest.approx(single.loss_bits, abs=0.2)


def test_the_rate_warms_up_and_falls_to_zero(real_data: CascadeData) -> None:
    made = trainer(real_data)
    rates = []
    for step in range(100):
        made._set_rate(step, 100)
        rates.append(made.optimiser.param_groups[0]["lr"])
    peak = int(np.argmax(rates))
    assert 3 <= peak <= 7, "five in a hundred steps warm up"
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(made.spec.learning_rate / 100)


def test_an_epoch_passes_every_row_once_in_another_order(real_data: CascadeData) -> None:
    made = trainer(real_data)
    first, second = (torch.cat(list(made._batches())) for _ in range(2))
    assert sorted(first.tolist()) == list(range(200)) == sorted(second.tolist())
    assert first.tolist() != second.tolist()
    assert max(len(batch) for batch in made._batches()) == made.spec.batch


def test_biases_do_not_decay(real_data: CascadeData) -> None:
    decayed, kept = trainer(real_data).optimiser.param_groups
    assert decayed["weight_decay"] > 0 == kept["weight_decay"]
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert all(parameter.ndim == 1 for parameter in kept["params"])


def test_the_noise_probe_changes_no_weight(real_data: CascadeData) -> None:
    made = trainer(real_data)
    before = made._weights()
    made._probe_noise()
    assert all(torch.equal(a, b) for a, b in zip(before, made._weights(), strict=True))


def test_arms_share_weights_and_batches(real_data: CascadeData) -> None:
    same = replace(real_data, synthetic=real_data.reference, synthetic_counted=real_data.reference_counted)
    one, other = (fit(spec(200, arm, "heavy"), same).outcome for arm in ("synthetic", "reference"))
    assert np.array_equal(one.row_bits, other.row_bits)


def test_another_stream_is_another_model(real_data: CascadeData) -> None:
    one, other = (fit(spec(200), real_data, stream=stream).outcome for stream in ("", "loop-1"))
    assert one.run.loss_bits != other.run.loss_bits


def trainer(data: CascadeData) -> _Trainer:
    made = spec(200, tier="medium")
    rows = data.train("reference", 200)
    model = DensityModel(
        data.sizes, made.width, made.depth, smoothed_marginals(rows, data.sizes), torch.Generator().manual_seed(0)
    )
    return _Trainer(made, model, torch.from_numpy(rows.copy()), torch.from_numpy(data.stop.copy()), 1)
