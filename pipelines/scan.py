"""The scan on Ray: one task a span of shards, partial states merged and kept here as they arrive."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from pipelines.progress import PATIENCE, cancel
from pipelines.resources import for_scan, processors
from synthos.profiling.full_pass import FullPass
from synthos.profiling.scan import Scanned
from synthos.profiling.spans import Span, scan_span
from synthos.progress import Listener
from synthos.stages import full_pass, scan_table

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.runtime import Runtime
    from synthos.stages import Job

#: Tables below this many bytes are scanned here while Ray is still starting; sending them away would take longer.
SMALL_BYTES = 64 * 2**20
#: A worker that dies costs its shards one more reading; a machine that keeps killing them fails the job.
RETRIES = 3
#: Tasks under way for each processor: enough to hide the hand-over, few enough to bound memory.
AHEAD = 2


def scan_tables(runtime: Runtime, job: Job, folder: Path | None, listener: Listener) -> dict[str, Scanned]:
    """One pass over every table of the job; what is finished is kept in ``folder``, and found there."""
    return {role: scan(runtime, job, role, folder, listener) for role in job.sources}


def scan(runtime: Runtime, job: Job, role: str, folder: Path | None, listener: Listener) -> Scanned:
    """One pass over one table."""
    source = job.sources[role]
    if len(source.shards()) <= 1 or (source.bytes is not None and source.bytes < SMALL_BYTES):
        return scan_table(job, role, listener)
    reading = full_pass(job, role, folder, listener)
    if reading.missing:
        _read(runtime, reading)
    return reading.finished()


def _read(runtime: Runtime, reading: FullPass) -> None:
    """Hand out what is missing, no more of it at a time than memory bears; while Ray starts, read here."""
    waiting = deque(reading.missing)
    while waiting and not runtime.poll():
        span = waiting.popleft()
        reading.take(span, scan_span(reading.source, span, reading.plan))
    if not waiting:
        return
    ray = runtime.ray()
    source, plan = ray.put(reading.source), ray.put(reading.plan)
    task = ray.remote(max_retries=RETRIES, **for_scan())(scan_span)
    under_way: dict[Any, Span] = {}
    try:
        while waiting or under_way:
            # Asked for anew each time: nodes join and leave, and an autoscaler may begin with none.
            limit = AHEAD * processors(ray)
            while waiting and len(under_way) < limit:
                span = waiting.popleft()
                under_way[task.remote(source, span, plan)] = span
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=PATIENCE)
            for done in ready:
                reading.take(under_way.pop(done), runtime.get(done))
    except BaseException:  # whatever ends this, Ctrl-C too: nobody waits for the other spans any more
        cancel(ray, under_way)
        raise
