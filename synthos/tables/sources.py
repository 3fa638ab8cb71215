"""Opening of tables: one function for everything that holds rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from synthos.errors import SchemaError, SourceError, TooFewRowsError
from synthos.progress import Listener, silent
from synthos.results import Kind, Unread
from synthos.tables.arrow import open_arrow
from synthos.tables.arrow_types import frame_of
from synthos.tables.cut import Cut
from synthos.tables.delimited import DelimitedReader, open_delimited
from synthos.tables.files import File, Spool, locate, reachable, shown
from synthos.tables.folder import unique_names
from synthos.tables.jsonl import open_jsonl
from synthos.tables.kinds import check_kind, check_names
from synthos.tables.memory import MemoryReader
from synthos.tables.parquet import ParquetReader, open_parquet
from synthos.tables.reader import BATCH_BYTES, BATCH_ROWS, Reader, Shard, Unit, rows_within, units
from synthos.tables.short_memory import steps_from, too_large
from synthos.tables.types import DATETIME, canonical_dtypes, check_batch, compact, conform, named

Opener = Callable[[Sequence[File], Listener], Reader]
#: File endings and what opens them.
FORMATS: dict[str, Opener] = {
    **dict.fromkeys((".parquet", ".pq"), open_parquet),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), open_arrow),
    **{base + ending: open_delimited for base in (".csv", ".tsv") for ending in ("", ".gz", ".zst")},
    **{base + ending: open_jsonl for base in (".jsonl", ".ndjson") for ending in ("", ".gz", ".zst")},
}
#: Beyond this, per-column statistics would take hours and their pairs days.
MAXIMUM_COLUMNS = 10_000
_ENDINGS = sorted(FORMATS, key=len, reverse=True)
PEEK_SHARDS = 8


@dataclass(frozen=True)
class Source:
    """An opened table. Picklable; a table in memory travels with it.

    Attributes
    ----------
    name : file, folder or address for people, without credentials.
    dtypes : types of the columns as ``read`` delivers them, in file order: booleans, integers, floats, strings, dates
        and naive microsecond datetimes, nothing else.
    bytes : size where it is stored; None where that is not known.
    rows : exact number of rows, also of those that turn out not to be readable.
    unread : files that could not be opened; None where whatever cannot be read is an error.
    step : most rows that are held at once while a shard is read; fewer than ``BATCH_ROWS`` where memory is short.
    """

    name: str
    dtypes: dict[str, pl.DataType]
    bytes: int | None
    rows: int
    reader: Reader = field(repr=False)
    spool: Spool | None = field(default=None, repr=False, compare=False)
    unread: tuple[Unread, ...] | None = None
    step: int = BATCH_ROWS

    def __getstate__(self) -> dict[str, Any]:
        # Temporary files belong to the process that made them; its own source keeps them alive.
        return {**self.__dict__, "spool": None}

    def shards(self) -> tuple[Shard, ...]:
        """Runs of rows that can be read apart, in table order; fixed by the files alone."""
        return self.reader.shards

    def read(self, shard: Shard, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The shard's rows in order, in frames of at most ``step`` rows and about ``BATCH_BYTES``, with NaN as null.

        Raises
        ------
        FormatError, EncodingError : bytes that are not what the format says, with the line where there is one.
        SchemaError : an infinity or a value of another type, with column and row.
        SourceError : the file has changed since it was opened.
        TooLargeError : memory does not hold it even row by row.
        """
        wanted = list(self.dtypes) if columns is None else list(columns)
        unknown = [name for name in wanted if name not in self.dtypes]
        if unknown:
            raise SchemaError(f"has no column {named(unknown)}", where=self.name)
        dtypes = {name: self.dtypes[name] for name in wanted}
        seen = 0
        for raw in self._raw(shard, wanted):
            step = min(self.step, rows_within(int(raw.estimated_size()), raw.height, BATCH_BYTES))
            for start in range(0, raw.height, step):
                first = shard.offset + seen
                frame = conform(raw.slice(start, step), dtypes, self.name, first)
                yield check_batch(frame, self.name, first)
                seen += frame.height
        if seen != shard.rows:
            raise SourceError(
                f"has {seen} rows where {shard.rows} were found when it was opened",
                where=shown(shard.path),
                fix="leave the table alone while it is being read",
            )

    def _raw(self, shard: Shard, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """What the reader gives; where memory runs out it goes on with fewer rows at once."""
        seen = 0
        for step in steps_from(self.step):
            known = seen
            try:
                for raw in self.reader.read(shard, columns, step):
                    fresh = raw.slice(known)
                    known -= min(known, raw.height)
                    seen += fresh.height
                    yield fresh
                return
            except MemoryError:
                pass  # what it took is free again
        raise too_large([shard])

    def part(self, shards: Sequence[Shard], step: int) -> Source:
        """The source of neighbouring shards alone, for who reads them elsewhere, ``step`` rows at once."""
        unread = None if self.unread is None else ()
        rows = sum(shard.rows for shard in shards)
        return replace(self, reader=self.reader.only(shards), rows=rows, step=step, unread=unread)

    def units(self) -> tuple[Unit, ...]:
        """The shards in table order, small neighbours together; fixed by the files alone."""
        if self.cut is None:
            return units(self.shards())
        pairs = zip(self.cut.units, self.shards(), strict=True)
        return tuple(Unit(index, (shard,)) for (index, _), shard in pairs)

    @property
    def cut(self) -> Cut | None:
        """How the table itself says that it is to be cut into units."""
        return self.reader.cut if isinstance(self.reader, ParquetReader) else None

    @property
    def planned_rows(self) -> int:
        """A power of two that the table's rows reach: half of the largest, or that of the table before its repair.

        For plans of a scan, whose kept parts are good for that plan alone: it stays the same while the table grows up
        to the next power of two, and while repairs leave it half as many rows at least.
        """
        if self.cut is not None:
            return self.cut.planned_rows
        return 1 << max(0, self.rows.bit_length() - 2)

    @property
    def row_bytes(self) -> float:
        """What a row takes on average, roughly, once it is decoded."""
        shards = self.shards()
        stored = sum(shard.bytes for shard in shards) / sum(shard.rows for shard in shards)
        return max(stored, 8.0 * len(self.dtypes))

    def check(self, shard: Shard, columns: Sequence[str] | None = None) -> Unread | None:
        """What is wrong with a shard that cannot be read, where that is to be left out; None of one that can be.

        Raises
        ------
        SourceError : it cannot be read, and whatever cannot be is an error.
        SchemaError : a value that cannot be judged.
        """
        try:
            for _ in self.read(shard, columns):
                pass
        except SourceError as error:
            if self.unread is None:
                raise
            return Unread(file=shown(shard.path), first_row=shard.offset, rows=shard.rows, reason=error.what)
        return None

    def readable(self, shards: Sequence[Shard]) -> list[Shard]:
        """Those that can be read, where others are to be left out; else all of them, which are not looked at.

        Raises
        ------
        SourceError : none of them can be read.
        """
        if self.unread is None:
            return list(shards)
        faults = [self.check(shard) for shard in shards]
        sound = [shard for shard, fault in zip(shards, faults, strict=True) if fault is None]
        if not sound and faults[0] is not None:
            raise SourceError(f"nothing of it can be read ({faults[0].reason})", where=self.name, fix="write it again")
        return sound

    def read_unit(self, shards: Sequence[Shard], columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows of neighbouring shards in order, as ``read`` gives those of one; frames of small ones are joined.

        Raises
        ------
        FormatError, EncodingError, SchemaError, SourceError : as ``read``.
        """
        held: list[pl.DataFrame] = []
        rows = size = 0
        for shard in shards:
            for frame in self.read(shard, columns):
                taken = int(frame.estimated_size())
                rows, size = rows + frame.height, size + taken
                if held and (rows > self.step or size > BATCH_BYTES):
                    yield _joined(held)
                    held, rows, size = [], frame.height, taken
                held.append(frame)
        if held:
            yield _joined(held)

    def rows_between(self, start: int, stop: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows ``[start, stop)`` of the table in order, in frames as of ``read``; raises as that."""
        for shard in self.shards():
            first = shard.offset
            if first >= stop or first + shard.rows <= start:
                continue
            for frame in self.read(shard, columns):
                low, high = max(start - first, 0), min(stop - first, frame.height)
                first += frame.height
                if low < high:
                    yield frame.slice(low, high - low)
                if first >= stop:
                    break

    def peek(self, rows: int, seed: int) -> pl.DataFrame:
        """At most ``rows`` rows in table order, at random from up to eight shards spread evenly; all where they fit.

        The same table, ``rows`` and ``seed`` give the same frame.
        """
        shards = self.shards()
        if sum(shard.rows for shard in shards) <= rows:
            return pl.concat([frame for shard in self.readable(shards) for frame in self.read(shard)])
        spread = np.unique(np.linspace(0, len(shards) - 1, PEEK_SHARDS).round().astype(int))
        chosen = self.readable([shards[position] for position in spread])
        bounds = np.cumsum([0, *(shard.rows for shard in chosen)])
        quotas = np.diff(bounds * min(rows, int(bounds[-1])) // bounds[-1])
        parts: list[pl.DataFrame] = []
        for shard, quota in zip(chosen, quotas, strict=True):
            generator = np.random.default_rng([seed, shard.index])
            picked = np.sort(generator.choice(shard.rows, size=int(quota), replace=False))
            seen = 0
            for frame in self.read(shard):
                here = picked[(picked >= seen) & (picked < seen + frame.height)] - seen
                parts.append(compact(frame[here]))
                seen += frame.height
        return pl.concat(parts)

    def with_types(self, dtypes: Mapping[str, pl.DataType]) -> Source:
        """The same table with only the columns of ``dtypes``, in that order and converted to those types."""
        return replace(self, dtypes=dict(dtypes), reader=self.reader.retyped(dtypes))


def open_table(
    table: object,
    *,
    kinds: Mapping[str, Kind] | None = None,
    skip_bad_shards: bool = False,
    listener: Listener = silent,
) -> Source:
    """Opens a path, folder, glob, ``s3://`` or ``http(s)://`` address, or a polars, pandas or Arrow table.

    Reads what is needed to know columns, types, rows and shards: the footers of Parquet and Arrow files, one pass over
    the bytes of text. Files of a folder or glob are read in the order of their names. A pandas index is left out.
    ``kinds`` declares what columns mean where the types of text would be guessed wrong. With ``skip_bad_shards`` files
    that cannot be opened are left out, and stand in ``Source.unread``. ``listener`` is told how it goes where there are
    many files.

    Raises
    ------
    SourceError : nothing to read there, or not with this format.
    SchemaError : duplicate or nameless columns, nested types, more than ``MAXIMUM_COLUMNS`` columns.
    TooFewRowsError : columns but no rows.
    ConfigError : ``kinds`` names an unknown column or kind.
    """
    source = _opened(table, skip_bad_shards, listener)
    if not kinds:
        return source
    for name, kind in kinds.items():
        check_kind(name, kind)
    check_names(kinds, source.dtypes, source.name)
    return source.with_types({name: _declared(source, name, kinds.get(name)) for name in source.dtypes})


def _declared(source: Source, name: str, kind: Kind | None) -> pl.DataType:
    """The type of a column whose kind is declared. Text alone is read anew: other formats know what they store."""
    stored = source.dtypes[name]
    is_text = isinstance(source.reader, DelimitedReader)
    if kind is None or not (is_text or (isinstance(stored, pl.String) and kind in ("integer", "number", "datetime"))):
        return stored
    types = {"integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean(), "datetime": DATETIME}
    return types.get(kind, pl.String())


def _opened(table: object, skip_bad_shards: bool, listener: Listener) -> Source:
    if isinstance(table, Source):
        return table
    if isinstance(table, str | Path):
        return _open_files(str(table), skip_bad_shards, listener)
    spool: Spool | None = None
    if isinstance(table, pl.LazyFrame):
        # A plan may describe far more rows than memory holds, so it is run once, streaming, into a temporary file.
        spool = Spool()
        path = spool.folder / "lazyframe.parquet"
        table.sink_parquet(path)
        return _source("LazyFrame", open_parquet([File(str(path), path.stat().st_size)]), None, spool)
    frame = _frame(table)
    return _source(type(table).__name__, MemoryReader(frame, type(table).__name__), int(frame.estimated_size()), None)


def _open_files(table: str, skip_bad_shards: bool, listener: Listener) -> Source:
    files = locate(table, empty_too=skip_bad_shards)
    endings = {_ending(file): file for file in files}
    unknown = endings.get(None)
    if unknown is not None:
        known = ", ".join(sorted(FORMATS))
        raise SourceError("has an unknown extension", where=unknown.shown, fix=f"give files that end in {known}")
    openers = {FORMATS[ending]: ending for ending in endings if ending is not None}
    if len(openers) > 1:
        raise SourceError(
            f"holds files of different formats ({', '.join(sorted(openers.values()))})",
            where=shown(table),
            fix="give a glob that matches one format",
        )
    spool = Spool()
    files = tuple(reachable(file, spool) for file in files)
    opener = next(iter(openers))
    if not skip_bad_shards:
        return _source(shown(table), opener(files, listener), sum(file.size for file in files), spool)
    reader, files, unread = _sound(files, opener, listener)
    return replace(_source(shown(table), reader, sum(file.size for file in files), spool), unread=unread)


def _sound(
    files: Sequence[File], opener: Opener, listener: Listener
) -> tuple[Reader, tuple[File, ...], tuple[Unread, ...]]:
    """The files that can be opened, together, and those that cannot. Each is opened alone only where not all can be.

    Raises
    ------
    SourceError : none can be.
    """
    try:
        return opener(files, listener), tuple(files), ()
    except SourceError:
        pass  # which of them it was is found out now
    sound: list[File] = []
    unread: list[Unread] = []
    for file in files:
        try:
            opener([file], silent)
            sound.append(file)
        except SourceError as error:
            unread.append(Unread(file=file.shown, first_row=None, rows=None, reason=error.what))
    if not sound:
        raise SourceError(f"no file of it can be read ({unread[0].reason})", where=unread[0].file, fix="write it again")
    return opener(sound, listener), tuple(sound), tuple(unread)


def _ending(file: File) -> str | None:
    name = file.shown.lower()
    return next((ending for ending in _ENDINGS if name.endswith(ending)), None)


def _source(name: str, reader: Reader, size: int | None, spool: Spool | None) -> Source:
    dtypes = canonical_dtypes(reader.dtypes, name)
    if not dtypes:
        raise SchemaError("has no columns", where=name, fix="give a table with columns")
    if len(dtypes) > MAXIMUM_COLUMNS:
        raise SchemaError(
            f"has {len(dtypes)} columns, more than the {MAXIMUM_COLUMNS} that can be judged",
            where=name,
            fix="drop some",
        )
    rows = sum(shard.rows for shard in reader.shards)
    if rows == 0:
        raise TooFewRowsError("has columns but no rows", where=name, fix="give a table with rows")
    return Source(name, dtypes, size, rows, reader, spool)


def _joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=True)


def _frame(table: object) -> pl.DataFrame:
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pa.Table):
        unique_names(table.column_names, "Table")
        return frame_of(table)
    if type(table).__module__.split(".")[0] == "pandas" and type(table).__name__ == "DataFrame":
        return _from_pandas(table)
    raise SourceError(
        f"a {type(table).__name__} is not a table", fix="give a path, an address, or a polars, pandas or Arrow table"
    )


def _from_pandas(table: Any) -> pl.DataFrame:
    unique_names([str(name) for name in table.columns], "DataFrame")
    try:
        frame: pl.DataFrame = pl.from_pandas(table.rename(columns=str))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise SchemaError(
            f"a column mixes types ({reason})", where="DataFrame", fix="give each column one type"
        ) from error
    return frame
