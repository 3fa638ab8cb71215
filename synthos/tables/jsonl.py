"""JSON lines, plain or compressed: one object a line; a name that a line leaves out is null there.

Shards are byte ranges between lines; a compressed file is one shard. Types are inferred from pieces spread over the
file (all of it up to 32 MiB); blank lines are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json as pajson

from synthos.errors import FormatError, TooFewRowsError
from synthos.progress import Listener, silent
from synthos.tables.arrow_types import arrow_type, frame_of, plain, polars_type, wider
from synthos.tables.files import File
from synthos.tables.folder import unique_names
from synthos.tables.opening import Heard, each
from synthos.tables.reader import BATCH_ROWS, Reader, Shard
from synthos.tables.text import Piece, Style, following, shard_pieces, survey, undecodable

STYLE = Style()


@dataclass(frozen=True)
class JsonLinesReader:
    """JSON lines. ``types`` are the Arrow types that values are read as; a file need not use all names."""

    files: Mapping[str, File]
    types: Mapping[str, Any]
    shards: tuple[Shard, ...]

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        return {name: polars_type(dtype) for name, dtype in self.types.items()}

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        file = self.files[shard.path]
        types = {name: self.types[name] for name in columns}
        for piece in shard_pieces(file, shard, STYLE, most):
            yield frame_of(_parse(piece, file, types, strict=len(types) == len(self.types)))

    def only(self, shards: Sequence[Shard]) -> Reader:
        named = {shard.path: self.files[shard.path] for shard in shards}
        return replace(self, files=named, shards=tuple(shards))

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        # JSON tells numbers from strings, so the only type that is a guess is that of numbers without a fraction.
        types = {
            name: arrow_type(dtype) if pa.types.is_int64(self.types[name]) and dtype.is_float() else self.types[name]
            for name, dtype in dtypes.items()
        }
        return replace(self, types={**self.types, **types})


def open_jsonl(files: Sequence[File], listener: Listener = silent) -> Reader:
    """Reads every file once, without parsing more than samples.

    Raises
    ------
    FormatError : a malformed line, with its number; damaged compression.
    EncodingError : text that is not UTF-8.
    """
    types: dict[str, Any] = {}
    shards: list[Shard] = []
    for _, (found, schemas) in each(files, _look, listener):
        shards += following(shards, found)
        for field in (field for schema in schemas for field in schema):
            types[field.name] = wider(types.get(field.name, pa.null()), field.type)
    if not shards:
        raise TooFewRowsError("has no rows", where=files[0].shown, fix="give a table with rows")
    unique_names(list(types), files[0].shown)
    known = {name: pa.string() if pa.types.is_null(dtype) else dtype for name, dtype in types.items()}
    return JsonLinesReader({file.path: file for file in files}, known, tuple(shards))


def _look(file: File, heard: Heard) -> tuple[Sequence[Shard], list[Any]]:
    """The shards of a file, and the Arrow schemas of its samples."""
    found, samples = survey(file, 0, 1, STYLE, heard)
    return found, [_parse(piece, file, None, strict=False).schema for piece in samples]


def _parse(piece: Piece, file: File, types: Mapping[str, Any] | None, *, strict: bool) -> Any:
    """An Arrow table; with ``strict``, names that are not in ``types`` are an error."""
    wrong = undecodable(piece.data, file.shown, piece.line)  # Arrow's JSON reader does not look
    if wrong is not None:
        raise wrong
    schema = None if types is None else pa.schema(list(types.items()))
    behaviour = "infer" if types is None else "error" if strict else "ignore"
    try:
        table = pajson.read_json(
            pa.BufferReader(piece.data),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(piece.data) + 1),
            parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior=behaviour),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _explained(piece, file, types or {}, str(error)) from error
    if table.num_rows != piece.rows:
        raise _explained(piece, file, types or {}, f"{table.num_rows} objects on {piece.rows} lines")
    return table


def _explained(piece: Piece, file: File, types: Mapping[str, Any], reason: str) -> FormatError:
    """What is wrong with ``piece``, with the line: found by reading it again, slowly."""
    kinds: dict[str, tuple[str, int]] = {}
    for line, text in enumerate(piece.data.decode().split("\n"), start=piece.line):
        if not text.strip():
            continue
        fault = _fault(text, line, types, kinds)
        if fault:
            said, column = fault
            told = f"line {line} {said}"
            return FormatError(told, where=file.shown, fix="give one JSON object a line", line=line, column=column)
    return FormatError(
        f"cannot be parsed from line {piece.line} on ({reason.splitlines()[0].rstrip('.')})",
        where=file.shown,
        fix="mend the file",
    )


def _fault(
    text: str, line: int, types: Mapping[str, Any], kinds: dict[str, tuple[str, int]]
) -> tuple[str, str | None] | None:
    """What is wrong with a line, and in which column, where it is one's; None where nothing is."""
    try:
        pairs = json.loads(text, object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        return f"is not valid JSON ({error.msg} at character {error.pos + 1})", None
    if not isinstance(pairs, tuple):
        return "is not a JSON object", None
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"names '{twice}' twice", twice
    for name, value in pairs:
        if types and name not in types:
            return f"has '{name}', which the lines looked at before do not have", name
        if value is None:
            continue
        if name in types and not _fits(value, types[name]):
            return f"has {str(value)[:40]!r} in '{name}', which is not {plain(types[name])}", name
        kind = _kind(value)
        before, at = kinds.setdefault(name, (kind, line))
        if before != kind:
            return f"has a {kind} in '{name}' where line {at} has a {before}", name
    return None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "nested value"


def _fits(value: object, dtype: Any) -> bool:
    if pa.types.is_integer(dtype):
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if pa.types.is_floating(dtype):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if pa.types.is_boolean(dtype):
        return isinstance(value, bool)
    if pa.types.is_timestamp(dtype):
        try:
            pa.array([value]).cast(dtype)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return False
        return True
    return isinstance(value, str)
