"""One pass over a table: the mergeable state that everything else is read off.

``scan_unit`` reads one unit of shards, ``merge`` joins two states, ``finish`` reads the answers off. Merging is
associative and commutative to the last bit. Cutting the same rows into other shards gives the same counts, histogram,
distinct rows and fingerprint, moments to rounding, and heavy hitters within their stated error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from synthos.errors import InternalError, SourceError, StorageError, TooFewRowsError
from synthos.profiling import columns, distinct, hashing
from synthos.profiling.blocks import Blocks, ShardBlocks, block_limit, block_rows_for, lay_out, offsets_of
from synthos.profiling.columns import ColumnScanner, ColumnState, limits_for
from synthos.profiling.distinct import DistinctRows
from synthos.profiling.forest import Forest
from synthos.profiling.places import Places, located, places_of
from synthos.profiling.profile import table_fingerprint, table_profile
from synthos.profiling.rows import RowKeeper, ShardRows, assemble, ceiling
from synthos.results import TableProfile, Unread
from synthos.tables.codec import Codec, Codes
from synthos.tables.reader import Shard, Unit
from synthos.tables.schema import Schema

if TYPE_CHECKING:
    from synthos.tables.sources import Source

__all__ = ["Blocks", "DistinctRows", "Scan", "ScanPlan", "ScanState", "Scanned", "finish", "merge", "scan_unit"]

SAMPLE_ROWS = 50_000
#: Blocks of at least this many rows are counted one by one, shorter ones together.
_LONG_BLOCK = 1024
#: Distinct rows kept with their copies: every row of tables up to this size.
ROW_CAPACITY = 65_536
#: How often a unit is read before it counts as not readable, and the longest first wait for a disk or server, seconds.
ATTEMPTS, FIRST_WAIT = 3, 2.0


@dataclass(frozen=True, slots=True)
class Scan:
    """A finished scan, beside the ``TableProfile`` made from it.

    ``histogram`` is the full table's rows per code, laid out as in ``Blocks.counts``, shape (sum of codec sizes,).
    """

    rows: int
    histogram: npt.NDArray[np.int64]
    blocks: Blocks
    distinct_rows: DistinctRows


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What to gather; picklable, the same for every shard of a table.

    Attributes
    ----------
    schema, codec : the columns in order, and the reference's bins.
    sample_rows : most rows in the stratified sample.
    total_rows : rows of the table where the source knows them; only saves memory, never changes a result.
    block_rows : rows of the smallest block; blocks double from there until at most 2048 cover the table.
    seed : of the sample.
    """

    schema: Schema
    codec: Codec
    sample_rows: int = SAMPLE_ROWS
    total_rows: int | None = None
    block_rows: int = 64
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ShardPart:
    """What stays apart by unit, because its place in the table matters. ``rows`` are those that were read."""

    rows: int
    digest: int
    blocks: ShardBlocks
    sample: ShardRows | None
    places: Places | None = None
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanState:
    """Everything gathered about any set of shards."""

    plan: ScanPlan
    columns: Forest[tuple[ColumnState, ...]]
    distinct_rows: DistinctRows
    parts: dict[int, ShardPart]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts.values())

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be read, in table order."""
        return tuple(item for index in sorted(self.parts) for item in self.parts[index].unread)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A finished table: its scan, its profile, the sampled rows in table order, and their positions in the table."""

    scan: Scan
    profile: TableProfile
    frame: pl.DataFrame
    rows: npt.NDArray[np.int64]


def scan_unit(source: Source, unit: Unit, plan: ScanPlan) -> ScanState:
    """The state of one unit of shards. What cannot be read is read again, and a disk or server is waited for.

    Raises
    ------
    SourceError : a shard cannot be read, and ``source`` does not leave such out.
    SchemaError : a value that cannot be judged.
    """
    try:
        return PATIENTLY(_scan, source, unit, unit.shards, plan)
    except SourceError:
        if source.unread is None:
            raise
    faults = {shard: source.check(shard, plan.schema.names) for shard in unit.shards}
    sound = [shard for shard, fault in faults.items() if fault is None]
    return _scan(source, unit, sound, plan, tuple(fault for fault in faults.values() if fault is not None))


def _scan(
    source: Source, unit: Unit, shards: Sequence[Shard], plan: ScanPlan, unread: tuple[Unread, ...] = ()
) -> ScanState:
    capacity = ceiling(unit.rows, max(unit.rows, plan.total_rows or 0), plan.sample_rows)
    state = scan_batches(unit.index, source.read_unit(shards, plan.schema.names), plan, capacity)
    part = replace(state.parts[unit.index], places=places_of(shards), unread=unread)
    return replace(state, parts={unit.index: part})


def scan_batches(index: int, batches: Iterable[pl.DataFrame], plan: ScanPlan, capacity: int | None = None) -> ScanState:
    """The state of the unit with this ``index`` from its rows in order.

    ``capacity`` is the most rows that the sample can ask of it, where that is known beforehand.
    """
    bins = {column.name: item for column, item in zip(plan.schema.modelled, plan.codec.bins, strict=True)}
    limits = limits_for(len(plan.schema.columns))
    scanners = [ColumnScanner(column, bins.get(column.name), limits) for column in plan.schema.columns]
    kept_rows, keeper = distinct.EMPTY, RowKeeper(index, plan.seed, capacity or plan.sample_rows)
    pending: list[hashing.Hashes] = []
    counter = _BlockCounter(plan)
    rows, digest = 0, 0
    for batch in batches:
        hashes: list[hashing.Hashes] = []
        codes: list[Codes] = []
        keys: list[hashing.Hashes] = []
        for column, scanner in zip(plan.schema.columns, scanners, strict=True):
            cells, coded = scanner.add(batch[column.name])
            if coded is None:
                keys.append(cells)
            else:
                hashes.append(cells)
                codes.append(coded)
        # Keys make every row distinct, so they count for the fingerprint but not for duplicates.
        row_hashes = hashing.combine(hashes, batch.height)
        content = hashing.combine([row_hashes, *keys], batch.height) if keys else row_hashes
        digest = hashing.join_digests(digest, hashing.digest(content), batch.height)
        pending.append(row_hashes)
        if sum(map(len, pending)) > 8 * ROW_CAPACITY:
            kept_rows, pending = distinct.add(kept_rows, np.concatenate(pending), ROW_CAPACITY), []
        keeper.add(batch)
        counter.add(codes, batch.height)
        rows += batch.height
    if pending:
        kept_rows = distinct.add(kept_rows, np.concatenate(pending), ROW_CAPACITY)
    part = ShardPart(rows, digest, counter.finished(), keeper.kept())
    states = Forest.of(index, tuple(scanner.finished() for scanner in scanners))
    return thinned(ScanState(plan, states, kept_rows, {index: part}))


def merge(a: ScanState, b: ScanState) -> ScanState:
    """Both states as one; the shards of the two must not overlap."""
    if a.parts.keys() & b.parts.keys():
        raise InternalError(f"shards {sorted(a.parts.keys() & b.parts.keys())} were merged twice")
    both = ScanState(
        a.plan,
        a.columns.merged(b.columns, _merge_columns),
        distinct.merge(a.distinct_rows, b.distinct_rows, ROW_CAPACITY),
        {**a.parts, **b.parts},
    )
    # Where the table's rows are known, each part was thinned for them when it was made.
    return both if a.plan.total_rows else thinned(both)


def _merge_columns(a: tuple[ColumnState, ...], b: tuple[ColumnState, ...]) -> tuple[ColumnState, ...]:
    return tuple(columns.merge(x, y) for x, y in zip(a, b, strict=True))


def finish(state: ScanState, source_name: str, plan: ScanPlan, *, size: int | None = None) -> Scanned:
    """Read the answers off the state of a whole table. ``size`` is the table's bytes where they are known.

    Raises
    ------
    TooFewRowsError : where the table has no row.
    SourceError : none of its rows could be read.
    """
    order = sorted(state.parts)
    parts = [state.parts[index] for index in order]
    samples = [part.sample for part in parts if part.sample is not None]
    if not samples and state.unread:
        why = state.unread[0].reason
        raise SourceError(f"nothing of it can be read ({why})", where=source_name, fix="write it again")
    if not samples:
        raise TooFewRowsError("the table has no rows", where=source_name, fix="give a table with rows")
    frame, rows = assemble(samples, plan.sample_rows)
    in_table = located([(part.rows, part.places) for part in parts])
    blocks = lay_out([part.blocks for part in parts], plan.codec.sizes, plan.block_rows)
    blocks = replace(blocks, starts=in_table(blocks.starts))
    histogram = blocks.counts.sum(axis=0, dtype=np.int64)
    scan = Scan(state.rows, histogram, blocks, state.distinct_rows)
    fingerprint = table_fingerprint(plan.schema, [(part.rows, part.digest) for part in parts])
    states = state.columns.folded(_merge_columns)
    profile = table_profile(
        source_name, plan.codec, states, state.distinct_rows, histogram, frame, state.rows, fingerprint, size
    )
    return Scanned(scan, replace(profile, unread=state.unread), frame, in_table(rows))


def thinned(state: ScanState, least_rows: int = 0) -> ScanState:
    """The state without what no finished table of at least ``least_rows`` rows could still ask for."""
    plan = state.plan
    total = max(state.rows, plan.total_rows or 0, least_rows)
    size = block_rows_for(total, plan.block_rows, block_limit(plan.codec.sizes))
    parts = {}
    for index, part in state.parts.items():
        sample = part.sample and part.sample.lowest(ceiling(part.rows, total, plan.sample_rows))
        parts[index] = replace(part, blocks=part.blocks.coarsened(size), sample=sample)
    return replace(state, parts=parts)


def _tally(codes: Codes, bounds: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint32]:
    """Rows per code between neighbouring bounds, shape (len(bounds) - 1, width)."""
    lengths = np.diff(bounds)
    if lengths.max() >= _LONG_BLOCK:
        runs = [np.bincount(codes[low:high], minlength=width) for low, high in pairwise(bounds.tolist())]
        return np.stack(runs).astype(np.uint32)
    block = np.repeat(np.arange(len(lengths)) * width, lengths)
    return np.bincount(block + codes, minlength=len(lengths) * width).reshape(-1, width).astype(np.uint32)


def _wait(state: RetryCallState) -> float:
    """What is not of the storage is read again at once: a file may have been read while it was being replaced."""
    error = state.outcome.exception() if state.outcome is not None else None
    return wait_random_exponential(multiplier=FIRST_WAIT)(state) if isinstance(error, StorageError) else 0.0


#: Calls what reads a table, again where it cannot be read just now.
PATIENTLY = Retrying(
    stop=stop_after_attempt(ATTEMPTS), wait=_wait, retry=retry_if_exception_type(SourceError), reraise=True
)


class _BlockCounter:
    """Counts the codes of a shard's blocks while its batches pass."""

    def __init__(self, plan: ScanPlan) -> None:
        self._sizes = plan.codec.sizes
        self._offsets = offsets_of(self._sizes)
        self._limit = block_limit(self._sizes)
        self._size = block_rows_for(plan.total_rows or 0, plan.block_rows, self._limit)
        self._rows = 0
        self._counts = np.zeros((0, int(self._offsets[-1])), np.uint32)

    def add(self, codes: list[Codes], rows: int) -> None:
        if not rows:
            return
        first, last = self._rows // self._size, (self._rows + rows - 1) // self._size
        fresh = np.zeros((last + 1, self._counts.shape[1]), np.uint32)
        fresh[: len(self._counts)] = self._counts
        bounds = np.clip(np.arange(first, last + 2) * self._size - self._rows, 0, rows)
        for position, (width, coded) in enumerate(zip(self._sizes, codes, strict=True)):
            low, high = self._offsets[position], self._offsets[position + 1]
            fresh[first:, low:high] += _tally(coded, bounds, width)
        self._counts = fresh
        self._rows += rows
        coarser = block_rows_for(self._rows, self._size, self._limit)
        if coarser != self._size:
            self._counts = ShardBlocks(self._size, self._rows, self._counts).coarsened(coarser).counts
            self._size = coarser

    def finished(self) -> ShardBlocks:
        return ShardBlocks(self._size, self._rows, self._counts)
