"""Temporary files of a worker and its jobs. Those of a worker that was killed are removed by the next one."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psutil

#: Short, because sockets lie in there, and their paths must not pass a hundred characters.
PREFIX, OWNER = "sw-", "owner.json"


class Folders:
    """A folder of this process, with one for each job."""

    def __init__(self, root: Path) -> None:
        self._root, self._numbers = root, count(1)

    def make(self) -> Path:
        """A new folder for a job."""
        folder = self._root / str(next(self._numbers))
        folder.mkdir()
        return folder


@contextmanager
def worker_folder() -> Iterator[Folders]:
    """Of this process, as long as the block lasts; before that, what killed workers have left is removed."""
    _remove_orphans(Path(tempfile.gettempdir()))
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    owner = psutil.Process()
    (root / OWNER).write_text(json.dumps([owner.pid, owner.create_time()]), encoding="ascii")
    try:
        yield Folders(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _remove_orphans(place: Path) -> None:
    for root in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if root.stat().st_uid == os.getuid() and not _has_owner(root):
                shutil.rmtree(root, ignore_errors=True)


def _has_owner(root: Path) -> bool:
    try:
        pid, born = json.loads((root / OWNER).read_text(encoding="ascii"))
        return bool(psutil.Process(pid).create_time() == born)
    except FileNotFoundError:
        return True  # of a worker that is just starting
    except (ValueError, TypeError, psutil.NoSuchProcess):
        return False
