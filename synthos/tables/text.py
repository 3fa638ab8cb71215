"""Text in records: one pass that finds where records end, and the pieces that can then be parsed apart.

A record ends at a line feed that does not stand in quotes, so its end can only be known from the start of the file.
Counting quotes and line feeds runs many times faster than parsing, and gives the exact number of rows and the line on
which every piece begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthos.errors import EncodingError, FormatError
from synthos.tables.files import CHUNK_BYTES, File, reading
from synthos.tables.opening import Heard, unheard
from synthos.tables.reader import BATCH_ROWS, Shard

SHARD_BYTES = 32 << 20
#: A record may not be longer: what looks longer is a quote that was never closed.
RECORD_BYTES = 64 << 20
SAMPLES = 16
SAMPLE_BYTES = 1 << 20
#: All samples together may not be longer, where records are very long.
SAMPLES_BYTES = 128 << 20
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_QUOTE, _FEED, _RETURN = 34, 10, 13
#: Octets that are looked through at once: what a processor keeps at hand.
_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True)
class Style:
    """How records are written. ``delimiter`` None means that quotes do not hide line feeds (JSON lines)."""

    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records of a file: ``data`` begins at byte ``start`` (after decompression) on line ``line``."""

    data: bytes
    start: int
    line: int
    rows: int


@dataclass(slots=True)
class Samples:
    """Pieces spread evenly over a file of unknown length: all of a short one, the heads of some of a long one."""

    kept: list[Piece] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, piece: Piece, style: Style) -> None:
        if self.seen % self.stride == 0:
            if piece.start >= SHARD_BYTES:
                self.kept = [_head(item, style) for item in self.kept]
                piece = _head(piece, style)
            self.kept.append(piece)
            while len(self.kept) > 2 * SAMPLES or (len(self.kept) > 1 and self._bytes() > SAMPLES_BYTES):
                self.kept = self.kept[::2]
                self.stride *= 2
        self.seen += 1

    def _bytes(self) -> int:
        return sum(len(piece.data) for piece in self.kept)


def compression(file: File) -> str | None:
    """The codec that the file's name tells of."""
    return next((codec for ending, codec in COMPRESSIONS.items() if file.shown.lower().endswith(ending)), None)


@contextmanager
def open_text(file: File) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed.

    Raises
    ------
    FormatError : compressed bytes that are damaged or cut short.
    """
    codec = compression(file)
    with reading(file.shown), file.open() as stream:
        if codec is None:
            yield stream
            return
        try:
            with pa.CompressedInputStream(stream, codec) as decompressed:
                yield cast(BinaryIO, decompressed)
        except OSError as error:
            raise FormatError(
                f"is not a sound {codec} file ({error})", where=file.shown, fix="write or download it again"
            ) from error


def survey(
    file: File, start: int, line: int, style: Style, heard: Heard = unheard
) -> tuple[tuple[Shard, ...], tuple[Piece, ...]]:
    """One pass over the records from byte ``start``, which begins line ``line``; ``heard`` is told how far it is.

    Returns the shards, numbered from the start of this file (a compressed file is one shard), and pieces spread over
    the file to infer types from.

    Raises
    ------
    FormatError : a quote that is never closed or stands inside an unquoted field; a lone carriage return.
    """
    bounds: list[tuple[int, int, int, int]] = []  # first byte, end, line and rows of each shard
    samples = Samples()
    single = compression(file) is not None
    for piece in pieces(file, start, line, style):
        samples.add(piece, style)
        end = piece.start + len(piece.data)
        heard(end)
        if bounds and (single or end - bounds[-1][0] <= SHARD_BYTES):
            bounds[-1] = (bounds[-1][0], end, bounds[-1][2], bounds[-1][3] + piece.rows)
        else:
            bounds.append((piece.start, end, piece.line, piece.rows))
    shards: list[Shard] = []
    for first, end, at, rows in bounds:
        offset = shards[-1].offset + shards[-1].rows if shards else 0
        shards.append(Shard(len(shards), file.path, offset, rows, end - first, first, end, at, file.version))
    return tuple(shard for shard in shards if shard.rows), tuple(samples.kept)


def following(before: Sequence[Shard], found: Sequence[Shard]) -> list[Shard]:
    """The shards of a file, renumbered to follow those of the files before it."""
    offset = before[-1].offset + before[-1].rows if before else 0
    return [replace(shard, index=len(before) + at, offset=offset + shard.offset) for at, shard in enumerate(found)]


def shard_pieces(file: File, shard: Shard, style: Style, most: int = BATCH_ROWS) -> Iterator[Piece]:
    """The records of a shard: one piece of an uncompressed file, a stream of pieces of a compressed one.

    With ``most`` below ``BATCH_ROWS`` the former is a stream too, of pieces of about so many records.
    """
    if compression(file) is None and most >= BATCH_ROWS:
        yield Piece(file.read(shard.start, shard.stop), shard.start, shard.line, shard.rows)
        return
    chunk = min(CHUNK_BYTES, most * (-(-shard.bytes // shard.rows)))
    stop = shard.stop if compression(file) is None else None
    yield from pieces(file, shard.start, shard.line, style, max(chunk, 1), stop)


def pieces(
    file: File, start: int, line: int, style: Style, size: int | None = None, stop: int | None = None
) -> Iterator[Piece]:
    """Whole records in pieces, from byte ``start``, which begins a record on line ``line``.

    A piece has about ``size`` bytes, ``CHUNK_BYTES`` by default. The last ends at byte ``stop``, which ends a record,
    or with the file.
    """
    with open_text(file) as stream:
        if compression(file) is None:
            stream.seek(start)
        else:
            stream.read(start)
        rest = b""
        while True:
            wanted = max(size or CHUNK_BYTES, len(rest))  # a long record is looked through a few times only
            chunk = stream.read(wanted if stop is None else min(wanted, stop - start - len(rest)))
            data, last = rest + chunk, not chunk
            end, rows, feeds = _records(data, last, style, file.shown, line)
            if (last and end < len(data)) or len(data) - end > RECORD_BYTES:
                at = line + data.count(b"\n", 0, end)
                raise FormatError(
                    f"the record that begins on line {at} never ends",
                    where=file.shown,
                    fix="close its quotes",
                    line=at,
                )
            if end:
                yield Piece(data[:end], start, line, rows)
                line += feeds
            rest, start = data[end:], start + end
            if last:
                return


def undecodable(data: bytes, where: str, line: int) -> EncodingError | None:
    """The error to raise where ``data``, which begins on ``line``, is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        at = line + data.count(b"\n", 0, error.start)
        return EncodingError(
            f"byte 0x{data[error.start]:02x} on line {at} is not UTF-8",
            where=where,
            fix="save the file as UTF-8",
            line=at,
        )
    return None


def _records(data: bytes, last: bool, style: Style, where: str, line: int) -> tuple[int, int, int]:
    """Where the last whole record of ``data`` ends, how many records that are not blank end there, and line feeds."""
    octets = np.frombuffer(data, np.uint8)
    feeds = _places(octets, _FEED)
    end = len(data) if last else (int(feeds[-1]) + 1 if feeds.size else 0)
    exceptions = (b"\n ", b"\n\t") if style.delimiter is None else (b'"',)
    if _is_plain(data, octets, feeds, exceptions):
        return end, feeds.size + (end > 0 and data[end - 1] != _FEED), feeds.size
    if style.delimiter is None:
        return end, sum(1 for record in data[:end].split(b"\n") if record.strip()), feeds.size
    end, rows = _quoted_records(data, octets, feeds, last, style.delimiter, where, line)
    return end, rows, int(np.searchsorted(feeds, end))


def _places(octets: npt.NDArray[np.uint8], wanted: int) -> npt.NDArray[np.int64]:
    """Where ``wanted`` stands, in order. In blocks: memory that is new each time takes longer than the search."""
    found = [
        np.flatnonzero(octets[first : first + _BLOCK] == wanted) + first for first in range(0, len(octets), _BLOCK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _is_plain(
    data: bytes, octets: npt.NDArray[np.uint8], feeds: npt.NDArray[np.int64], exceptions: tuple[bytes, ...]
) -> bool:
    """True where records can be counted by their line feeds: no blank lines, no lone returns, no ``exceptions``."""
    if data.startswith((b"\n", b"\r", b" ", b"\t")) or (np.diff(feeds) == 1).any():
        return False
    # One octet is sought many times faster than two.
    if any((len(item) == 1 or item[-1:] in data) and item in data for item in exceptions):
        return False
    if b"\r" not in data:
        return True
    ends = feeds[feeds > 0]
    returned = octets[ends - 1] == _RETURN
    return data.count(b"\r") == int(returned.sum()) and not ((np.diff(ends) == 2) & returned[1:]).any()


def _quoted_records(
    data: bytes,
    octets: npt.NDArray[np.uint8],
    feeds: npt.NDArray[np.int64],
    last: bool,
    delimiter: str,
    where: str,
    line: int,
) -> tuple[int, int]:
    """``_records`` for data with quotes, blank lines or lone carriage returns."""
    quotes = np.flatnonzero(octets == _QUOTE)
    opening = quotes[::2]
    before = octets[opening[opening > 0] - 1]
    stray = opening[opening > 0][~np.isin(before, [ord(delimiter), _FEED, _QUOTE])]
    returns = np.flatnonzero(octets[:-1] == _RETURN)
    returns = returns[octets[returns + 1] != _FEED]
    lone = returns[np.searchsorted(quotes, returns) % 2 == 0]
    for positions, what in ((stray, "a quotation mark inside an unquoted field"), (lone, "a lone carriage return")):
        if positions.size:
            at = line + data.count(b"\n", 0, int(positions[0]))
            fix = "put the field in quotes, doubling its own"
            raise FormatError(f"line {at} has {what}", where=where, fix=fix, line=at)
    ends = feeds[np.searchsorted(quotes, feeds) % 2 == 0] + 1
    if last and quotes.size % 2 == 0 and data and (not ends.size or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    if not ends.size:
        return 0, 0
    lengths = np.diff(ends, prepend=0)
    blank = (lengths == 1) & (octets[ends - 1] == _FEED)
    returned = lengths == 2
    blank[returned] = (octets[ends[returned] - 2] == _RETURN) & (octets[ends[returned] - 1] == _FEED)
    return int(ends[-1]), int(ends.size - blank.sum())


def _head(piece: Piece, style: Style) -> Piece:
    if len(piece.data) <= SAMPLE_BYTES:
        return piece
    end, rows, _ = _records(piece.data[:SAMPLE_BYTES], False, style, "", piece.line)
    return Piece(piece.data[:end], piece.start, piece.line, rows) if end else piece
