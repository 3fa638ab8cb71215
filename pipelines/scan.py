"""The scan on Ray: one task a shard, partial states merged here as they arrive."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from pipelines.progress import PATIENCE, cancel
from synthos.profiling.scan import Scanned, ScanState, finish, merge, scan_shard
from synthos.progress import Event, Listener
from synthos.stages import scan_table

if TYPE_CHECKING:
    from pipelines.runtime import Runtime
    from synthos.stages import Job

#: Tables below this many bytes are scanned here while Ray is still starting; sending them away would take longer.
SMALL_BYTES = 64 * 2**20
#: A worker that dies costs its shards one more reading; a machine that keeps killing them fails the job.
RETRIES = 3
#: Tasks under way for each processor: enough to hide the hand-over, few enough to bound memory.
AHEAD = 2


def scan_tables(runtime: Runtime, job: Job, listener: Listener) -> dict[str, Scanned]:
    """One pass over every table of the job."""
    return {role: scan(runtime, job, role, listener) for role in job.sources}


def scan(runtime: Runtime, job: Job, role: str, listener: Listener) -> Scanned:
    """One pass over one table."""
    source = job.sources[role]
    shards = source.shards()
    if len(shards) <= 1 or (source.bytes is not None and source.bytes < SMALL_BYTES):
        return scan_table(job, role, listener)
    ray = runtime.ray()
    source_ref, plan_ref = ray.put(source), ray.put(job.plan(role))
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(scan_shard)
    waiting = deque(shards)
    under_way: list[Any] = []
    limit = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    state: ScanState | None = None
    done = 0
    try:
        while waiting or under_way:
            while waiting and len(under_way) < limit:
                under_way.append(task.remote(source_ref, waiting.popleft(), plan_ref))
            ready, under_way = ray.wait(under_way, num_returns=1, timeout=PATIENCE)
            if not ready:
                continue
            part = runtime.get(ready[0])
            state = part if state is None else merge(state, part)
            done += 1
            listener(Event(stage="scan", done=done, total=len(shards), message=f"{role} {source.name}"))
    except BaseException:  # whatever ends this, Ctrl-C too: nobody waits for the other shards any more
        cancel(ray, under_way)
        raise
    assert state is not None  # a table has at least one shard
    return finish(state, source.name, job.plan(role), size=source.bytes)
