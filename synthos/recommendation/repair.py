"""Applying recommendations: a new table, written shard by shard, and a log of what was done to which row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter, ValidationError

from synthos.advice import Recommendation
from synthos.errors import AlignmentError, ConfigError, SourceError
from synthos.progress import Event, Listener, silent
from synthos.recommendation.mending import CHANGES_SCHEMA, Feed, hash_rows, mend, mixed_types, surplus
from synthos.recommendation.reordering import Reordering
from synthos.recommendation.steps import APPLICABLE, NEEDS_REFERENCE, Mask, Steps, compile_steps
from synthos.recommendation.unchanged import Unchanged
from synthos.recommendation.writing import FrameWriter, changes_path, check_output, publish, workplace
from synthos.results import TableProfile
from synthos.tables.cut import KEY
from synthos.tables.sources import Source

__all__ = ["APPLICABLE", "RepairReport", "chosen_by_default", "load_judged", "load_recommendations", "repair_table"]

_PEEK_ROWS = 20_000
_FIX = "pass the file that `synthos validate --json` wrote"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What a repair did.

    Attributes
    ----------
    out, changes : the new table, and its log: one line per row removed (``row``, counted from 0 in the old table) or
        added (``reference_row``), per column dropped, and one where all rows were reordered. Rows not listed were
        kept as they were.
    removed, added : rows by id of the recommendation.
    left : indices of the units (``Source.units``) that were left as they were, where the new table tells of them.
    unchanged : rows in those, which a validation beside the same reference need not read again where it was kept what
        the old table's scan found in them.
    """

    out: str
    changes: str
    rows_before: int
    rows_after: int
    removed: dict[str, int]
    added: dict[str, int]
    dropped_columns: tuple[str, ...]
    reordered: bool
    applied: tuple[str, ...]
    notes: tuple[str, ...] = ()
    left: tuple[int, ...] = ()
    unchanged: int = 0

    def lines(self) -> tuple[str, ...]:
        """The report for people."""
        found = [f"{self.out}: {self.rows_after:,} rows from {self.rows_before:,}"]
        found += [f"  {id_}: removed {count:,} rows" for id_, count in self.removed.items()]
        found += [f"  {id_}: added {count:,} reference rows" for id_, count in self.added.items()]
        if self.dropped_columns:
            found.append(f"  dropped {', '.join(self.dropped_columns)}")
        if self.reordered:
            found.append("  put the rows into a new order")
        if self.unchanged:
            told = "beside the same reference, what was kept of them need not be read again"
            found.append(f"  {self.unchanged:,} rows lie in parts left as they were; {told}")
        return (*found, *(f"  {note}" for note in self.notes), f"what was done row by row: {self.changes}")


def chosen_by_default(
    recommendations: Sequence[Recommendation], where: str | None = None
) -> tuple[Recommendation, ...]:
    """Those of a measured gain above 0 that need neither real rows nor the generator.

    Whether real rows may enter a synthetic table is not ours to decide, and what was not tried may do harm: both are
    applied only where they are named. Weights belong to the table as it was validated, so that ``reweight`` is left
    out where rows are removed.

    Raises
    ------
    ConfigError : there is none; the sentence names what can be chosen. ``where`` is the result that they are from.
    """
    possible = [item for item in recommendations if item.kind in APPLICABLE]
    gaining = [item for item in possible if item.expected_gain is not None and item.expected_gain > 0.0]
    chosen = [item for item in gaining if item.kind not in NEEDS_REFERENCE]
    removes = any(item.kind in ("remove_rows", "deduplicate") for item in chosen)
    chosen = [item for item in chosen if not (removes and item.kind == "reweight")]
    if chosen:
        return tuple(chosen)
    if not possible:
        left = "the verdict's reasons say whether anything else is left to do"
        why = "what the table needs takes its generator" if recommendations else left
        raise ConfigError("there is nothing to apply", where=where, fix=why)
    measured = any(item.expected_gain is not None for item in possible)
    what = "no recommendation without real rows has a measured gain" if measured else "gains were not measured"
    names = [f"{item.id} (with --reference)" if item.kind in NEEDS_REFERENCE else item.id for item in possible]
    raise ConfigError(what, where=where, fix=f"name what to apply with --only: {', '.join(names)}")


def load_recommendations(path: Path) -> tuple[Recommendation, ...]:
    """The ``recommendations`` of a result that ``validate --json`` wrote.

    Raises
    ------
    SourceError : the file cannot be read.
    ConfigError : it is not such a result.
    """
    content = _load(path)
    if not isinstance(content.get("recommendations"), list):
        raise ConfigError("the result has no list of recommendations", where=str(path), fix=_FIX)
    found: tuple[Recommendation, ...] = _parsed(
        TypeAdapter(tuple[Recommendation, ...]), content["recommendations"], "recommendations", path
    )
    return found


def load_judged(path: Path) -> TableProfile:
    """The profile of the synthetic table in a result that ``validate --json`` wrote: which table the result is about.

    Raises
    ------
    SourceError : the file cannot be read.
    ConfigError : it is not such a result.
    """
    profiles = _load(path).get("profiles")
    judged = profiles.get("synthetic") if isinstance(profiles, dict) else None
    if judged is None:
        raise ConfigError("the result does not say which table it is about", where=str(path), fix=_FIX)
    profile: TableProfile = _parsed(TypeAdapter(TableProfile), judged, "profiles.synthetic", path)
    return profile


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(
            f"the result cannot be read ({error.strerror or error})", where=str(path), fix=_FIX
        ) from error
    except ValueError as error:
        raise ConfigError(f"this is not JSON ({error})", where=str(path), fix=_FIX) from error
    if not isinstance(content, dict):
        raise ConfigError("the result has no list of recommendations", where=str(path), fix=_FIX)
    return content


def _parsed(adapter: TypeAdapter[Any], content: Any, name: str, path: Path) -> Any:
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (name, *first["loc"]))
        raise ConfigError(f"{place}: {first['msg']}", where=str(path), fix=_FIX) from error


def repair_table(
    source: Source,
    recommendations: Sequence[Recommendation],
    out: Path,
    *,
    reference: Source | None = None,
    seed: int = 0,
    listener: Listener = silent,
) -> RepairReport:
    """Apply ``recommendations`` to ``source`` and write the new table ``out`` (.parquet or .csv, by its ending).

    Rows are removed, repeats dropped and margins thinned first; real rows are then mixed evenly among those that
    stay, columns dropped, and rows put into order last. The table and its log of changes appear whole or not at all;
    an existing ``out`` is replaced. Memory: a batch, 17 bytes a row where repeats are dropped, a bucket of rows where
    they are reordered.

    Raises
    ------
    ConfigError : nothing to apply, something that only the generator can do, an output that cannot be written or is
        one of the inputs, real rows asked for without ``reference``, or nothing left.
    AlignmentError : a column that a step reads is missing, or the reference does not have the table's columns.
    """
    if not recommendations:
        raise ConfigError("there is nothing to apply", fix="choose at least one recommendation")
    steps = compile_steps(recommendations)
    inputs = [*source.shards(), *(reference.shards() if reference is not None else ())]
    check_output(out, tuple(dict.fromkeys(shard.path for shard in inputs)))
    _check_columns(source, steps, reference)
    if reference is not None and steps.additions:
        common = mixed_types(source.dtypes, reference.dtypes, source.name, reference.name)
        source, reference = source.with_types(common), reference.with_types(common)
    repeats = _repeats(source, steps)
    feeds = _feeds(source, steps, reference, repeats, seed)
    log = changes_path(out)
    removed = dict.fromkeys([id_ for id_, _, _ in steps.removals], 0)
    removed |= {id_: 0 for id_, _ in steps.thinning} | ({steps.copies[0]: 0} if steps.copies else {})
    added = {addition.id: 0 for addition in steps.additions}
    unchanged = Unchanged(source, steps)
    with workplace(out) as place:
        with FrameWriter(place / out.name) as table, FrameWriter(place / log.name) as record:
            record.write(_about_table(steps))
            for frame, changes in _mended(source, steps, repeats, feeds, place, unchanged, seed, listener):
                table.write(frame)
                record.write(changes)
                for id_, count in changes["recommendation"].value_counts().iter_rows():
                    counts = added if id_ in added else removed
                    counts[id_] += count
            if not table.rows:
                raise ConfigError("no row would be left", where=source.name, fix="choose fewer recommendations")
            cut = unchanged.cut if out.suffix == ".parquet" else None
            if cut is not None:
                table.note(KEY, cut.to_json())
        publish(place / log.name, log)
        publish(place / out.name, out)
    notes = tuple(
        f"{feed.addition.id}: the reference ran out of rows, fewer were added than wanted"
        for feed in feeds
        if feed.short
    )
    return RepairReport(
        out=str(out),
        changes=str(log),
        rows_before=source.rows,
        rows_after=table.rows,
        removed=removed,
        added=added,
        dropped_columns=steps.dropped_columns,
        reordered=steps.order is not None,
        applied=tuple(item.id for item in recommendations),
        notes=notes,
        left=unchanged.units if cut is not None else (),
    )


def _check_columns(source: Source, steps: Steps, reference: Source | None) -> None:
    missing = [name for name in steps.columns() if name not in source.dtypes]
    if missing:
        raise AlignmentError(
            f"the recommendations speak of columns that it lacks: {', '.join(missing)}",
            where=source.name,
            fix="repair the table that was validated",
        )
    if set(steps.dropped_columns) == set(source.dtypes):
        raise ConfigError("no column would be left", where=source.name, fix="choose fewer recommendations")
    if steps.order is not None and steps.order[1] in steps.dropped_columns:
        raise ConfigError(f"{steps.order[0]} sorts by a column that is to be dropped", fix="choose one of the two")
    if not steps.additions:
        return
    if reference is None:
        raise ConfigError(
            f"{steps.additions[0].id} mixes in real rows, and there is no reference", fix="give the reference table"
        )
    lacking = [name for name in source.dtypes if name not in reference.dtypes]
    if lacking:
        raise AlignmentError(
            f"cannot lend rows: it lacks {', '.join(lacking)}", where=reference.name, fix="give it the same columns"
        )


def _batches(source: Source, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    for shard in source.shards():
        yield from source.read(shard, columns)


def _repeats(source: Source, steps: Steps) -> Mask | None:
    """Rows of the whole table that repeat others, counted among those that are not removed anyway."""
    if steps.copies is None:
        return None
    _, columns, most = steps.copies
    hashes = np.concatenate([hash_rows(batch, columns) for batch in _batches(source, columns)])
    stays = np.ones(len(hashes), bool)
    for _, start, stop in steps.removals:
        stays[start:stop] = False
    repeats = np.zeros(len(hashes), bool)
    repeats[stays] = surplus(hashes[stays], most)
    return repeats


def _feeds(source: Source, steps: Steps, reference: Source | None, repeats: Mask | None, seed: int) -> list[Feed]:
    """Streams of real rows, thinned so that the whole reference has its turn."""
    if reference is None or not steps.additions:
        return []
    staying = source.rows - sum(min(stop, source.rows) - min(start, source.rows) for _, start, stop in steps.removals)
    staying -= int(repeats.sum()) if repeats is not None else 0
    feeds = []
    for addition in steps.additions:
        if addition.column is None:
            eligible = reference.rows
        else:
            eligible = sum(int(addition.wanted(batch).sum()) for batch in _batches(reference))
        # A little more than needed, so that chance does not leave the last batches short.
        needed = 1.05 * staying * addition.per_row + 20
        feeds.append(Feed(addition, _batches(reference), min(1.0, needed / max(1, eligible)), seed))
    return feeds


def _about_table(steps: Steps) -> pl.DataFrame:
    """Log entries that speak of no single row."""
    entries = [(None, None, "dropped_column", name, id_) for id_, names in steps.dropped for name in names]
    if steps.order is not None:
        entries.append((None, None, "reordered", steps.order[1] or "", steps.order[0]))
    return pl.DataFrame(entries, schema=CHANGES_SCHEMA, orient="row")


def _mended(
    source: Source,
    steps: Steps,
    repeats: Mask | None,
    feeds: Sequence[Feed],
    folder: Path,
    unchanged: Unchanged,
    seed: int,
    listener: Listener,
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Frames of the new table in their final order, each with entries of the log."""
    order = None
    if steps.order is not None:
        by = steps.order[1]
        sampled = source.peek(_PEEK_ROWS, seed)[by] if by is not None else None
        order = Reordering(folder, by, source.rows, seed, sampled)
    units, first = source.units(), 0
    for done, unit in enumerate(units):
        listener(Event(stage="recommendations", done=done, total=len(units), message=f"repairing {source.name}"))
        for batch in source.read_unit(unit.shards):
            rows = np.arange(first, first + batch.height)
            part = None if repeats is None else repeats[first : first + batch.height]
            mended = mend(steps, batch, rows, part, feeds, seed)
            first += batch.height
            unchanged.note(unit, mended.frame.height, touched=mended.changes.height > 0)
            if order is None:
                yield mended.frame, mended.changes
            else:
                order.add(mended.frame)
                yield mended.frame.clear(), mended.changes
    if order is not None:
        empty = pl.DataFrame(schema=CHANGES_SCHEMA)
        for frame in order.sorted():
            yield frame, empty
    listener(Event(stage="recommendations", done=len(units), total=len(units), message=f"repaired {source.name}"))
