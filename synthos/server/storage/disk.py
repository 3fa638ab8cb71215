"""Files, and what the file system says of them in terms of the service."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from structlog import get_logger

from synthos.server.errors import NotFoundError, StorageFullError, UnavailableError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = get_logger("synthos.server")


@contextmanager
def told(what: str = "file") -> Iterator[None]:
    """Turns what the file system says into errors of the service. ``what`` is what a missing file means."""
    try:
        yield
    except FileNotFoundError:
        raise NotFoundError(what) from None
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError from error
        _log.error("storage", error=type(error).__name__, errno=error.errno)
        raise UnavailableError("storage") from error


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """The file's number while the block lasts; one that it makes only its owner can read."""
    file = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def write_all(file: int, content: bytes, offset: int) -> None:
    """Write ``content`` at byte ``offset``."""
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def sync_folder(folder: Path) -> None:
    """Make sure that what is named in ``folder`` will be found there after a power cut."""
    with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as file:
        os.fsync(file)


def remove_folder(folder: Path) -> None:
    """Remove it with all that is in it, where it is there."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
