"""Following many tasks at once: results and streamed steps go to whoever asked for them, as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.runtime import Runtime

#: Seconds between two looks while nothing arrives, so that Ctrl-C is answered.
PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done with each result of a task (of a stream, with each item), and with an error of it.

    Without ``failed`` an error is raised and ends everything. ``ended`` is called when a stream has ended well, and
    gives further work where it ended too early.
    """

    done: Callable[[Any], None]
    failed: Callable[[Exception], None] | None = None
    ended: Callable[[], Mapping[Any, Handler]] | None = None


class _Ended(Exception):
    """A stream has no more items."""


def follow(runtime: Runtime, work: Mapping[Any, Handler]) -> None:
    """Wait for every task and stream in ``work``, giving results to their handlers as they arrive.

    What a handler raises is raised: it is no failure of the task. A task that was lost with its node, or with what the
    cluster kept for it, has not failed either: that is raised too. When this is left by an error or by Ctrl-C, what is
    still under way is cancelled.
    """
    ray = runtime.ray()
    handlers, pending = dict(work), deque(work)
    try:
        while pending:
            ready, _ = ray.wait(list(pending), num_returns=1, timeout=PATIENCE, fetch_local=False)
            # Turned round, so that a talkative stream does not keep the others waiting.
            pending.rotate(-1)
            for item in ready:
                handler = handlers[item]
                stream = isinstance(item, ray.ObjectRefGenerator)
                if not stream:
                    pending.remove(item)
                try:
                    result = _take(runtime, item, stream)
                except _Ended:
                    pending.remove(item)
                    more = handler.ended() if handler.ended is not None else {}
                    handlers |= more
                    pending.extend(more)
                except Exception as error:  # a task may raise anything, and it is raised here as it was
                    if stream:
                        pending.remove(item)
                    if handler.failed is None or _is_of_cluster(ray, error):
                        raise
                    handler.failed(error)
                else:
                    handler.done(result)
    except BaseException:  # whatever ends this, Ctrl-C too: nobody hears of what is under way any more
        cancel(ray, pending)
        raise


def _is_of_cluster(ray: Any, error: Exception) -> bool:
    """Whether Ray is at fault, and not what the task did: a worker that crashes or takes all memory does so again."""
    of_ray, known = ray.exceptions.RayError, ray.exceptions
    of_task = (known.RayTaskError, known.WorkerCrashedError, known.OutOfMemoryError, known.TaskCancelledError)
    return isinstance(error, of_ray) and not isinstance(error, of_task)


def cancel(ray: Any, items: Iterable[Any]) -> None:
    """End tasks and streams wherever they are; those that have ended stay as they are."""
    for item in items:
        ray.cancel(item, force=True)


def _take(runtime: Runtime, item: Any, stream: bool) -> Any:
    """The result of a task, or the next item of a stream; ``_Ended`` where there is none."""
    if not stream:
        return runtime.get(item)
    try:
        ref = next(item)
    except StopIteration:
        raise _Ended from None
    return runtime.get(ref)
