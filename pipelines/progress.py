"""Following many tasks at once: results and streamed steps go to whoever asked for them, as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.runtime import Runtime

#: Seconds between two looks while nothing arrives, so that Ctrl-C is answered.
PATIENCE = 0.5
Handler = Callable[[Any], None]


def follow(runtime: Runtime, work: Mapping[Any, Handler]) -> None:
    """Wait for every task and stream in ``work``, giving each result (of a stream, each item) to its handler.

    Raises what a task raised; what is still under way is then cancelled, as it is on Ctrl-C.
    """
    ray = runtime.ray()
    pending = deque(work)
    try:
        while pending:
            ready, _ = ray.wait(list(pending), num_returns=1, timeout=PATIENCE, fetch_local=False)
            # Turned round, so that a talkative stream does not keep the others waiting.
            pending.rotate(-1)
            for item in ready:
                if isinstance(item, ray.ObjectRefGenerator):
                    try:
                        ref = next(item)
                    except StopIteration:
                        pending.remove(item)
                        continue
                    work[item](runtime.get(ref))
                else:
                    pending.remove(item)
                    work[item](runtime.get(item))
    except BaseException:
        for item in pending:
            ray.cancel(item, force=True)
        raise
