"""Where tables lie: files, folders, globs, ``s3://`` and ``http(s)://`` addresses, and their bytes."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa

from synthos.errors import SourceError, StorageError

CHUNK_BYTES = 4 << 20
SCHEMES = ("s3", "http", "https")
MAGIC = frozenset("*?[")
#: What a disk or a server says that is busy, full or broken, or not to be reached.
_AWAY = frozenset(
    getattr(errno, name)
    for name in (
        *("EIO", "EREMOTEIO", "EBUSY", "EAGAIN", "ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE", "ENOMEM", "ESTALE"),
        *("EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "EROFS"),
    )
    if hasattr(errno, name)
)


@dataclass(frozen=True, slots=True)
class File:
    """One file. ``path`` is a local path or an address; ``origin`` is the address of which it is a temporary copy.

    ``version`` is another one after the file was changed: its time on a disk, its ETag in S3; None where neither is
    known.
    """

    path: str
    size: int
    origin: str | None = None
    version: str | None = None

    @property
    def scheme(self) -> str | None:
        return scheme_of(self.path)

    @property
    def shown(self) -> str:
        """The path for people: an address without its query, which may be a signature."""
        return shown(self.origin or self.path)

    def open(self) -> BinaryIO:
        """The file's bytes from the start; seekable."""
        if self.scheme is None:
            return Path(self.path).open("rb")
        return cast(BinaryIO, filesystem(self.scheme).open(self.path, "rb", block_size=CHUNK_BYTES))

    def mapped(self) -> Any:
        """The file for Arrow: mapped into memory where it is local, so that batches are not copied."""
        return pa.memory_map(self.path) if self.scheme is None else pa.PythonFile(self.open())

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``[start, stop)``."""
        with reading(self.shown):
            if self.scheme is not None:
                return bytes(filesystem(self.scheme).cat_file(self.path, start=start, end=stop))
            with Path(self.path).open("rb") as stream:
                stream.seek(start)
                return stream.read(stop - start)


class Spool:
    """A temporary folder that lives as long as this object; for what cannot be read in pieces where it lies."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="synthos-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


def reachable(file: File, spool: Spool) -> File:
    """The file, or a copy of it where its server cannot send parts of it."""
    if file.scheme not in ("http", "https"):
        return file
    system = filesystem(file.scheme)
    with reading(file.shown):
        if system.info(file.path).get("partial") and file.size > 0:
            return file
        copy = spool.folder / PurePosixPath(urlsplit(file.path).path).name
        system.get_file(file.path, str(copy))
    return File(str(copy), copy.stat().st_size, origin=file.path)


def scheme_of(path: str) -> str | None:
    """The scheme of an address, None for a local path."""
    return path.split("://", 1)[0].lower() if "://" in path else None


def shown(path: str) -> str:
    """A path or address for people: of an address neither user, password nor query, which may be secret."""
    if scheme_of(path) is None:
        return path
    parts = urlsplit(path)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def filesystem(scheme: str) -> Any:
    """The fsspec file system; S3 takes endpoint and keys from the usual ``AWS_*`` variables of this process."""
    if scheme != "s3":
        return fsspec.filesystem(scheme)
    given = {
        "endpoint_url": os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        "key": os.environ.get("AWS_ACCESS_KEY_ID"),
        "secret": os.environ.get("AWS_SECRET_ACCESS_KEY"),
        "token": os.environ.get("AWS_SESSION_TOKEN"),
    }
    # Listings are not cached: a table that was just written must be seen.
    return fsspec.filesystem("s3", use_listings_cache=False, **{name: value for name, value in given.items() if value})


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns what storage raises into a ``SourceError`` that names the place: a ``StorageError`` if that is at fault."""
    storage = _storage_errors(where)
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError("does not exist", where=where, fix="check the path") from error
    except PermissionError as error:
        raise SourceError("may not be read", where=where, fix="check permissions or credentials") from error
    except storage as error:
        kind = StorageError if _is_of_place(error) else SourceError
        fix = "write or download it again" if scheme_of(where) is None else "check the address and your credentials"
        raise kind(f"cannot be read ({_first_line(error)})", where=where, fix=fix) from error


def _is_of_place(error: Exception) -> bool:
    """Whether disk or network are at fault. Readers say OSError of a broken file too, but no number."""
    return not isinstance(error, OSError) or isinstance(error, ConnectionError | TimeoutError) or error.errno in _AWAY


def _storage_errors(where: str) -> tuple[type[Exception], ...]:
    # Imported where an address is read: local tables must not wait for the network's libraries.
    if scheme_of(where) is None:
        return (OSError,)
    if scheme_of(where) != "s3":
        from aiohttp import ClientError as HttpError

        return (OSError, HttpError)
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def locate(table: str, *, empty_too: bool = False) -> tuple[File, ...]:
    """The files of a path, folder, glob or address, sorted by name.

    Raises
    ------
    SourceError : nothing there, an empty folder, a glob without match, a scheme that is not supported, an empty file.
    """
    if table.startswith("file://"):
        table = table.removeprefix("file://")
    scheme = scheme_of(table)
    if scheme is not None and scheme not in SCHEMES:
        raise SourceError(
            f"'{scheme}://' addresses are not supported",
            where=shown(table),
            fix="use a path, s3://, http:// or https://",
        )
    with reading(shown(table)):
        files = _local(table) if scheme is None else _remote(table, scheme)
    # What was left by a writer that was killed is no table, unless files that cannot be read may be left out.
    empty = next((file for file in files if file.size == 0), None)
    if empty is not None and not empty_too:
        raise SourceError("the file is empty", where=empty.shown, fix="give a file with rows or remove it")
    return files


def _local(table: str) -> tuple[File, ...]:
    path = Path(table).expanduser()
    if path.is_dir():
        return _folder(table, [_file(item) for item in path.iterdir() if item.is_file()])
    if not path.exists() and MAGIC & set(table):
        root = Path(path.anchor) if path.is_absolute() else Path()
        matches = root.glob(str(path.relative_to(path.anchor)) if path.is_absolute() else str(path))
        return _matches(table, [_file(item) for item in matches if item.is_file()])
    return (_file(path),)


def _file(path: Path) -> File:
    about = path.stat()
    return File(str(path), about.st_size, version=str(about.st_mtime_ns))


def _object(about: Mapping[str, Any]) -> File:
    return File(f"s3://{about['name']}", int(about["size"]), version=about.get("ETag"))


def _remote(table: str, scheme: str) -> tuple[File, ...]:
    system = filesystem(scheme)
    if scheme != "s3":
        return (File(table, int(system.info(table).get("size") or -1)),)
    if MAGIC & set(table):
        found = system.glob(table, detail=True)
        return _matches(table, [_object(item) for item in found.values() if item["type"] == "file"])
    info = system.info(table)
    if info["type"] == "file":
        return (File(table, int(info["size"]), version=info.get("ETag")),)
    return _folder(table, [_object(item) for item in system.ls(table, detail=True) if item["type"] == "file"])


def _folder(table: str, files: list[File]) -> tuple[File, ...]:
    # Names that begin with a dot or underscore are markers and checksums that writers of folders leave behind.
    kept = [file for file in files if PurePosixPath(file.path).name[0] not in "._"]
    if not kept:
        raise SourceError(
            "the folder holds no files", where=shown(table), fix="give a file, or a glob such as 'folder/**/*.parquet'"
        )
    return tuple(sorted(kept, key=lambda file: file.path))


def _matches(table: str, files: list[File]) -> tuple[File, ...]:
    if not files:
        raise SourceError("no file matches", where=shown(table), fix="check the pattern")
    return tuple(sorted(files, key=lambda file: file.path))
