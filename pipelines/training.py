"""What a task of the cascade does in its worker: train one model, or refit one arm of the loop, as a Ray Train run.

A worker group of Ray Train takes longer to start than a small model takes to train, so every run is in Train's local
mode, inside the task. What it has to say is streamed while it goes on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.run import loop_one, train_one
from synthos.cascade.store import RunStore
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig, ModelSpec
from synthos.progress import Event, Listener
from synthos.results import Arm, Epoch


def stream_model(spec: ModelSpec, data: CascadeData, folder: Path | None) -> Iterator[Epoch | Event | RunOutcome]:
    """Yields an ``Epoch`` as each ends, an ``Event`` where the store has something to say, and at last the outcome."""
    yield from _streamed(lambda say: train_one(spec, data, _store(folder, say), on_epoch=say))


def stream_loop(
    arm: Arm, data: CascadeData, config: CascadeConfig, folder: Path | None
) -> Iterator[Event | LoopOutcome]:
    """Yields what the store has to say, and at last the loop's outcome."""
    yield from _streamed(lambda say: loop_one(arm, data, config, _store(folder, say)))


def _store(folder: Path | None, say: Listener) -> RunStore | None:
    return RunStore(folder, say) if folder is not None else None


def _streamed(work: Callable[[Callable[[Any], None]], Any]) -> Iterator[Any]:
    """Run ``work`` under Ray Train in a thread and yield what it says while it goes on, then what it returns."""
    messages: queue.Queue[tuple[str, Any]] = queue.Queue()

    def run() -> None:
        try:
            _fit(lambda: messages.put(("result", work(lambda said: messages.put(("said", said))))))
        except BaseException as error:  # noqa: BLE001 - handed to the task's own thread, which raises it
            messages.put(("error", error))

    threading.Thread(target=run, name="train", daemon=True).start()
    while True:
        kind, message = messages.get()
        if kind == "error":
            raise message
        yield message
        if kind == "result":
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
