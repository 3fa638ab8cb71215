"""Of the workers of a machine one at a time looks for jobs: otherwise two would give away the same room."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "workers.lock"


@contextmanager
def my_turn(folder: Path) -> Iterator[bool]:
    """Whether no other process has its turn in ``folder``; then none gets one while the block lasts.

    Raises
    ------
    OSError : there is no room for the lock's file, or the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
