"""Following many tasks at once: results and streamed steps go to whoever asked for them, as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.runtime import Runtime

#: Seconds between two looks while nothing arrives, so that Ctrl-C is answered.
PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done with each result of a task (of a stream, with each item), and with an error of it.

    Without ``failed`` an error is raised and ends everything.
    """

    done: Callable[[Any], None]
    failed: Callable[[Exception], None] | None = None


def follow(runtime: Runtime, work: Mapping[Any, Handler]) -> None:
    """Wait for every task and stream in ``work``, giving results to their handlers as they arrive.

    When this is left by an error or by Ctrl-C, what is still under way is cancelled.
    """
    ray = runtime.ray()
    pending = deque(work)
    try:
        while pending:
            ready, _ = ray.wait(list(pending), num_returns=1, timeout=PATIENCE, fetch_local=False)
            # Turned round, so that a talkative stream does not keep the others waiting.
            pending.rotate(-1)
            for item in ready:
                try:
                    more = _deliver(runtime, item, work[item])
                except Exception as error:
                    failed = work[item].failed
                    if failed is None:
                        raise
                    failed(error)
                    more = False
                if not more:
                    pending.remove(item)
    except BaseException:
        for item in pending:
            ray.cancel(item, force=True)
        raise


def _deliver(runtime: Runtime, item: Any, handler: Handler) -> bool:
    """Hand one result to its handler; True where the stream may have more."""
    if not isinstance(item, runtime.ray().ObjectRefGenerator):
        handler.done(runtime.get(item))
        return False
    try:
        ref = next(item)
    except StopIteration:
        return False
    handler.done(runtime.get(ref))
    return True
