"""Many files opened one after the other, or several at once where they are far away; who waits hears how it goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TypeVar

from synthos.progress import Event, Listener
from synthos.tables.files import File

#: Seconds that may pass in silence.
QUIET_SECONDS = 2.0
#: Files of a server that are opened at once: it answers them side by side, and a local disk would not.
THREADS = 8

Found = TypeVar("Found")


def each(files: Sequence[File], look: Callable[[File], Found], listener: Listener) -> Iterator[tuple[File, Found]]:
    """Every file with what ``look`` finds in it, in order; few findings wait at a time.

    Raises
    ------
    What ``look`` raises, for the first file of which it does.
    """
    said = time.monotonic()
    found = _one_by_one(files, look) if len(files) == 1 or files[0].scheme is None else _side_by_side(files, look)
    for done, (file, answer) in enumerate(zip(files, found, strict=True), start=1):
        yield file, answer
        if time.monotonic() - said >= QUIET_SECONDS:
            said = time.monotonic()
            name = PurePosixPath(file.shown).name
            listener(Event(stage="read", done=done, total=len(files), message=f"opened {name}"))


def _one_by_one(files: Sequence[File], look: Callable[[File], Found]) -> Iterator[Found]:
    return map(look, files)


def _side_by_side(files: Sequence[File], look: Callable[[File], Found]) -> Iterator[Found]:
    waiting: deque[Future[Found]] = deque()
    executor = ThreadPoolExecutor(THREADS)
    try:
        for file in files:
            waiting.append(executor.submit(look, file))
            if len(waiting) >= 2 * THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)
