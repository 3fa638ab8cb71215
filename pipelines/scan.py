"""The scan on Ray: one task a span of shards, partial states merged and kept here as they arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from pipelines.progress import PATIENCE, cancel
from pipelines.resources import for_scan, processors
from synthos.profiling.full_pass import FullPass
from synthos.profiling.scan import Scanned, ScanState, merge
from synthos.profiling.spans import Span, scan_span
from synthos.progress import Listener
from synthos.stages import SMALL_BYTES, full_pass, scan_table
from synthos.tables.reader import BATCH_ROWS, Shard
from synthos.tables.short_memory import steps_from, too_large

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.runtime import Runtime
    from synthos.stages import Job

#: A worker that dies costs its shards one more reading; shards of which workers keep dying are read in smaller pieces.
RETRIES, RETRIES_OF_SMALL = 3, 1
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


@dataclass(frozen=True, slots=True)
class Piece:
    """What one task reads: units of a span, ``step`` rows at once."""

    span: Span
    units: Span
    step: int = BATCH_ROWS

    @property
    def shards(self) -> list[Shard]:
        return [shard for unit in self.units for shard in unit.shards]

    def smaller(self) -> list[Piece]:
        """What is tried where a worker died of this one: its units one by one, then fewer rows at once.

        Raises
        ------
        TooLargeError : there is nothing smaller.
        """
        if len(self.units) > 1:
            return [Piece(self.span, (unit,), self.step) for unit in self.units]
        left = steps_from(self.step)[1:]
        if not left:
            raise too_large(self.shards, died=True)
        return [Piece(self.span, self.units, left[0])]


def _read(runtime: Runtime, reading: FullPass) -> None:
    """Hand out what is missing, no more of it at a time than memory bears; while Ray starts, read here."""
    pieces = deque(Piece(span, span) for span in reading.missing)
    read: dict[Span, list[ScanState]] = {}
    while pieces and not runtime.poll():
        # Unit by unit: a span of a large table takes longer than Ray does to start.
        piece = pieces.popleft()
        first, rest = piece.units[:1], piece.units[1:]
        _take(reading, piece, scan_span(reading.source, first, reading.plan), read)
        if rest:
            pieces.appendleft(Piece(piece.span, rest))
    if not pieces:
        return
    ray = runtime.ray()
    plan = ray.put(reading.plan)
    task = ray.remote(**for_scan())(scan_span)
    deaths = (ray.exceptions.OutOfMemoryError, ray.exceptions.WorkerCrashedError)
    under_way: dict[Any, Piece] = {}
    try:
        while pieces or under_way:
            # Asked for anew each time: nodes join and leave, and an autoscaler may begin with none.
            limit = AHEAD * processors(ray)
            while pieces and len(under_way) < limit:
                piece = pieces.popleft()
                part = reading.source.part(piece.shards, piece.step)
                retries = RETRIES if piece.units == piece.span and piece.step == BATCH_ROWS else RETRIES_OF_SMALL
                under_way[task.options(max_retries=retries).remote(part, piece.units, plan)] = piece
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=PATIENCE)
            for done in ready:
                piece = under_way.pop(done)
                try:
                    state = runtime.get(done)
                except deaths:
                    pieces.extendleft(reversed(piece.smaller()))
                else:
                    _take(reading, piece, state, read)
    except BaseException:  # whatever ends this, Ctrl-C too: nobody waits for the other spans any more
        cancel(ray, under_way)
        raise


def _take(reading: FullPass, piece: Piece, state: ScanState, read: dict[Span, list[ScanState]]) -> None:
    """Take in a span that was read whole, or once all of its pieces are there."""
    states = read.setdefault(piece.span, [])
    states.append(state)
    if sum(len(known.parts) for known in states) == len(piece.span):
        reading.take(piece.span, reduce(merge, read.pop(piece.span)))
