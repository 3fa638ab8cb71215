"""Progress for people: live bars on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from synthos.cli.exits import heed
from synthos.progress import Event, Listener

#: Seconds between two plain lines of one stage; its first and last are always written.
PLAIN_PAUSE = 2.0
#: Stages whose names people would not know.
NAMES = {"utility": "forests"}


@contextmanager
def listening(console: Console | None = None) -> Iterator[Listener]:
    """A listener that shows events on standard error until the block ends."""
    console = console or Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield PlainLines(console)
        return
    columns = (
        TextColumn("{task.fields[label]:<16}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=8) as progress:
        yield LiveBars(progress)


def describe(event: Event, started: float, now: float) -> str:
    """The event's message with the time left, where it can be told from the work done so far.

    >>> describe(Event(stage="cascade", done=9, total=36, message="light-2 loss 21.3"), 0.0, 9.0)
    'light-2 loss 21.3, about 27 s left'
    """
    parts = [event.message] if event.message else []
    share = float(event.fields.get("share_done", event.done / event.total if event.total else 0.0))
    elapsed = now - started
    if 0.0 < share < 1.0 and elapsed > 2.0:
        parts.append(f"about {elapsed * (1.0 - share) / share:.0f} s left")
    return ", ".join(parts)


class PlainLines:
    """One line a stage and step, at most one every ``PLAIN_PAUSE`` seconds a stage; for logs and pipes.

    A line is left out that says no more than the stage's line before it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._origin = time.monotonic()
        self._began: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        heed()
        now = time.monotonic()
        first = event.stage not in self._began
        began = self._began.setdefault(event.stage, now)
        finished = event.total > 0 and event.done >= event.total
        if not (first or finished) and now - self._last[event.stage] < PLAIN_PAUSE:
            return
        count = f" {event.done}/{event.total}" if event.total > 1 else ""
        text = describe(event, began, now)
        line = f"{NAMES.get(event.stage, event.stage)}{count}" + (f": {text}" if text else "")
        if self._said.get(event.stage, "").startswith(line):
            return
        self._last[event.stage], self._said[event.stage] = now, line
        self._console.print(Text(f"[{now - self._origin:6.1f} s] {line}"), soft_wrap=True)


class LiveBars:
    """One bar a stage, in the order in which they start."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        heed()
        now = time.monotonic()
        began = self._began.setdefault(event.stage, now)
        if event.stage not in self._tasks:
            label = NAMES.get(event.stage, event.stage)[:16]
            self._tasks[event.stage] = self._progress.add_task("", total=None, label=label, detail="")
        self._progress.update(
            self._tasks[event.stage],
            completed=event.done,
            total=event.total or None,
            detail=describe(event, began, now),
        )
