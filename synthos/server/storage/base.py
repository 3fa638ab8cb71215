"""What the service asks of a storage, whichever it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from synthos.errors import InternalError
from synthos.server.errors import ConflictError
from synthos.server.settings import MIB

UploadMethod = Literal["s3_multipart", "parts"]
#: Bytes that are held in memory of what is read or written, at most.
CHUNK_BYTES = MIB
#: S3's limit on the parts of an upload.
MOST_PARTS = 10_000
#: Missing parts that an error names.
_NAMED = 10
_KEY = re.compile(r"(?:[A-Za-z0-9_=-][A-Za-z0-9._=-]*/)*(?:[A-Za-z0-9_=-][A-Za-z0-9._=-]*)?")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that arrives in parts, numbered from 1, all of ``chunk_bytes`` but the last; ``size`` in bytes."""

    key: str
    upload_id: str
    size: int
    chunk_bytes: int

    @property
    def count(self) -> int:
        """How many parts it has."""
        return -(-self.size // self.chunk_bytes)

    def offset(self, number: int) -> int:
        """Where part ``number`` begins in the file."""
        return (number - 1) * self.chunk_bytes

    def part_size(self, number: int) -> int:
        """Bytes of part ``number``."""
        return min(self.chunk_bytes, self.size - self.offset(number))

    def missing(self, parts: Iterable[Part]) -> list[int]:
        """Numbers of the parts that are not among ``parts``, or have another size there."""
        there = {part.number: part.size for part in parts}
        return [number for number in range(1, self.count + 1) if there.get(number) != self.part_size(number)]

    def check_whole(self, parts: Iterable[Part]) -> None:
        """That no part is missing.

        Raises
        ------
        ConflictError : some are; the first of them are named.
        """
        missing = self.missing(parts)
        if missing:
            more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
            named = ", ".join(map(str, missing[:_NAMED]))
            raise ConflictError("upload-incomplete", f"of {self.count:,} parts these are not there: {named}{more}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the storage has and will keep. ``etag``: SHA-256 in hexadecimal, or what S3 gives."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Readable:
    """What ``synthos.tables`` can read, and the environment variables that the reading process needs for it."""

    address: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class PartWriter(Protocol):
    """One part on its way in. Nothing of it counts before ``finish``."""

    #: Bytes that the part has.
    size: int

    def write(self, chunk: bytes) -> None:
        """Add bytes.

        Raises
        ------
        TooLargeError : there are more than the part has.
        StorageFullError : there is no room left.
        """

    def finish(self, sha256: str | None) -> Part:
        """The part is all there; it is kept from now on, whatever happens.

        Raises
        ------
        InvalidError : bytes are missing, or their digest is not ``sha256``.
        ConflictError : the part was stored before with other bytes.
        """

    def close(self) -> None:
        """Give back what is open. A part that is not finished leaves nothing that counts."""


class Storage(Protocol):
    """Objects by key. Every method may raise ``UnavailableError``; those that write, ``StorageFullError`` as well.

    ``method`` says how parts come in: from the client by presigned addresses, or through the API.
    """

    method: UploadMethod

    def begin(self, key: str, size: int) -> str:
        """Expect an upload; the identifier that the storage gives it."""

    def part_url(self, upload: Upload, number: int, seconds: int) -> str:
        """An address to which whoever has it may PUT this part, for so many seconds.

        Raises
        ------
        InternalError : the storage takes parts through the API.
        """

    def open_part(self, upload: Upload, number: int) -> PartWriter:
        """Begin to write a part.

        Raises
        ------
        NotFoundError : the upload has ended.
        ConflictError : another request is writing this part; or parts do not come through the API.
        """

    def parts(self, upload: Upload) -> list[Part]:
        """The parts that are there, by number.

        Raises
        ------
        NotFoundError : the upload has ended.
        """

    def complete(self, upload: Upload) -> None:
        """Make the parts one object. Again is no error.

        Raises
        ------
        ConflictError : parts are missing.
        NotFoundError : the upload was aborted.
        """

    def abort(self, key: str) -> None:
        """End every upload to ``key``, and forget its parts. Where there is none, nothing happens."""

    def put(self, key: str, content: bytes) -> None:
        """Write an object: whole, or not at all."""

    def put_file(self, key: str, path: Path) -> None:
        """Write a file of this machine, however large, as an object: whole, or not at all."""

    def read(self, key: str) -> bytes:
        """A whole object, for small ones.

        Raises
        ------
        NotFoundError : there is none.
        """

    def open_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes ``[start, stop)`` in chunks of ``CHUNK_BYTES`` at most.

        Raises
        ------
        NotFoundError : there is none; raised at once, not by the iterator.
        """

    def size(self, key: str) -> int:
        """Bytes of an object.

        Raises
        ------
        NotFoundError : there is none.
        """

    def delete(self, key: str) -> None:
        """Remove an object. Where there is none, nothing happens."""

    def delete_prefix(self, prefix: str) -> None:
        """Remove every object whose key begins with ``prefix``, which ends with a slash."""

    def source(self, key: str) -> Readable:
        """The object for ``synthos.tables``."""

    def answers(self) -> bool:
        """Whether it can be read and written now."""


def checked(key: str) -> str:
    """``key``, if it can be none that leads anywhere else.

    Raises
    ------
    InternalError : a segment is empty, begins with a dot or holds other than letters, digits and ``._=-``.
    """
    if not key or not _KEY.fullmatch(key):
        raise InternalError(f"{key!r} is no key of ours")
    return key
