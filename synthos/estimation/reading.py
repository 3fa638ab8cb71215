"""What the full pass over a table costs: a few of its units are scanned here and now, the rest by their likeness."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthos.profiling.scan import thinned
from synthos.profiling.spans import scan_span
from synthos.progress import silent
from synthos.stages import Job, full_pass
from synthos.tables.reader import Unit

#: Seconds that may be spent on the units of one table; one unit is always scanned, and a second where there are two.
MOST_SECONDS = 1.5
#: ... and the share of its rows, where that takes longer than a moment.
MOST_SHARE, MOMENT = 0.05, 0.3
#: Units that are scanned at most.
MOST_UNITS = 64
#: Units whose bytes a row differ more than so many times are compared by bytes, others by rows.
SKEWED = 2.0
#: How far off the rest of a table is taken to be at least, as a share, and where only one unit was scanned.
LEAST_SPREAD, ONE_UNIT = 0.1, 0.3


@dataclass(frozen=True, slots=True)
class Trial:
    """One unit that was scanned: processor seconds, seconds of the clock, and bytes of what is kept of it."""

    unit: Unit
    processor: float
    clock: float
    state_bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The full pass over one table.

    ``processor`` is for one thread; ``waiting`` is what was waited for disks or servers beside it, where the table
    lies elsewhere. ``spread`` is how far off both may be, as a share (95 %). ``to_read`` are spans, ``kept`` units;
    ``state_bytes`` what stays of the table once it has been read.
    """

    role: str
    rows: int
    bytes: int | None
    processor: float
    waiting: float
    spread: float
    to_read: int
    kept: int
    longest: float
    state_bytes: int
    rows_tried: int


def measure_reading(job: Job, role: str, folder: Path | None) -> Reading:
    """Scan a few units of a table and say what the whole would cost; parts that ``folder`` keeps cost nothing.

    Raises
    ------
    InputError : a unit cannot be read.
    """
    source = job.sources[role]
    reading = full_pass(job, role, folder, silent)
    units = [unit for span in reading.missing for unit in span]
    every = source.units()
    kept = len(every) - len(units)
    trials = _try_some(job, role, units)
    processor, spread = extrapolate([(t.unit, t.processor) for t in trials], units)
    waited = [(t.unit, max(t.clock - t.processor, 0.0)) for t in trials]
    waiting = extrapolate(waited, units)[0] if _is_away(units) else 0.0
    state = float(np.mean([t.state_bytes for t in trials])) if trials else 0.0
    return Reading(
        role=role,
        rows=source.rows,
        bytes=source.bytes,
        processor=processor,
        waiting=waiting,
        spread=spread,
        to_read=len(reading.missing),
        kept=kept,
        longest=(processor + waiting) / max(len(reading.missing), 1),
        state_bytes=int(state * len(every)),
        rows_tried=sum(t.unit.rows for t in trials),
    )


def extrapolate(trials: Sequence[tuple[Unit, float]], units: Sequence[Unit]) -> tuple[float, float]:
    """Seconds of all ``units`` from those of some of them, and how far off that may be, as a share (95 %).

    By rows; by bytes where some units have far more bytes a row than others.

    >>> from synthos.tables.reader import Shard
    >>> units = [Unit(index, (Shard(index, "t", 0, 100, 100),)) for index in range(10)]
    >>> extrapolate([(units[0], 1.0), (units[5], 1.0)], units)
    (10.0, 0.1)
    """
    if not units:
        return 0.0, 0.0
    by_bytes = _skewed(units)
    sizes = np.array([_size(unit, by_bytes) for unit, _ in trials])
    seconds = np.array([spent for _, spent in trials])
    total = float(seconds.sum() / sizes.sum() * sum(_size(unit, by_bytes) for unit in units))
    if len(trials) == len(units):
        return total, LEAST_SPREAD
    if len(trials) == 1:
        return total, ONE_UNIT
    rates = seconds / sizes
    error = float(rates.std(ddof=1) / np.sqrt(len(rates)) / max(rates.mean(), 1e-12))
    return total, max(LEAST_SPREAD, 1.96 * error)


def spread_out(units: Sequence[Unit], most: int = MOST_UNITS) -> list[Unit]:
    """At most so many of the units, in an order in which every beginning is spread over the table.

    >>> [unit.index for unit in spread_out([Unit(index, ()) for index in range(5)])]
    [0, 4, 2, 1, 3]
    """
    last, pieces = len(units) - 1, 1
    order: dict[int, None] = {}
    while len(order) < min(len(units), most):
        order |= dict.fromkeys(round(last * at / pieces) for at in range(pieces + 1))
        pieces *= 2
    return [units[place] for place in list(order)[:most]]


def _try_some(job: Job, role: str, units: Sequence[Unit]) -> list[Trial]:
    if not units:
        return []
    source, plan = job.sources[role], job.plan(role)
    total, trials = sum(unit.rows for unit in units), []
    for unit in spread_out(units):
        clock, processor = time.perf_counter(), time.process_time()
        state = scan_span(source, (unit,), plan)
        spent = time.process_time() - processor
        waited = time.perf_counter() - clock
        trials.append(Trial(unit, spent, waited, len(pickle.dumps(thinned(state, source.rows), protocol=5))))
        seconds = sum(trial.clock for trial in trials)
        tried = sum(trial.unit.rows for trial in trials) / total
        if len(trials) > 1 and (seconds > MOST_SECONDS or (tried > MOST_SHARE and seconds > MOMENT)):
            break
    return trials


def _size(unit: Unit, by_bytes: bool) -> int:
    return sum(shard.bytes for shard in unit.shards) if by_bytes else unit.rows


def _skewed(units: Sequence[Unit]) -> bool:
    if any(shard.bytes <= 0 for unit in units for shard in unit.shards):
        return False
    wide = [_size(unit, True) / unit.rows for unit in units if unit.rows]
    return bool(wide) and max(wide) > SKEWED * min(wide)


def _is_away(units: Sequence[Unit]) -> bool:
    return any("://" in shard.path for unit in units for shard in unit.shards)
