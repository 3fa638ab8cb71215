"""Many files opened one after the other, or several at once where they are far away; who waits hears how it goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import PurePosixPath
from typing import TypeVar

from synthos.progress import Event, Listener
from synthos.tables.files import File

#: Seconds that may pass in silence.
QUIET_SECONDS = 2.0
#: Files of a server that are opened at once: it answers them side by side, and a local disk would not.
THREADS = 8

Found = TypeVar("Found")
#: Is told how many bytes of a file have been read.
Heard = Callable[[int], None]


def unheard(size: int) -> None:
    """Nobody listens."""


class _Telling:
    """Says now and then how far it is."""

    def __init__(self, files: Sequence[File], listener: Listener) -> None:
        self._files, self._listener = files, listener
        self._said = time.monotonic()

    def opened(self, done: int) -> None:
        """So many files are done."""
        self._say(done, done, lambda: f"opened {self._name(done - 1)}")

    def read(self, done: int, size: int) -> None:
        """Of the file after so many others so many bytes are read."""
        whole = self._files[done].size
        # Of a compressed file it is not known how much there will be.
        share = size / whole if 0 < size <= whole else 0.0
        self._say(done, done + share, lambda: f"looking through {self._name(done)}: {size / 1e6:,.0f} MB")

    def _name(self, place: int) -> str:
        return PurePosixPath(self._files[place].shown).name

    def _say(self, done: int, share: float, words: Callable[[], str]) -> None:
        if time.monotonic() - self._said < QUIET_SECONDS:
            return
        self._said, total = time.monotonic(), len(self._files)
        told: dict[str, str | int | float] = {"share_done": share / total}
        self._listener(Event(stage="read", done=done, total=total, message=words(), fields=told))


def each(
    files: Sequence[File], look: Callable[[File, Heard], Found], listener: Listener
) -> Iterator[tuple[File, Found]]:
    """Every file with what ``look`` finds in it, in order; few findings wait at a time.

    ``look`` may tell how many bytes of its file it has read, where that takes a while.

    Raises
    ------
    What ``look`` raises, for the first file of which it does.
    """
    telling = _Telling(files, listener)
    found: Iterator[Found]
    if len(files) == 1 or files[0].scheme is None:
        found = (look(file, partial(telling.read, place)) for place, file in enumerate(files))
    else:
        found = _side_by_side(files, lambda file: look(file, unheard))
    for done, (file, answer) in enumerate(zip(files, found, strict=True), start=1):
        yield file, answer
        telling.opened(done)


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
