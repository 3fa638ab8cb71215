"""The cascade in one process, and the pieces from which ``pipelines`` spreads it over workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.store import RunStore
from synthos.cascade.summary import summarise
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig, ModelSpec, plan
from synthos.progress import Event, Listener, silent
from synthos.results import Arm, CascadeResult, Epoch

if TYPE_CHECKING:
    import torch

ARMS: tuple[Arm, ...] = ("reference", "synthetic")


def run_cascade(
    data: CascadeData,
    config: CascadeConfig,
    *,
    store: RunStore | None = None,
    listener: Listener = silent,
    device: torch.device | None = None,
) -> CascadeResult:
    """Train the 36 models and both loops one after the other and sum them up.

    Parameters
    ----------
    store : where finished models are looked up and kept; None trains all of them.
    listener : hears one event per epoch and one per finished model; ``done`` counts models of 36.
    device : default as ``cascade.device.pick`` chooses.
    """
    specs = all_specs(config, data.rows)
    runs: list[RunOutcome] = []
    for spec in specs:
        heard = epoch_events(spec, lambda: len(runs), len(specs), listener)
        runs.append(train_one(spec, data, store, device, heard))
        listener(model_event(runs[-1], len(runs), len(specs)))
    loop = None
    if config.loop_generations:
        loop = (loop_one("synthetic", data, config, store, device), loop_one("reference", data, config, store, device))
    return summarise(data, runs, config, loop)


def all_specs(config: CascadeConfig, rows: int) -> tuple[ModelSpec, ...]:
    """The 36 models of both arms, small ones first, so that progress shows early."""
    return tuple(sorted((spec for arm in ARMS for spec in plan(config, rows, arm)), key=lambda spec: spec.cost))


def train_one(
    spec: ModelSpec,
    data: CascadeData,
    store: RunStore | None = None,
    device: torch.device | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> RunOutcome:
    """One model: from the store where it is there, else trained and kept. The result is picklable."""
    # Imported here because torch takes seconds and some 200 MB, and who only drives workers trains nothing.
    from synthos.cascade import device as devices
    from synthos.cascade import training

    device = device or devices.pick()
    found = store.model(spec, data, device.type) if store else None
    if found is not None:
        return found
    outcome = training.fit(spec, data, device=device, on_epoch=on_epoch or training.ignore_epoch).outcome
    if store:
        store.keep_model(spec, data, outcome, device.type)
    return outcome


def loop_one(
    arm: Arm,
    data: CascadeData,
    config: CascadeConfig,
    store: RunStore | None = None,
    device: torch.device | None = None,
) -> LoopOutcome:
    """One arm of the loop: from the store where it is there, else trained and kept. The result is picklable."""
    from synthos.cascade import device as devices
    from synthos.cascade import loop

    device = device or devices.pick()
    found = store.loop(arm, data, config, device.type) if store else None
    if found is not None:
        return found
    outcome = loop.refit_loop(arm, data, config, device=device)
    if store:
        store.keep_loop(data, config, outcome, device.type)
    return outcome


def epoch_events(spec: ModelSpec, done: Callable[[], int], total: int, listener: Listener) -> Callable[[Epoch], None]:
    """What turns a model's epochs into progress events; ``done()`` is the number of models finished so far."""

    def heard(epoch: Epoch) -> None:
        listener(
            Event(
                stage="cascade",
                done=done(),
                total=total,
                message=f"{spec.arm} {spec.name}, epoch {epoch.epoch}/{spec.epochs}, loss {epoch.stop_bits:.2f}",
                fields={
                    "model": spec.name,
                    "arm": spec.arm,
                    "epoch": epoch.epoch,
                    "loss": epoch.stop_bits,
                    "train_loss": epoch.train_bits,
                    "seconds": epoch.seconds,
                },
            )
        )

    return heard


def model_event(outcome: RunOutcome, done: int, total: int) -> Event:
    """The event of a finished model; ``loss`` is that on the real test rows."""
    run = outcome.run
    name = f"{run.tier}-{run.size_index + 1}"
    return Event(
        stage="cascade",
        done=done,
        total=total,
        message=f"{run.arm} {name} done: {run.loss_bits:.2f} bits a row",
        fields={"model": name, "arm": run.arm, "rows": run.rows, "loss": run.loss_bits, "seconds": run.seconds},
    )
