"""Runs of units that are scanned, sent and kept together: few enough of them, whatever the table's size."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from synthos.profiling.scan import ScanPlan, ScanState, merge, scan_unit
from synthos.tables.cut import Cut
from synthos.tables.reader import Unit
from synthos.tables.short_memory import steps_from, too_large

if TYPE_CHECKING:
    from synthos.tables.sources import Source

#: A table is cut into at least so many spans, if it has as many units, and fewer than twice as many.
LEAST_SPANS = 64
#: Raise with every change to reading or scanning that changes a state.
CODE_VERSION = 3

Span = tuple[Unit, ...]


def spans(units: Sequence[Unit], cut: Cut | None = None) -> list[Span]:
    """The units in order, in runs of ``span_length`` indices; ``cut`` is what their table says of it."""
    length = span_length(len(units), cut)
    return [tuple(run) for _, run in groupby(units, lambda unit: unit.index // length)]


def span_length(count: int, cut: Cut | None) -> int:
    """How many of ``count`` units a span has: a power of two, the same until a table that grows has doubled."""
    if cut is not None:
        return cut.length
    length = 1
    while length * 2 * LEAST_SPANS <= count:
        length *= 2
    return length


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


def place(unit: Unit) -> str | None:
    """A name for the rows of a unit and for its index, which changes with the files.

    None where it cannot be known whether a file has changed.
    """
    if any(shard.version is None for shard in unit.shards):
        return None
    runs = [(_absolute(s.path), s.version, s.start, s.stop, s.rows) for s in unit.shards]
    return _digest(repr((unit.index, runs)))


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())


def span_key(span: Span, plan: str, same: Mapping[str, str]) -> str | None:
    """A name for the state of a span under the plan of that name; None where a unit has no place.

    ``same`` are places by those of other units that hold the same rows.
    """
    places = [place(unit) for unit in span]
    if None in places:
        return None
    return _digest(repr((plan, [same.get(known, known) for known in places if known is not None])))


def table_key(source: Source) -> str | None:
    """A name for what a table's files hold; None where it cannot be known whether one has changed."""
    places = [place(unit) for unit in source.units()]
    return None if None in places else _digest(repr(places))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
