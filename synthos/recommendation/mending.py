"""Steps on batches of rows: the same code mends a sample (to measure a gain) and a table.

Order of work: rows are removed, repeats dropped, margins thinned, real rows mixed in between those that stay, columns
dropped. Reordering needs the whole table and follows in ``reordering``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.errors import AlignmentError
from synthos.profiling.hashing import Hashes, cell_hashes, combine, mix
from synthos.recommendation.steps import Addition, Mask, Steps
from synthos.tables.folder import widened

Types = Mapping[str, pl.DataType]

Rows = npt.NDArray[np.int64]

#: Holds the place of a reference row while it travels; no column of a table may have this name.
PLACE = "__synthos_reference_row__"

#: One entry per row, column or table that a repair touched.
CHANGES_SCHEMA = {
    "row": pl.Int64(),
    "reference_row": pl.Int64(),
    "action": pl.String(),
    "column": pl.String(),
    "recommendation": pl.String(),
}


def uniforms(rows: Rows, seed: int, salt: int) -> npt.NDArray[np.float64]:
    """A pseudo-random number in [0, 1) for each row position, the same however the table is cut into batches."""
    stream = mix(np.array([seed & (2**64 - 1), salt], np.uint64))
    return np.asarray(mix(rows.astype(np.uint64) ^ mix(stream[:1] ^ stream[1:])) / 2.0**64, np.float64)


def hash_rows(frame: pl.DataFrame, columns: Sequence[str]) -> Hashes:
    """A hash per row over ``columns``; equal numbers meet whatever type their file stores them in."""
    return combine(
        (cell_hashes(frame[name], "number" if frame.schema[name].is_numeric() else "category") for name in columns),
        frame.height,
    )


def surplus(hashes: Hashes, most: int) -> Mask:
    """Rows that have ``most`` equal rows before them, shape (n,). Takes 17 bytes a row."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    heads = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    before = np.arange(len(hashes)) - np.repeat(heads, np.diff(np.append(heads, len(hashes))))
    found = np.zeros(len(hashes), bool)
    found[order] = before >= most
    return found


def mixed_types(table: Types, lender: Types, table_name: str, lender_name: str) -> dict[str, pl.DataType]:
    """Types of a table into which rows of ``lender`` are mixed: the table's columns, each in the narrowest type that
    holds the values of both.

    Raises
    ------
    AlignmentError : a column of the two has types that no type holds both of.
    """
    common = {}
    for name, dtype in table.items():
        wider = widened(dtype, lender[name])
        if wider is None:
            raise AlignmentError(
                f"column {name} is {lender[name]}, and {dtype} in {table_name}: its rows do not fit",
                where=lender_name,
                fix="store both tables in the same types",
            )
        common[name] = wider
    return common


@dataclass(slots=True)
class Feed:
    """Reference rows in their order, taken as they are needed. ``chance`` thins them evenly over the reference."""

    addition: Addition
    batches: Iterator[pl.DataFrame]
    chance: float
    seed: int
    _held: pl.DataFrame | None = None
    _seen: int = 0
    _owed: float = 0.0
    short: bool = field(default=False, init=False)

    def take(self, stayed: int) -> pl.DataFrame | None:
        """The rows due for another ``stayed`` synthetic rows, with a column ``row`` of their places; None for none."""
        self._owed += stayed * self.addition.per_row
        while (self._held is None or self._held.height < int(self._owed)) and not self.short:
            batch = next(self.batches, None)
            if batch is None:
                self.short = True
                break
            rows = np.arange(self._seen, self._seen + batch.height)
            self._seen += batch.height
            kept = self.addition.wanted(batch) & (uniforms(rows, self.seed, _salt(self.addition.id)) < self.chance)
            part = batch.with_columns(pl.Series(PLACE, rows)).filter(pl.Series(kept))
            self._held = part if self._held is None else pl.concat([self._held, part])
        if self._held is None:
            return None
        due = min(int(self._owed), self._held.height)
        self._owed -= due
        taken, self._held = self._held[:due], self._held[due:]
        return taken if due else None


def _salt(text: str) -> int:
    return int.from_bytes(text.encode()[-8:], "big")


@dataclass(frozen=True, slots=True)
class Mended:
    """A batch after all steps but reordering, and what was done to its rows (``CHANGES_SCHEMA``)."""

    frame: pl.DataFrame
    changes: pl.DataFrame


def mend(
    steps: Steps, frame: pl.DataFrame, rows: Rows, repeats: Mask | None, feeds: Sequence[Feed], seed: int
) -> Mended:
    """Apply the steps to a batch of rows at the places ``rows`` of the table.

    ``repeats`` marks the rows of the batch that repeat others (``surplus`` of the whole table). The first step that
    takes a row away answers for it.
    """
    stay = np.ones(frame.height, bool)
    log: list[pl.DataFrame] = []

    def remove(gone: Mask, id_: str) -> None:
        fresh = gone & stay
        log.append(changes(rows[fresh], None, "removed", id_))
        stay[fresh] = False

    for id_, start, stop in steps.removals:
        remove((rows >= start) & (rows < stop), id_)
    if steps.copies is not None and repeats is not None:
        remove(repeats, steps.copies[0])
    for id_, weights in steps.thinning:
        remove(uniforms(rows, seed, _salt(id_)) >= weights.chances(frame), id_)
    kept = frame.filter(pl.Series(stay))
    parts, keys = [kept], [np.arange(kept.height, dtype=np.float64)]
    for feed in feeds:
        added = feed.take(int(stay.sum()))
        if added is not None:
            places = added[PLACE].to_numpy()
            log.append(changes(None, places, "added_from_reference", feed.addition.id))
            parts.append(added.drop(PLACE).select(frame.columns))
            keys.append(uniforms(places, seed, 7) * max(1, kept.height) - 0.5)
    mixed = pl.concat(parts)
    if len(parts) > 1:
        mixed = mixed[np.argsort(np.concatenate(keys), kind="stable")]
    return Mended(mixed.drop(steps.dropped_columns), pl.concat(log) if log else changes(None, None, "", ""))


def changes(rows: Rows | None, reference_rows: Rows | None, action: str, id_: str) -> pl.DataFrame:
    """Entries of the log of changes, one per row."""
    length = len(rows) if rows is not None else len(reference_rows) if reference_rows is not None else 0
    return pl.DataFrame(
        {
            "row": rows if rows is not None else [None] * length,
            "reference_row": reference_rows if reference_rows is not None else [None] * length,
            "action": [action] * length,
            "column": [None] * length,
            "recommendation": [id_] * length,
        },
        schema=CHANGES_SCHEMA,
    )
