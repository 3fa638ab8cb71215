"""Tables side by side: columns by name, kinds by the reference, one type per column for all tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from synthos.errors import AlignmentError, ConfigError, FormatError, SchemaError, TooFewRowsError
from synthos.results import Kind
from synthos.tables.delimited import DelimitedReader
from synthos.tables.folder import widened
from synthos.tables.kinds import check_kind, check_names, infer_kinds
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import Source
from synthos.tables.types import DATETIME, conform, named

#: Below this no dimension resolves a difference of ten points.
MINIMUM_ROWS = 500
PEEK_ROWS = 50_000
#: Wide tables are peeked at with fewer rows, so that no peek holds more values than this.
PEEK_VALUES = 20_000_000
#: Nor more bytes.
PEEK_BYTES = 256 * 2**20
#: So many rows of text are read to name the value that makes strings of a column of numbers.
_SEARCHED_ROWS = 4_000_000


@dataclass(frozen=True)
class Alignment:
    """Tables that can be judged together.

    Attributes
    ----------
    schema : the columns that all tables have, in the order of the reference, with kinds and stored types.
    notes : findings that do not stand in the way, one sentence each.
    sources : the tables by role (``synthetic``, ``reference``, ``holdout``), with exactly the schema's columns in its
        order, of the same types in each table. Read these, not the sources that went in.
    peek : rows of the reference (of the synthetic table where there is none) spread over it, to fit bins on.
    """

    schema: Schema
    notes: tuple[str, ...]
    sources: dict[str, Source] = field(repr=False)
    peek: pl.DataFrame = field(repr=False)


def align(
    synthetic: Source,
    reference: Source | None,
    overrides: Mapping[str, Kind] | None,
    seed: int,
    *,
    holdout: Source | None = None,
) -> Alignment:
    """Columns matched by name, never by position.

    The reference fixes columns, kinds and order; without one the synthetic table does. ``overrides`` declares kinds.
    Numbers of different width and dates against datetimes are read as the wider type. Columns that only the synthetic
    table or the holdout has are left out, with a note; columns without a value in the synthetic table alone are kept,
    with a note, because that is a collapse to be judged.

    Raises
    ------
    TooFewRowsError : a table has fewer than ``MINIMUM_ROWS`` rows.
    ConfigError : an override names an unknown column or kind, or a kind that the column's type cannot have.
    AlignmentError : no common column, a missing column, a column of another type, a column without any value.
    """
    given = {"reference": reference, "synthetic": synthetic, "holdout": holdout}
    tables = {role: source for role, source in given.items() if source is not None}
    for source in tables.values():
        require_rows(source.rows, source.name)
    base_role, base = next(iter(tables.items()))
    declared = dict(overrides or {})
    for name, kind in declared.items():
        check_kind(name, kind)
    check_names(declared, base.dtypes, base.name)
    notes = [note for role, source in tables.items() for note in _match(base, base_role, source, role)]

    fitting = min(PEEK_VALUES // len(base.dtypes), int(PEEK_BYTES / base.row_bytes))
    peek = base.peek(min(PEEK_ROWS, max(MINIMUM_ROWS, fitting)), seed)
    unseen = [name for name, nulls in zip(peek.columns, peek.null_count().row(0), strict=True) if nulls == peek.height]
    empty = {
        role: without_values(source, unseen if role == base_role else list(base.dtypes))
        for role, source in tables.items()
    }
    notes += _empty_notes(empty, tables)
    # Where the reference has no value, only the type of the others' tells what the column is.
    valued = {name: synthetic.dtypes[name] for name in empty[base_role]}
    kinds = {**infer_kinds(peek, base.rows), **infer_kinds(pl.DataFrame(schema=valued)), **declared}
    notes += _constant_note(peek, base, base_role)

    dtypes: dict[str, pl.DataType] = {}
    for name in base.dtypes:
        stored = {role: source.dtypes[name] for role, source in tables.items() if name not in empty[role]}
        dtypes[name] = _common_type(name, kinds[name], name in declared, stored, tables, peek)
    notes += _number_notes(tables, dtypes)
    aligned = {role: source.with_types(dtypes) for role, source in tables.items()}
    schema = Schema(tuple(Column(name, kinds[name], str(base.dtypes[name])) for name in base.dtypes))
    return Alignment(schema, tuple(notes), aligned, conform(peek, dtypes, base.name, 0))


def require_rows(rows: int, name: str) -> None:
    """Raises TooFewRowsError below ``MINIMUM_ROWS``."""
    if rows < MINIMUM_ROWS:
        raise TooFewRowsError(
            f"has {rows} rows, fewer than the {MINIMUM_ROWS} needed to judge a table",
            where=name,
            fix=f"give at least {MINIMUM_ROWS} rows",
        )


def without_values(source: Source, names: list[str]) -> set[str]:
    """Which of the columns hold nothing but nulls. Exact: reads on only for columns that have shown no value yet."""
    left = list(names)
    for shard in source.shards() if left else ():
        if source.unread is not None and source.check(shard, left) is not None:
            continue
        for frame in source.read(shard, left):
            # Names found in this shard stay in its frames; only the next shard is read without them.
            counts = frame.null_count().row(0)
            found = {name for name, nulls in zip(frame.columns, counts, strict=True) if nulls < frame.height}
            left = [name for name in left if name not in found]
            if not left:
                return set()
    return set(left)


def _match(base: Source, base_role: str, source: Source, role: str) -> list[str]:
    """Notes on extra columns; an error where columns are missing."""
    missing = [name for name in base.dtypes if name not in source.dtypes]
    if len(missing) == len(base.dtypes):
        raise AlignmentError(
            f"has no column in common with the {base_role} table ({named(source.dtypes)} against {named(base.dtypes)})",
            where=source.name,
            fix="name the columns alike",
        )
    if missing:
        raise AlignmentError(
            f"lacks column{'s' * (len(missing) > 1)} {named(missing)} of the {base_role} table",
            where=source.name,
            fix=f"add them to the {role} table or drop them from the {base_role} table",
            column=missing[0] if len(missing) == 1 else None,
        )
    extra = [name for name in source.dtypes if name not in base.dtypes]
    if not extra:
        return []
    return [f"Column{'s' * (len(extra) > 1)} {named(extra)} only in the {role} table, left out."]


def _empty_notes(empty: dict[str, set[str]], tables: Mapping[str, Source]) -> list[str]:
    nowhere = sorted(set.intersection(*(empty[role] for role in tables if role != "holdout")))
    if nowhere:
        raise AlignmentError(
            f"column{'s' * (len(nowhere) > 1)} {named(nowhere)} without any value leave nothing to judge",
            where=" and ".join(tables[role].name for role in tables if role != "holdout"),
            fix="drop them",
        )
    return [
        f"Column{'s' * (len(names) > 1)} {named(sorted(names))} without any value in the {role} table."
        for role, names in empty.items()
        if names
    ]


def _constant_note(peek: pl.DataFrame, base: Source, role: str) -> list[str]:
    counts = peek.select(pl.all().drop_nulls().n_unique()).row(0)
    constant = [name for name, count in zip(peek.columns, counts, strict=True) if count == 1]
    if not constant:
        return []
    extent = "" if peek.height == base.rows else f" in the {peek.height} rows looked at"
    return [f"Column{'s' * (len(constant) > 1)} {named(constant)} with a single value in the {role} table{extent}."]


def _number_notes(tables: Mapping[str, Source], dtypes: Mapping[str, pl.DataType]) -> list[str]:
    """Where integers stand against floats, which is harmless but worth knowing."""
    mixed = [
        name
        for name, dtype in dtypes.items()
        if dtype.is_float() and len({source.dtypes[name].is_integer() for source in tables.values()}) == 2
    ]
    return (
        [f"Column{'s' * (len(mixed) > 1)} {named(mixed)} of integers in one table and fractions in another."]
        if mixed
        else []
    )


def _common_type(
    name: str,
    kind: Kind,
    declared: bool,
    stored: Mapping[str, pl.DataType],
    tables: Mapping[str, Source],
    peek: pl.DataFrame,
) -> pl.DataType:
    """The type as which all tables' values of a column are read. ``stored`` leaves out tables without values in it."""
    types = list(stored.values())
    if declared:
        _check_declared(name, kind, stored, tables)
    wanted = _type_of_kind(kind, types, declared)
    if wanted is not None:
        return wanted
    common: pl.DataType | None = types[0]
    for dtype in types[1:]:
        common = None if common is None else widened(common, dtype)
    if common is not None:
        return common
    odd = _odd_value(name, stored, tables)
    if odd is None and _digits_as_text(name, stored, tables, peek):
        return pl.String()
    shown = " but ".join(f"{dtype} in the {role} table ({tables[role].name})" for role, dtype in stored.items())
    raise AlignmentError(
        f"column '{name}' is {shown}{f': {odd}' if odd else ''}",
        fix=f"{'mend the value' if odd else 'write it with one type'} or declare the column's kind",
        column=name,
    )


def _odd_value(name: str, stored: Mapping[str, pl.DataType], tables: Mapping[str, Source]) -> str | None:
    """What makes strings of a column of numbers or dates in CSV: the first value that is none.

    None where the column is no such, or its first rows hold none.
    """
    wanted = {dtype for dtype in stored.values() if not isinstance(dtype, pl.String)}
    sources = [tables[role] for role, dtype in stored.items() if isinstance(dtype, pl.String)]
    if len(wanted) != 1 or not all(isinstance(source.reader, DelimitedReader) for source in sources):
        return None
    for source in sources:
        strict, rows = source.with_types({name: next(iter(wanted))}), 0
        for shard in strict.shards():
            try:
                rows += sum(frame.height for frame in strict.read(shard))
            except (FormatError, SchemaError) as error:
                return f"in {error.where} {error.what}" if error.where not in (None, source.name) else error.what
            if rows >= _SEARCHED_ROWS:
                break
    return None


def _type_of_kind(kind: Kind, types: list[pl.DataType], declared: bool) -> pl.DataType | None:
    """The type that a kind asks for whatever the tables store; None where theirs decide."""
    strings = [isinstance(dtype, pl.String) for dtype in types]
    if kind == "datetime" and all(isinstance(dtype, pl.String | pl.Date | pl.Datetime) for dtype in types):
        return DATETIME
    if not declared:
        return None
    if kind == "text" or (kind in ("category", "key") and any(strings)):
        return pl.String()
    if kind in ("integer", "number") and any(strings + [isinstance(dtype, pl.Boolean) for dtype in types]):
        return pl.Int64() if kind == "integer" else pl.Float64()
    return None


def _check_declared(name: str, kind: Kind, stored: Mapping[str, pl.DataType], tables: Mapping[str, Source]) -> None:
    for role, dtype in stored.items():
        stamps = isinstance(dtype, pl.Date | pl.Datetime)
        numbers = dtype.is_numeric() or isinstance(dtype, pl.Boolean)
        if (kind in ("integer", "number", "boolean") and stamps) or (kind == "datetime" and numbers):
            raise ConfigError(
                f"column '{name}' is {dtype} and cannot be of kind '{kind}'",
                where=tables[role].name,
                fix="declare another kind",
                column=name,
            )


def _digits_as_text(
    name: str, stored: Mapping[str, pl.DataType], tables: Mapping[str, Source], peek: pl.DataFrame
) -> bool:
    """Whether a mismatch of strings and numbers is only CSV's doing, which cannot tell "12" from 12: the reference's
    strings are all numbers, and every table with numbers is text that can be read as strings as well."""
    if not isinstance(peek.schema[name], pl.String):
        return False
    others = [tables[role] for role, dtype in stored.items() if not isinstance(dtype, pl.String)]
    if not all(isinstance(source.reader, DelimitedReader) and source.dtypes[name].is_numeric() for source in others):
        return False
    return peek[name].cast(pl.Float64, strict=False).null_count() == peek[name].null_count()
