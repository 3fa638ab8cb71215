"""Training of one model: deterministic given its data and spec on one thread; needs numpy and torch only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthos.cascade.device import half
from synthos.cascade.models import DensityModel, chunks, smoothed_marginals
from synthos.cascade.outcomes import RunOutcome
from synthos.cascade.tasks import CascadeData, Codes
from synthos.cascade.tiers import ModelSpec
from synthos.errors import InternalError
from synthos.results import Epoch, ModelRun
from synthos.sampling.seeds import derive

OnEpoch = Callable[[Epoch], None]
_BITS = 1 / math.log(2)
_WARMUP = 0.05
_WEIGHT_DECAY = 0.3
_CLIP = 50.0
#: Training rows whose features (float32) are kept in memory as a whole; beyond, they are built batch by batch.
_FEATURE_LIMIT = 2**24
#: The gradient-noise probe compares batches of this many rows with their union.
_PROBE_ROWS, _PROBE_BATCHES = 32, 16
#: Rows of the spectrum of the hidden representation.
_SPECTRUM_ROWS = 1024
#: Of a layer's size; what varies less is rounding.
_CONSTANT = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained model beside its outcome, for callers who sample from it."""

    model: DensityModel
    outcome: RunOutcome


def ignore_epoch(epoch: Epoch) -> None:
    """For callers who do not watch."""


def fit(
    spec: ModelSpec,
    data: CascadeData,
    *,
    device: torch.device | None = None,
    on_epoch: OnEpoch = ignore_epoch,
    train: Codes | None = None,
    stream: str = "",
) -> Fitted:
    """Train by maximum likelihood, keep the weights of the epoch that was best on the real stop rows, and judge them.

    Parameters
    ----------
    spec, data : which model on which rows. ``train`` replaces the rows of the arm (the loop trains on samples).
    device : default CPU.
    on_epoch : called after every epoch, in this thread.
    stream : names an independent stream of random numbers; both arms share theirs, so that their difference is the
        data's and not the weights'.

    Raises
    ------
    InternalError : where the loss is not finite. A blow-up never becomes a number.
    """
    started = time.perf_counter()
    device = device or torch.device("cpu")
    seed = derive(data.seed, "model", spec.tier, spec.size_index, stream)
    rows = data.train(spec.arm, spec.rows) if train is None else train
    model = DensityModel(
        data.sizes,
        spec.width,
        spec.depth,
        smoothed_marginals(rows, data.sizes),
        torch.Generator().manual_seed(seed),
    ).to(device)
    trainer = _Trainer(spec, model, _tensor(rows, device), _tensor(data.stop, device), seed)
    epochs = trainer.run(on_epoch)

    test_bits = _finite(model.bits(_tensor(data.test, device), spec.floor), spec, "test loss")
    own = model.bits(_tensor(data.held_out(spec.arm), device), spec.floor)
    run = ModelRun(
        arm=spec.arm,
        tier=spec.tier,
        size_index=spec.size_index,
        rows=spec.rows,
        width=spec.width,
        depth=spec.depth,
        parameters=model.parameter_count,
        loss_bits=float(test_bits.mean()),
        loss_error=float(test_bits.std(ddof=1) / math.sqrt(len(test_bits))),
        own_bits=float(_finite(own, spec, "loss on own rows").mean()),
        epochs=epochs,
        gradient_noise_scale=trainer.noise_scale,
        effective_rank=effective_rank(model, _tensor(data.test[:_SPECTRUM_ROWS], device)),
        converged=_converged(epochs, spec),
        seconds=time.perf_counter() - started,
        device=str(device),
    )
    return Fitted(model, RunOutcome(run, test_bits.astype(np.float32)))


class _Trainer:
    """The loop over epochs and batches. ``noise_scale`` is set on the way."""

    def __init__(self, spec: ModelSpec, model: DensityModel, rows: Tensor, stop: Tensor, seed: int) -> None:
        self.spec, self.model, self.stop = spec, model, stop
        self.device = rows.device
        self.positions = model.positions(rows)
        whole = len(rows) * model.codes <= _FEATURE_LIMIT
        self._features = model.features(self.positions) if whole else None
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        matrices = [p for p in self.parameters if p.ndim > 1]
        vectors = [p for p in self.parameters if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}],
            lr=spec.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.order_rng = torch.Generator().manual_seed(seed)
        self.dropout_rng = torch.Generator(device=self.device).manual_seed(seed)
        self.amp = half(spec.precision, self.device)
        self.noise_scale: float | None = None

    def run(self, on_epoch: OnEpoch) -> tuple[Epoch, ...]:
        """Train to the end of the schedule or until the stop loss no longer falls; restore the best weights."""
        spec = self.spec
        total = spec.epochs * math.ceil(len(self.positions) / spec.batch)
        best, best_weights, since = math.inf, self._weights(), 0
        history: list[Epoch] = []
        step = 0
        for number in range(1, spec.epochs + 1):
            started = time.perf_counter()
            losses, norms = [], []
            for picked in self._batches():
                self._set_rate(step, total)
                loss, norm = self._step(picked)
                losses.append(loss * len(picked))
                norms.append(norm)
                step += 1
            if number == max(1, spec.epochs // 4):
                self.noise_scale = self._probe_noise()
            train_bits = float(torch.stack(losses).sum() / len(self.positions)) * _BITS
            stop_bits = float(_finite(self.model.bits(self.stop, spec.floor), spec, "stop loss").mean())
            if not math.isfinite(train_bits):
                raise _blown_up(spec, f"training loss of epoch {number}")
            history.append(
                Epoch(
                    epoch=number,
                    train_bits=train_bits,
                    stop_bits=stop_bits,
                    gradient_norm=float(torch.stack(norms).mean()),
                    seconds=time.perf_counter() - started,
                )
            )
            on_epoch(history[-1])
            since += 1
            if stop_bits < best:
                best, best_weights, since = stop_bits, self._weights(), 0
            if since >= spec.patience:
                break
        with torch.no_grad():
            for parameter, weights in zip(self.parameters, best_weights, strict=True):
                parameter.copy_(weights)
        return tuple(history)

    def _weights(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self.parameters]

    def _batches(self) -> Iterator[Tensor]:
        order = torch.randperm(len(self.positions), generator=self.order_rng).to(self.device)
        yield from chunks(order, self.spec.batch)

    def _set_rate(self, step: int, total: int) -> None:
        warm = min(1.0, (step + 1) / (_WARMUP * total + 1))
        for group in self.optimiser.param_groups:
            group["lr"] = self.spec.learning_rate * warm * (1 - step / total)

    def _loss(self, picked: Tensor, keep: Tensor | None) -> Tensor:
        """Mean nats per row of the picked training rows."""
        positions = self.positions.index_select(0, picked)
        whole = self._features
        features = self.model.features(positions) if whole is None else whole.index_select(0, picked)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.amp):
            return -self.model.log_conditionals(features, positions, keep).sum(1).mean()

    def _step(self, picked: Tensor) -> tuple[Tensor, Tensor]:
        """One update; the loss and the gradient's norm, left on the device so that nothing waits for it."""
        keep = None
        if self.spec.dropout:
            drawn = torch.rand(len(picked), self.spec.width, generator=self.dropout_rng, device=self.device)
            keep = (drawn >= self.spec.dropout).float() / (1 - self.spec.dropout)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self._loss(picked, keep)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, _CLIP)
        self.optimiser.step()
        return loss.detach(), norm.detach()

    def _probe_noise(self) -> float | None:
        """Gradient-noise scale tr(Σ)/|G|² in rows (McCandlish et al. 2018, appendix A.1), without an update.

        From squared gradient norms of small batches (b rows) and of their union (B rows):
        |G|² = (B·|G_B|² - b·|G_b|²)/(B - b), tr(Σ) = (|G_b|² - |G_B|²)/(1/b - 1/B).
        None where there are too few rows, or where |G|² comes out at or below 0 (all noise).
        """
        batches = min(_PROBE_BATCHES, len(self.positions) // _PROBE_ROWS)
        if batches < 4:
            return None
        order = torch.randperm(len(self.positions), generator=self.order_rng).to(self.device)
        total: list[Tensor] | None = None
        small = 0.0
        for part in chunks(order[: batches * _PROBE_ROWS], _PROBE_ROWS):
            gradients = torch.autograd.grad(self._loss(part, None), self.parameters)
            small += _squared_norm(gradients) / batches
            total = list(gradients) if total is None else [a + b for a, b in zip(total, gradients, strict=True)]
        assert total is not None
        large = _squared_norm(total) / batches**2
        b, big = _PROBE_ROWS, _PROBE_ROWS * batches
        signal = (big * large - b * small) / (big - b)
        noise = (small - large) / (1 / b - 1 / big)
        return noise / signal if signal > 0 and noise > 0 else None


def effective_rank(model: DensityModel, rows: Tensor) -> float | None:
    """Effective rank of the centred last hidden layer: exp of the entropy of its normalised singular values.

    Roy & Vetterli 2007. From 1 (one direction) to the width; None where the layer is constant.
    """
    with torch.no_grad():
        hidden = model.representation(model.features(model.positions(rows))).double()
    centred = hidden - hidden.mean(0)
    if float(centred.norm()) <= _CONSTANT * float(hidden.norm()):
        return None
    singular = torch.linalg.eigvalsh(centred.T @ centred).clamp(min=0).sqrt()
    share = singular / singular.sum()
    return float(torch.exp(-torch.special.xlogy(share, share).sum()))


def _squared_norm(gradients: list[Tensor] | tuple[Tensor, ...]) -> float:
    return float(sum(float(gradient.double().pow(2).sum()) for gradient in gradients))


def _converged(epochs: tuple[Epoch, ...], spec: ModelSpec) -> bool:
    """Stopped early, or the last two epochs brought less than 2 % of all that was gained on the stop rows."""
    losses = [epoch.stop_bits for epoch in epochs]
    if len(epochs) < spec.epochs:
        return True
    gained = losses[0] - min(losses)
    recent = min(losses[:-2] or losses[:1]) - min(losses)
    return recent <= 0.02 * max(gained, 0.0)


def _tensor(rows: Codes, device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(rows)).to(device)


def _finite(bits: Tensor, spec: ModelSpec, what: str) -> np.ndarray:
    values: np.ndarray = bits.cpu().numpy()
    if not np.isfinite(values).all():
        raise _blown_up(spec, what)
    return values


def _blown_up(spec: ModelSpec, what: str) -> InternalError:
    return InternalError(f"the {what} of model {spec.name} ({spec.arm} arm) is not finite")
