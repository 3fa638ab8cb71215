"""One part of an upload on its way into the file that the upload becomes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from pathlib import Path

from synthos.server.errors import ConflictError, InvalidError, TooLargeError
from synthos.server.storage.base import Part, Upload
from synthos.server.storage.disk import sync_folder, told, write_all

_RECORD_BYTES = 64
_RECORD = re.compile(rb"[0-9a-f]{64}")


class LocalPart:
    """One part on its way into the file. The lock on its record keeps other requests off its bytes.

    A part that is there already is not written again: what comes is compared with it.
    """

    def __init__(self, partial: Path, records: Path, upload: Upload, number: int) -> None:
        self.size, self._number = upload.part_size(number), number
        self._at, self._written = upload.offset(number), 0
        self._digest = hashlib.sha256()
        self._folder = records
        self._data = os.open(partial, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._record = os.open(records / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            os.close(self._data)
            raise
        self._open = True
        try:
            fcntl.flock(self._record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ConflictError("part-busy", f"another request is sending part {number}; try again later") from None
        self._known = digest_of(os.pread(self._record, _RECORD_BYTES + 1, 0))

    def write(self, chunk: bytes) -> None:
        if self._written + len(chunk) > self.size:
            raise TooLargeError(f"part {self._number} has {self.size:,} bytes")
        self._digest.update(chunk)
        if self._known is None:
            with told():
                write_all(self._data, chunk, self._at + self._written)
        self._written += len(chunk)

    def finish(self, sha256: str | None) -> Part:
        found = self._digest.hexdigest()
        if self._written != self.size:
            raise InvalidError(("body", f"has {self._written:,} bytes where part {self._number} has {self.size:,}"))
        if sha256 is not None and sha256 != found:
            raise InvalidError(("body", f"has the SHA-256 {found}, not the one given"), reason="digest-mismatch")
        if self._known is None:
            with told():
                os.fdatasync(self._data)
                write_all(self._record, found.encode(), 0)
                os.fsync(self._record)
                sync_folder(self._folder)
        elif self._known != found:
            raise ConflictError("part-differs", f"part {self._number} is there already, with other bytes")
        return Part(self._number, self.size, found)

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._record)  # and with it the lock
            os.close(self._data)


def digest_of(record: bytes) -> str | None:
    """The SHA-256 in a part's record; None where the part is not all there."""
    return record.decode() if _RECORD.fullmatch(record) else None
