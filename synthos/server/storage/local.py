"""Objects as files under one folder; parts of uploads are written at their place into one file beside the object's.

While an upload lasts, ``KEY.partial`` is as large as the object will be, and ``KEY.parts/N`` holds the SHA-256 of part
N once that part is on the disk: a record that is not whole counts as none. Completing is a rename.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from synthos.server.errors import ConflictError, NotFoundError, StorageFullError
from synthos.server.settings import MIB
from synthos.server.storage.base import CHUNK_BYTES, Part, Readable, Upload, UploadMethod, checked
from synthos.server.storage.disk import opened, remove_folder, sync_folder, told, write_all
from synthos.server.storage.local_part import LocalPart, digest_of

#: Left free of the disk by uploads: the database may lie there too, and must go on.
RESERVE_BYTES = 256 * MIB


class LocalStorage:
    """Files under ``root``, which is made where it is not there. Processes may share it."""

    method: UploadMethod = "parts"

    def __init__(self, root: Path) -> None:
        self._root = root
        with told():
            root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, key: str, size: int) -> str:
        """Take the room that the whole upload needs, so that no part of it can find the disk full."""
        partial, records = self._partial(key), self._records(key)
        with told():
            if shutil.disk_usage(self._root).free - size < RESERVE_BYTES:
                raise StorageFullError
            records.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with opened(partial, os.O_RDWR | os.O_CREAT) as file:
                    os.posix_fallocate(file, 0, size)
                    os.fsync(file)
                self._sync(records)
            except OSError:
                self.abort(key)
                raise
        return partial.name

    def part_url(self, upload: Upload, number: int, seconds: int) -> str:
        raise ConflictError("parts-through-api", "parts of this upload are sent to the API itself")

    def open_part(self, upload: Upload, number: int) -> LocalPart:
        with told("upload"):
            return LocalPart(self._partial(upload.key), self._records(upload.key), upload, number)

    def parts(self, upload: Upload) -> list[Part]:
        with told("upload"):
            records = self._records(upload.key)
            names = sorted(int(path.name) for path in records.iterdir())
            found = ((name, digest_of((records / str(name)).read_bytes())) for name in names)
            return [Part(number, upload.part_size(number), digest) for number, digest in found if digest]

    def complete(self, upload: Upload) -> None:
        whole, partial = self._path(upload.key), self._partial(upload.key)
        with told("upload"):
            if not whole.exists():
                try:
                    upload.check_whole(self.parts(upload))
                    partial.rename(whole)
                except (ConflictError, NotFoundError, FileNotFoundError):
                    # Who asks beside this one may have made it whole meanwhile, and taken the records away.
                    if not whole.exists():
                        raise
                sync_folder(whole.parent)
            shutil.rmtree(self._records(upload.key), ignore_errors=True)

    def abort(self, key: str) -> None:
        with told():
            self._partial(key).unlink(missing_ok=True)
            remove_folder(self._records(key))

    def put(self, key: str, content: bytes) -> None:
        with self._written(key) as file:
            write_all(file, content, 0)

    def put_file(self, key: str, path: Path) -> None:
        with path.open("rb", buffering=0) as source, self._written(key) as file:
            size = path.stat().st_size
            if shutil.disk_usage(self._root).free - size < RESERVE_BYTES:
                raise StorageFullError
            offset = 0
            for chunk in _chunks(source, 0, size):
                write_all(file, chunk, offset)
                offset += len(chunk)

    def read(self, key: str) -> bytes:
        with told("file"):
            return self._path(key).read_bytes()

    def open_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        with told("file"):
            file = self._path(key).open("rb", buffering=0)
        return _chunks(file, start, stop)

    def size(self, key: str) -> int:
        with told("file"):
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        with told():
            self._path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        with told():
            remove_folder(self._path(prefix))

    def source(self, key: str) -> Readable:
        return Readable(str(self._path(key)))

    def answers(self) -> bool:
        return os.access(self._root, os.R_OK | os.W_OK | os.X_OK)

    @contextmanager
    def _written(self, key: str) -> Iterator[int]:
        """A file to write, which becomes the object when the block ends, and is nothing where it raises."""
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        with told():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
                    yield file
                    os.fsync(file)
                temporary.rename(path)
            finally:
                temporary.unlink(missing_ok=True)
            self._sync(path.parent)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _partial(self, key: str) -> Path:
        return self._root / f"{checked(key)}.partial"

    def _records(self, key: str) -> Path:
        return self._root / f"{checked(key)}.parts"

    def _sync(self, folder: Path) -> None:
        """Make sure that ``folder`` and those above it will still be found after a power cut."""
        while folder != self._root.parent:
            sync_folder(folder)
            folder = folder.parent


def _chunks(file: FileIO, start: int, stop: int) -> Iterator[bytes]:
    with file:
        while start < stop and (chunk := os.pread(file.fileno(), min(CHUNK_BYTES, stop - start), start)):
            yield chunk
            start += len(chunk)
