"""Work that takes a thread, and work that goes on though the client has gone.

Serve may end the task of a request whose client disconnects, wherever it stands. ``starlette.concurrency`` would then
leave a thread at work on what the task's ``finally`` closes; and on a loop that runs for ever it makes a thread for
each call.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
#: Threads of this process that requests share: what they do there is wait, for the database and for storage.
THREADS = 40
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
_under_way: set[asyncio.Task[Any]] = set()


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``call`` in a thread, in the caller's context. Who is cancelled meanwhile is so once the call has ended."""
    context = contextvars.copy_context()
    work = asyncio.get_running_loop().run_in_executor(_pool, functools.partial(context.run, call, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Carry out ``work`` as a task of its own, which goes on where the caller is cancelled."""
    task = asyncio.get_running_loop().create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)


def threaded(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """``endpoint`` as the framework calls it: one that is no coroutine runs ``in_thread``."""
    if inspect.iscoroutinefunction(endpoint):
        return endpoint

    async def called(**given: Any) -> Any:
        return await in_thread(endpoint, **given)

    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(called, name, getattr(endpoint, name))
    # Not functools.wraps: the framework would look through it, and see the function that takes a thread.
    called.__signature__ = inspect.signature(endpoint, eval_str=True)  # type: ignore[attr-defined]
    return called
