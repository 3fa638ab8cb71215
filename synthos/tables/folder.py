"""What must hold for several files to be one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from synthos.errors import SchemaError
from synthos.tables.types import named


def unique_names(names: Sequence[str], where: str) -> None:
    """Raises SchemaError where a column has no name or shares it with another."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if "" in names:
        raise SchemaError(
            f"column {list(names).index('') + 1} has no name",
            where=where,
            fix="name it, or write the table without its index",
        )
    if twice:
        fix, one = "rename or drop one of each", twice[0] if len(twice) == 1 else None
        raise SchemaError(f"duplicate column names {named(twice)}", where=where, fix=fix, column=one)


def common_columns(files: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """The columns of all files, in the order of the first.

    Raises
    ------
    SchemaError : a file has other columns than the first.
    """
    first_file, first = files[0]
    for file, names in files[1:]:
        if names == first:
            continue
        differing = sorted(set(names) ^ set(first))
        if differing:
            raise SchemaError(
                f"has other columns than '{first_file}' (they differ in {named(differing)})",
                where=file,
                fix="give files of one schema",
            )
    return list(first)


def common_dtypes(files: Sequence[tuple[str, Mapping[str, pl.DataType]]]) -> dict[str, pl.DataType]:
    """Types that hold the columns of all files: those of the first, widened where another stores wider numbers.

    Raises
    ------
    SchemaError : a file has other columns than the first, or a type that does not go with it.
    """
    names = common_columns([(file, list(dtypes)) for file, dtypes in files])
    first_file, first = files[0]
    common = dict(first)
    before = first
    for file, dtypes in files[1:]:
        if dtypes is before:  # what its columns are was looked at already
            continue
        before = dtypes
        for name in names:
            wider = widened(common[name], dtypes[name])
            if wider is None:
                raise SchemaError(
                    f"column '{name}' is {dtypes[name]} but {common[name]} in '{first_file}'",
                    where=file,
                    fix="write all files with one schema",
                    column=name,
                )
            common[name] = wider
    return common


def widened(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """The narrowest type that holds the values of both, None where there is none: numbers with numbers, dates with
    datetimes, columns without values with anything."""
    if one == other or isinstance(other, pl.Null):
        return one
    if isinstance(one, pl.Null):
        return other
    if one.is_integer() and other.is_integer() and not isinstance(one, pl.UInt64) and not isinstance(other, pl.UInt64):
        return pl.Int64()
    if one.is_numeric() and other.is_numeric():
        return pl.Float64()
    stamps = (pl.Date, pl.Datetime)
    if isinstance(one, stamps) and isinstance(other, stamps):
        return pl.Datetime("us")
    strings = (pl.String, pl.Categorical, pl.Enum)
    return pl.String() if isinstance(one, strings) and isinstance(other, strings) else None
