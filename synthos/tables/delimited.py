"""CSV and TSV, plain or compressed. Shards are byte ranges between records; a compressed file is one shard.

The first record names the columns. The delimiter of ``.csv`` is whichever of ``, ; | tab`` its header has most of.
Fields may be quoted with ``"``, doubled inside; blank lines are skipped. Types are inferred from pieces spread over the
file (all of it up to 32 MiB). An empty field, quoted or not, is null; ``NA``, ``NaN``, ``nan`` and ``null`` are null in
columns that are not text. Numbers with leading zeros are text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv

from synthos.errors import FormatError, InputError, TooFewRowsError
from synthos.progress import Listener, silent
from synthos.tables.arrow_types import arrow_type, frame_of, plain, polars_type, wider
from synthos.tables.files import CHUNK_BYTES, File
from synthos.tables.folder import common_columns, unique_names
from synthos.tables.opening import Heard, each
from synthos.tables.reader import BATCH_ROWS, Reader, Shard
from synthos.tables.text import Piece, Style, following, open_text, shard_pieces, survey, undecodable
from synthos.tables.types import canonical

NULLS = ["", "NA", "NaN", "nan", "null"]
_CONVERSION = re.compile(r"CSV column #(\d+).*?conversion error to .*?invalid value '(.*)'", re.DOTALL)
#: What may stand before a field, by its octet.
_BEGINS = np.isin(np.arange(256), list(b'\n",;|\t'))
_LEADING_ZERO = r"^[+-]?0[0-9]"


@dataclass(frozen=True, slots=True)
class Layout:
    """One file: its columns in its own order, its delimiter, and where its first record lies."""

    file: File
    names: tuple[str, ...]
    delimiter: str
    start: int
    line: int

    @property
    def style(self) -> Style:
        return Style(self.delimiter)


@dataclass(frozen=True)
class DelimitedReader:
    """CSV files with the same columns. ``types`` are the Arrow types that fields are converted to."""

    layouts: Mapping[str, Layout]
    types: Mapping[str, Any]
    shards: tuple[Shard, ...]

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        return {name: polars_type(dtype) for name, dtype in self.types.items()}

    def read(self, shard: Shard, columns: Sequence[str], most: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        layout = self.layouts[shard.path]
        for piece in shard_pieces(layout.file, shard, layout.style, most):
            table = _parse(piece, layout, {name: self.types[name] for name in columns})
            texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
            yield frame_of(table).with_columns(pl.when(pl.col(texts) != "").then(pl.col(texts)))

    def only(self, shards: Sequence[Shard]) -> Reader:
        named = {shard.path: self.layouts[shard.path] for shard in shards}
        return replace(self, layouts=named, shards=tuple(shards))

    def retyped(self, dtypes: Mapping[str, pl.DataType]) -> Reader:
        types = {
            name: self.types[name] if canonical(polars_type(self.types[name])) == dtype else arrow_type(dtype)
            for name, dtype in dtypes.items()
        }
        return replace(self, types=types)


def open_delimited(files: Sequence[File], listener: Listener = silent) -> Reader:
    """Reads every file once, without parsing more than samples.

    Raises
    ------
    FormatError : a ragged line, a stray quote, damaged compression, each with its line.
    EncodingError : text that is not UTF-8.
    SchemaError : duplicate or nameless columns; files whose columns differ.
    """
    layouts: dict[str, Layout] = {}
    inferred: list[tuple[str, dict[str, Any]]] = []
    shards: list[Shard] = []
    for file, (layout, found, types) in each(files, _look, listener):
        layouts[file.path] = layout
        inferred.append((file.shown, types))
        shards += following(shards, found)
    if not shards:
        raise TooFewRowsError("has a header but no rows", where=files[0].shown, fix="give a table with rows")
    names = common_columns([(name, list(types)) for name, types in inferred])
    merged = {name: reduce(wider, (types[name] for _, types in inferred)) for name in names}
    types = {name: pa.string() if pa.types.is_null(dtype) else dtype for name, dtype in merged.items()}
    return DelimitedReader(layouts, types, tuple(shards))


def _look(file: File, heard: Heard) -> tuple[Layout, Sequence[Shard], dict[str, Any]]:
    """The layout of a file, its shards, and the types that its samples have."""
    layout = _layout(file)
    found, samples = survey(file, layout.start, layout.line, layout.style, heard)
    return layout, found, _infer(samples, layout)


def _layout(file: File) -> Layout:
    head = b""
    with open_text(file) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            head += chunk
            if b"\n" in chunk:
                break
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:4096]:
        raise undecodable(b"\xff", file.shown, 1) or FormatError("is not text", where=file.shown)
    mark = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    wrong = undecodable(head[: head.find(b"\n") + 1], file.shown, 1)
    if wrong is not None:
        raise wrong
    text = head[mark:].decode(errors="replace")
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = "\t" if ".tsv" in file.shown.lower() else max(",;|\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = next((row for row in rows if row), [])
    if not names:
        raise FormatError("has no header", where=file.shown, fix="name the columns on the first line")
    start = mark
    for _ in range(rows.line_num):
        start = head.find(b"\n", start) + 1 or len(head)
    if head.count(b'"', mark, start) % 2:
        raise FormatError("the header on line 1 never ends", where=file.shown, fix="close its quotes", line=1)
    unique_names(names, file.shown)
    return Layout(file, tuple(names), delimiter, start, rows.line_num + 1)


def _parse(piece: Piece, layout: Layout, types: Mapping[str, Any] | None) -> Any:
    """An Arrow table of the columns of ``types``, or of all columns with inferred types where that is None."""
    try:
        table = pacsv.read_csv(
            pa.BufferReader(piece.data),
            # One block, since types are inferred from the first and no record may straddle two.
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=list(layout.names), block_size=len(piece.data) + 1
            ),
            parse_options=pacsv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=b'"' in piece.data),
            convert_options=pacsv.ConvertOptions(
                column_types=types,
                include_columns=None if types is None else list(types),
                null_values=NULLS,
                strings_can_be_null=False,
                true_values=["true", "True", "TRUE"],
                false_values=["false", "False", "FALSE"],
            ),
        )
    except pa.ArrowInvalid as error:
        raise _explained(piece, layout, types or {}, str(error)) from error
    return table


def _infer(samples: Sequence[Piece], layout: Layout) -> dict[str, Any]:
    types: dict[str, Any] = dict.fromkeys(layout.names, pa.null())
    for piece in samples:
        found = _parse(piece, layout, None).schema
        binary = [field.name for field in found if pa.types.is_binary(field.type)]
        if binary:
            raise _explained(piece, layout, {}, "invalid UTF-8")
        types = {name: wider(dtype, found.field(name).type) for name, dtype in types.items()}
    whole = [name for name, dtype in types.items() if pa.types.is_integer(dtype)]
    for piece in samples:
        if whole and _may_pad(piece.data):
            texts = frame_of(_parse(piece, layout, dict.fromkeys(whole, pa.string())))
            padded = texts.select(pl.all().str.contains(_LEADING_ZERO).any())
            types.update({name: pa.string() for name in whole if padded[name][0]})
            whole = [name for name in whole if not padded[name][0]]
    return types


def _may_pad(data: bytes) -> bool:
    """Whether a field may begin with a zero and another digit, with or without a sign."""
    octets = np.frombuffer(b"\n\n" + data + b"\n", np.uint8)
    zeros = np.flatnonzero(octets == ord("0"))
    zeros = zeros[(octets[zeros + 1] - ord("0")) < 10]  # without a sign: what is less than "0" wraps around
    before = octets[zeros - 1]
    signed = (before == ord("+")) | (before == ord("-"))
    return bool(_BEGINS[np.where(signed, octets[zeros - 2], before)].any())


def _explained(piece: Piece, layout: Layout, types: Mapping[str, Any], reason: str) -> InputError:
    """What is wrong with ``piece``, with the line: found by reading it again, slowly."""
    where = layout.file.shown
    wrong = undecodable(piece.data, where, piece.line)
    if wrong is not None:
        return wrong
    match = _CONVERSION.search(reason)
    column, value = (int(match[1]), match[2]) if match else (-1, "")
    rows = csv.reader(io.StringIO(piece.data.decode(), newline=""), delimiter=layout.delimiter)
    line = piece.line
    try:
        for row in rows:
            if row and len(row) != len(layout.names):
                return FormatError(
                    f"line {line} has {len(row)} fields where the header has {len(layout.names)}",
                    where=where,
                    fix="quote fields that hold the delimiter, or mend the line",
                    line=line,
                )
            if match and row and row[column].strip() == value.strip():
                name = layout.names[column]
                return FormatError(
                    f"{value[:40]!r} on line {line} in column '{name}' is not {plain(types[name])}",
                    where=where,
                    fix=f"mend the line or declare the kind of '{name}'",
                    line=line,
                    column=name,
                )
            line = piece.line + rows.line_num
    except csv.Error as error:
        reason = f"{reason}; {error}"
    return FormatError(
        f"cannot be parsed from line {piece.line} on ({reason.splitlines()[0].rstrip('.')})",
        where=where,
        fix="mend the file",
    )
