"""What a file has to stand before it is read as a table."""

from __future__ import annotations

import hashlib

from synthos.errors import FormatError, SourceError
from synthos.progress import Event, Listener
from synthos.server.settings import MIB
from synthos.server.storage.base import Storage
from synthos.tables.files import CHUNK_BYTES, locate
from synthos.tables.text import compression, open_text

_TELL_EVERY = 64 * MIB


def check_digest(storage: Storage, key: str, size: int, sha256: str, on_progress: Listener) -> None:
    """The whole file is what was announced.

    Raises
    ------
    SourceError : its digest is another.
    """
    digest, done = hashlib.sha256(), 0
    for chunk in storage.open_range(key, 0, size):
        if done % _TELL_EVERY == 0:
            on_progress(Event(stage="verify", done=done, total=size, message="checking the file's SHA-256"))
        digest.update(chunk)
        done += len(chunk)
    on_progress(Event(stage="verify", done=done, total=size, message="checking the file's SHA-256"))
    if digest.hexdigest() != sha256:
        raise SourceError(
            f"the file has the SHA-256 {digest.hexdigest()}, not the one that was announced", fix="send it again"
        )


def check_unpacked(address: str, most: int) -> None:
    """A packed file is not larger unpacked than a plain one may be. Found out in constant memory.

    Raises
    ------
    FormatError : it is larger, or damaged.
    """
    for file in locate(address):
        if compression(file) is None:
            continue
        with open_text(file) as stream:
            size = 0
            while chunk := stream.read(CHUNK_BYTES):
                size += len(chunk)
                if size > most:
                    raise FormatError(
                        f"unpacks to more than {most:,} bytes", where=file.shown, fix="send fewer rows in one file"
                    )
