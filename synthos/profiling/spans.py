"""Runs of units that are scanned, sent and kept together: few enough of them, whatever the table's size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from importlib.metadata import version
from typing import TYPE_CHECKING

from synthos.profiling.scan import ScanPlan, ScanState, merge, scan_unit
from synthos.tables.reader import Unit
from synthos.tables.short_memory import steps_from, too_large

if TYPE_CHECKING:
    from synthos.tables.sources import Source

#: A table is cut into at least so many spans, if it has as many units, and fewer than twice as many.
LEAST_SPANS = 64
#: Raise with every change to reading or scanning that changes a state.
CODE_VERSION = 2

Span = tuple[Unit, ...]


def spans(units: Sequence[Unit]) -> list[Span]:
    """The units in order, in runs of a power of two: while a table grows, runs stay what they are until it doubles."""
    length = 1
    while length * 2 * LEAST_SPANS <= len(units):
        length *= 2
    return [tuple(units[first : first + length]) for first in range(0, len(units), length)]


def scan_span(source: Source, span: Span, plan: ScanPlan) -> ScanState:
    """The state of a whole span. Errors are those of ``source.read_unit``, and TooLargeError."""
    return reduce(merge, (_scan_within_memory(source, unit, plan) for unit in span))


def _scan_within_memory(source: Source, unit: Unit, plan: ScanPlan) -> ScanState:
    """The state of a unit; where memory runs out it is read anew, fewer rows at once."""
    for step in steps_from(source.step):
        try:
            return scan_unit(replace(source, step=step), unit, plan)
        except MemoryError:
            pass  # what it took is free again
    raise too_large(unit.shards)


def plan_key(source: Source, plan: ScanPlan) -> str:
    """A name for all that the states of a table's spans depend on beside the spans themselves."""
    types = [(name, str(source.dtypes[name])) for name in plan.schema.names]
    return _digest(repr((CODE_VERSION, version("synthos"), version("polars"), version("numpy"), types, plan)))


def span_key(span: Span, plan: str) -> str | None:
    """A name for the state of a span under the plan of that name, which changes with the files.

    None where it cannot be known whether a file has changed.
    """
    shards = [shard for unit in span for shard in unit.shards]
    if any(shard.version is None for shard in shards):
        return None
    places = [(unit.index, [(s.path, s.version, s.start, s.stop, s.rows) for s in unit.shards]) for unit in span]
    return _digest(repr((plan, places)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
