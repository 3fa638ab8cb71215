"""The cascade on Ray: one streaming task a model, dearest first, each a Ray Train run in local mode.

A worker group of Ray Train takes longer to start than a small model takes to train, so every model runs in Train's
local mode inside a task of its own and Ray's scheduler spreads them over processors and GPUs. Finished models are
kept in the store: a worker that dies costs the model it was training, and a killed run goes on where it was.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.resources import for_model
from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.run import Progress, Unit, run_unit, units
from synthos.cascade.store import RunStore
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig
from synthos.results import Epoch

#: Deaths of one model's worker that are borne before the cascade fails.
RETRIES = 3
Outcome = RunOutcome | LoopOutcome


def start_models(
    ray: Any, data_ref: Any, work: tuple[Unit, ...], folder: Path | None, progress: Progress
) -> dict[Any, Callable[[Epoch | Outcome], None]]:
    """Start every unit, dearest first, which packs them well on any number of workers; handlers by stream."""
    task = ray.remote(max_retries=RETRIES, num_returns="streaming")(_train)
    ordered = sorted(work, key=lambda unit: unit.cost, reverse=True)
    return {
        task.options(**for_model(ray, unit)).remote(unit, data_ref, folder): partial(progress.note, unit)
        for unit in ordered
    }


def _train(unit: Unit, data: CascadeData, folder: Path | None) -> Iterator[Epoch | Outcome]:
    """Yields an ``Epoch`` as each ends, and at last the outcome.

    The training runs in a thread so that its epochs can be handed on while it goes on.
    """
    messages: queue.Queue[Epoch | Outcome | BaseException] = queue.Queue()
    store = RunStore(folder) if folder is not None else None

    def work() -> None:
        try:
            _fit(lambda: messages.put(run_unit(unit, data, store=store, on_epoch=messages.put)))
        except BaseException as error:  # noqa: BLE001 - handed to the task's own thread, which raises it
            messages.put(error)

    threading.Thread(target=work, name=unit.name, daemon=True).start()
    while True:
        message = messages.get()
        if isinstance(message, BaseException):
            raise message
        yield message
        if isinstance(message, RunOutcome | LoopOutcome):
            return


def _fit(train: Callable[[], None]) -> None:
    """Run ``train`` under Ray Train in local mode: in this process, on the device that the task was given."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    def loop(config: dict[str, Any]) -> None:
        train()

    with TemporaryDirectory(prefix="synthos-train-") as storage:
        local = ScalingConfig(num_workers=0)
        TorchTrainer(loop, scaling_config=local, run_config=RunConfig(storage_path=storage)).fit()
