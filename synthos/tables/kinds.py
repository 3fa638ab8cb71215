"""What the values of a column mean: inferred from rows spread over the table, or declared in a small YAML file."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import cast, get_args

import polars as pl
import yaml

from synthos.errors import ConfigError
from synthos.results import Kind
from synthos.tables.types import iso_datetime, named

KINDS: tuple[Kind, ...] = get_args(Kind)
#: Strings that repeat less than this on average are text.
TEXT_DISTINCT_SHARE = 0.5
#: Longer strings are text at a lower share of distinct ones: prose repeats only where rows do.
PROSE_CHARACTERS, PROSE_DISTINCT_SHARE = 60, 0.1
KEY_DISTINCT_SHARE = 0.98
#: Below so many values nothing can be told from their being distinct.
KEY_ROWS = 50
ENOUGH_STRINGS = 2_000
_ID = r"^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|[0-9A-HJKMNP-TV-Z]{26})$"
_ID_NAME = re.compile(r"(?:^|[_\-. ])(?i:id|uuid|guid|key)$|[a-z](?:Id|ID|Key)$")
_ISO_SHAPE = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?)?$"


def infer_kinds(peek: pl.DataFrame, rows: int | None = None) -> dict[str, Kind]:
    """The kind of each column of ``peek``, rows in table order spread over a table of ``rows`` rows in all.

    Floats are numbers and integers stay integers however few or many values they have, unless they identify rows:
    then they are keys. Strings are datetimes (ISO 8601 throughout), keys, text (long, or mostly distinct) or
    categories. A column without values has the kind of its type, strings that of a category.
    """
    total = max(rows or 0, peek.height)
    return {column.name: _kind(column, total) for column in peek}


def load_overrides(path: str | Path) -> dict[str, Kind]:
    """Kinds declared in a YAML file ``{columns: {name: kind}}``.

    Raises
    ------
    ConfigError : a file that is missing, not YAML or not of that form, or an unknown kind.
    """
    where = str(path)
    try:
        declared = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", where=where, fix="check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"is not YAML ({reason})", where=where, fix="write 'columns:' and 'name: kind' lines"
        ) from error
    columns = declared.get("columns") if isinstance(declared, dict) and set(declared) == {"columns"} else None
    if not isinstance(columns, dict) or not all(isinstance(name, str) for name in columns):
        raise ConfigError(
            "does not have the form {columns: {name: kind}}", where=where, fix="write 'columns:' and 'name: kind' lines"
        )
    for name, kind in columns.items():
        check_kind(name, kind, where)
    return {name: cast(Kind, kind) for name, kind in columns.items()}


def check_kind(name: str, kind: object, where: str | None = None) -> None:
    """Raises ConfigError where ``kind`` is none of ``KINDS``."""
    if kind not in KINDS:
        raise ConfigError(f"'{kind}' is no kind (column '{name}')", where=where, fix=f"use one of {', '.join(KINDS)}")


def check_names(overrides: Collection[str], known: Collection[str], where: str) -> None:
    """Raises ConfigError where an override names a column that the table does not have."""
    unknown = [name for name in overrides if name not in known]
    if unknown:
        raise ConfigError(
            f"kinds are declared for unknown columns {named(unknown)}", where=where, fix="correct the names"
        )


def _kind(column: pl.Series, total: int) -> Kind:
    dtype = column.dtype
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "datetime"
    values = column.drop_nulls()
    if dtype.is_integer():
        return "key" if _identifies(values, total) else "integer"
    return "number" if dtype.is_float() else _string_kind(values)


def _identifies(values: pl.Series, total: int) -> bool:
    """Whether integers are drawn without replacement, as identifiers are, or too large to be measurements.

    n independent values from a range of ``span`` integers collide at least as often as uniform ones, n²/2·span times
    on average. Where eight or more collisions are due and none happened, chance is out (e⁻⁸).
    """
    n = len(values)
    if n < KEY_ROWS:
        return False
    distinct = values.n_unique()
    low, high = cast(int, values.min()), cast(int, values.max())
    span = high - low + 1
    if distinct < n:
        due = span * -math.expm1(-n / span)  # distinct values among n uniform ones
        return distinct >= KEY_DISTINCT_SHARE * n and due <= 0.92 * n
    if n * n / (2 * span) >= 8 or span > 2**53 or _ID_NAME.search(values.name):
        return True
    return n < total and 0.5 * total <= span <= 2 * total


def _string_kind(values: pl.Series) -> Kind:
    n = len(values)
    if n == 0:
        return "category"
    distinct = values.n_unique()
    some = values.unique(maintain_order=True).head(ENOUGH_STRINGS)
    if some.str.contains(_ISO_SHAPE).all() and _all_iso(values):
        return "datetime"
    share = distinct / n
    if n >= KEY_ROWS and share >= KEY_DISTINCT_SHARE and _looks_like_ids(some, values.name):
        return "key"
    lengths = cast(float, some.str.len_chars().mean())
    if distinct > KEY_ROWS and (
        share > TEXT_DISTINCT_SHARE or (lengths > PROSE_CHARACTERS and share > PROSE_DISTINCT_SHARE)
    ):
        return "text"
    return "category"


def _all_iso(values: pl.Series) -> bool:
    return values.to_frame().select(iso_datetime(pl.col(values.name)).is_not_null().all()).item() is True


def _looks_like_ids(values: pl.Series, name: str) -> bool:
    """UUIDs, hashes and ULIDs; or one pattern of letters and digits, such as ``CUST-00412``, for nearly all."""
    if values.str.contains(r"\s").any():
        return False
    if cast(float, values.str.contains(_ID).mean()) >= 0.95 or _ID_NAME.search(name):
        return True
    shapes = values.str.replace_all(r"[0-9]", "9").str.replace_all(r"[A-Za-z]", "a").str.replace_all("9+", "9")
    commonest = shapes.value_counts(sort=True)
    return bool(commonest["count"][0] >= 0.95 * len(values) and "9" in commonest[shapes.name][0])
