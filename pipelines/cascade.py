"""The cascade on Ray: one streaming task a model, dearest first; ``training`` holds what the tasks do.

Ray's scheduler spreads them over processors and GPUs. Finished models are kept in the store: a worker that dies costs
the model it was training, and a killed run goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.progress import Handler, cancel
from pipelines.resources import for_loop, for_model
from pipelines.training import stream_loop, stream_model
from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.run import ARMS, all_specs, epoch_events, model_event
from synthos.cascade.summary import summarise
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig, ModelSpec
from synthos.errors import InternalError
from synthos.progress import Event, Listener
from synthos.results import Arm, CascadeResult, Epoch, Failed
from synthos.stages import as_failure

#: Deaths of one model's worker that are borne before the cascade fails.
RETRIES = 3


class Cascade:
    """One cascade under way: starts its models, hears of their epochs, and sums them up when all have finished."""

    def __init__(
        self, ray: Any, data: CascadeData, config: CascadeConfig, folder: Path | None, listener: Listener
    ) -> None:
        self._ray, self._data, self._config = ray, data, config
        self._folder, self._listener = folder, listener
        self._specs = all_specs(config, data.rows)
        self._runs: dict[ModelSpec, RunOutcome] = {}
        self._loops: dict[Arm, LoopOutcome] = {}
        self._failures: list[Failed] = []
        self._streams: list[Any] = []
        self._starts: Counter[ModelSpec | Arm] = Counter()
        self._cost, self._all_cost = 0.0, sum(spec.cost for spec in self._specs)

    def start(self) -> dict[Any, Handler]:
        """Start both loops and every model, dearest first, which packs them well on any number of workers.

        The loops are the longest and cannot be split; the synthetic arm goes first, since that of a reference that was
        met before is kept.

        Returns the handler of each stream.
        """
        self._put = self._ray.put(self._data)
        work: dict[Any, Handler] = {}
        for arm in reversed(ARMS) if self._config.loop_generations else ():
            work |= self._start_loop(arm)
        for spec in sorted(self._specs, key=lambda item: (item.cost, item.arm), reverse=True):
            work |= self._start_model(spec)
        return work

    def result(self) -> CascadeResult | Failed:
        """The sum of all models, or the first failure among them; call it when every stream has ended."""
        if self._failures:
            return self._failures[0]
        loop = (self._loops["synthetic"], self._loops["reference"]) if self._loops else None
        try:
            return summarise(self._data, list(self._runs.values()), self._config, loop)
        except Exception as error:  # noqa: BLE001 - the process edge: what was measured beside the cascade is kept
            return as_failure(error)

    def _start_model(self, spec: ModelSpec) -> dict[Any, Handler]:
        task = self._ray.remote(max_retries=RETRIES, num_returns="streaming")(stream_model)
        stream = task.options(**for_model(self._ray, spec)).remote(spec, self._put, self._folder)
        heard = epoch_events(spec, lambda: len(self._runs), len(self._specs), self._tell)
        again = partial(self._again, spec, self._runs, partial(self._start_model, spec))
        return self._started(spec, stream, Handler(partial(self._note, spec, heard), self._fail, again))

    def _start_loop(self, arm: Arm) -> dict[Any, Handler]:
        task = self._ray.remote(max_retries=RETRIES, num_returns="streaming")(stream_loop)
        stream = task.options(**for_loop(self._ray)).remote(arm, self._put, self._config, self._folder)
        again = partial(self._again, arm, self._loops, partial(self._start_loop, arm))
        return self._started(arm, stream, Handler(self._note_loop, self._fail, again))

    def _started(self, which: ModelSpec | Arm, stream: Any, handler: Handler) -> dict[Any, Handler]:
        self._starts[which] += 1
        self._streams.append(stream)
        return {stream: handler}

    def _again(
        self, which: ModelSpec | Arm, outcomes: Mapping[Any, Any], start: Callable[[], dict[Any, Handler]]
    ) -> dict[Any, Handler]:
        """Start a model or loop anew whose stream ended without its outcome.

        Ray counts the items of a stream over the deaths of its worker. A second attempt that finds the stored result
        sends fewer of them than the first had sent, and its outcome passes for one that was heard already.
        """
        if which in outcomes:
            return {}
        if self._starts[which] > RETRIES:
            self._fail(InternalError(f"the worker of {which} died {RETRIES + 1} times"))
            return {}
        return start()

    def _note(self, spec: ModelSpec, heard: Callable[[Epoch], None], message: Epoch | Event | RunOutcome) -> None:
        if isinstance(message, Epoch):
            heard(message)
            return
        if isinstance(message, Event):
            self._listener(message)
            return
        self._runs[spec] = message
        self._cost += spec.cost
        self._tell(model_event(message, len(self._runs), len(self._specs)))

    def _note_loop(self, message: Event | LoopOutcome) -> None:
        if isinstance(message, Event):
            self._listener(message)
        else:
            self._loops[message.arm] = message

    def _fail(self, error: Exception) -> None:
        """Keep the first failure and end the rest: a cascade with a gap says nothing."""
        self._failures.append(as_failure(error))
        if len(self._failures) == 1:
            cancel(self._ray, self._streams)

    def _tell(self, event: Event) -> None:
        """Adds the share of work done, which tells the time left better than the number of models."""
        self._listener(replace(event, fields=event.fields | {"share_done": self._cost / self._all_cost}))
