"""The few types that columns have inside Synthos, and how what files store is brought into them.

Booleans, integers, floats, strings, dates and naive microsecond datetimes (UTC where the file names a zone). Times of
day and durations become seconds, decimals become floats, categoricals become strings; NaN becomes null. Lists,
structs, binary and other types cannot be judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl
import polars.selectors as cs

from synthos.errors import SchemaError

DATETIME = pl.Datetime("us")
#: The fourth powers of numbers beyond it cannot be summed; whoever writes them means "no value".
LARGEST = 1e70


def named(names: Iterable[str], limit: int = 5) -> str:
    """Column names for people, cut short: ``'a', 'b' and 7 more``."""
    every = list(names)
    shown = ", ".join(f"'{name}'" for name in every[:limit])
    return shown if len(every) <= limit else f"{shown} and {len(every) - limit} more"


def canonical(dtype: pl.DataType) -> pl.DataType | None:
    """The type in which a column stored as ``dtype`` is delivered; None where it cannot be judged."""
    if isinstance(dtype, pl.Datetime):
        return DATETIME
    if isinstance(dtype, pl.Decimal | pl.Time | pl.Duration | pl.Int128 | pl.UInt128):
        return pl.Float64()
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null):
        return pl.String()
    if dtype.is_integer() or isinstance(dtype, pl.Float32 | pl.Float64 | pl.Boolean | pl.String | pl.Date):
        return dtype
    return pl.Float32() if dtype.is_float() else None


def canonical_dtypes(stored: Mapping[str, pl.DataType], where: str) -> dict[str, pl.DataType]:
    """Types of all columns as delivered.

    Raises
    ------
    SchemaError : naming every column that holds lists, structs, binary or other types that cannot be judged.
    """
    found = {name: canonical(dtype) for name, dtype in stored.items()}
    nested = [name for name, dtype in found.items() if dtype is None]
    if nested:
        types = ", ".join(sorted({str(stored[name]) for name in nested})[:3])
        raise SchemaError(
            f"column{'s' * (len(nested) > 1)} {named(nested)} of type {types} cannot be judged",
            where=where,
            fix="flatten nested values into plain columns or drop them",
            column=nested[0] if len(nested) == 1 else None,
        )
    return {name: dtype for name, dtype in found.items() if dtype is not None}


def _conversion(name: str, stored: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(stored, pl.Time):
        column = _seconds(column.cast(pl.Int64), 10**9)
    elif isinstance(stored, pl.Duration):
        column = _seconds(column.dt.total_microseconds(), 10**6)
    elif isinstance(stored, pl.Datetime) and stored.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif isinstance(stored, pl.String) and isinstance(wanted, pl.Datetime):
        return iso_datetime(column)
    return column.cast(wanted, strict=False)


def _seconds(ticks: pl.Expr, per_second: int) -> pl.Expr:
    # Whole seconds apart, so that they stay exact: polars divides by multiplying with the inverse.
    return ticks // per_second + (ticks % per_second) / per_second


def iso_datetime(column: pl.Expr) -> pl.Expr:
    """ISO 8601 strings (date, or date and time, zoned or not) as naive UTC datetimes; null where they are not."""
    bare = column.str.replace(r"[Zz]$", "").str.replace(" ", "T", literal=True)
    zoned = bare.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(
        bare.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False),
        bare.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False),
        bare.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False),
        zoned.dt.replace_time_zone(None),
    )


def conform(frame: pl.DataFrame, dtypes: Mapping[str, pl.DataType], where: str, first_row: int) -> pl.DataFrame:
    """``frame`` with the columns, in the order and of the types, of ``dtypes``.

    Raises
    ------
    SchemaError : naming column and row of the first value that does not convert.
    """
    stored = frame.schema
    wrong = {name: dtype for name, dtype in dtypes.items() if stored[name] != dtype}
    if not wrong:
        return frame if frame.columns == list(dtypes) else frame.select(list(dtypes))
    done = frame.with_columns(_conversion(name, stored[name], dtype) for name, dtype in wrong.items())
    for name, dtype in wrong.items():
        if done[name].null_count() > frame[name].null_count():
            position = int((done[name].is_null() & frame[name].is_not_null()).arg_max() or 0)
            raise SchemaError(
                f"value {str(frame[name][position])[:40]!r} in column '{name}'{_row(first_row + position)} "
                f"cannot be read as {_plain(dtype)}",
                where=where,
                fix="correct the value or declare another kind for the column",
                row=first_row + position,
                column=name,
            )
    return done.select(list(dtypes))


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame, which keeps no more than its own values alive.

    Strings that were picked out of a frame hold on to all of that frame's strings. Those of which many are one and the
    same in memory stay so: written out they may take far more.
    """
    texts = [column for column in frame if column.dtype == pl.String]
    wasteful = [column for column in texts if _held(column) > 2 * column.estimated_size()]
    fresh = [pl.Series(column.name, column.to_arrow(compat_level=pl.CompatLevel.oldest())) for column in wasteful]
    return frame.with_columns(fresh) if fresh else frame


def _held(texts: pl.Series) -> int:
    """Bytes that a series of strings keeps alive."""
    buffers = texts.to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    return sum(buffer.size for buffer in buffers if buffer is not None)


def check_batch(frame: pl.DataFrame, where: str, first_row: int) -> pl.DataFrame:
    """``frame`` with NaN as null, after making sure that no float is infinite or beyond ``LARGEST``.

    ``first_row`` is the row of the table at which the frame begins.

    Raises
    ------
    SchemaError : naming column and row (counted from 0) of the first of them.
    """
    sound = frame.select((cs.float().abs() <= LARGEST).all())
    suspects = [name for name in sound.columns if sound[name][0] is False]
    if not suspects:
        return frame
    for name in suspects:
        wrong = (frame[name].abs() > LARGEST) & frame[name].is_not_nan()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            value = float(frame[name][row])
            is_infinite = value in (float("inf"), float("-inf"))
            raise SchemaError(
                f"column '{name}' holds {'an infinity' if is_infinite else f'{value:g}'}{_row(first_row + row)}"
                + ("" if is_infinite else f", beyond the {LARGEST:g} up to which numbers are judged"),
                where=where,
                fix="replace infinities with numbers or nulls"
                if is_infinite
                else "make it a null where it stands for no value, or mend it",
                row=first_row + row,
                column=name,
            )
    return frame.with_columns(pl.col(suspects).fill_nan(None))


def _row(position: int) -> str:
    return f" at row {position} (counted from 0)"


def _plain(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "an integer"
    if dtype.is_float():
        return "a number"
    return "an ISO 8601 datetime" if isinstance(dtype, pl.Datetime) else str(dtype)
