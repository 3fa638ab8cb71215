"""What somebody has to do now and then, and any worker may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from structlog import get_logger

#: Seconds between two rounds.
EVERY = 60.0
_log = get_logger("synthos.worker")


def begin(chores: Mapping[str, Callable[[], object]], stopping: threading.Event) -> None:
    """Do them all every minute, in a thread of their own, until ``stopping`` is set or the process ends."""

    def work() -> None:
        while not stopping.is_set():
            for name, chore in chores.items():
                _do(name, chore)
            stopping.wait(EVERY)

    threading.Thread(target=work, name="chores", daemon=True).start()


def _do(name: str, chore: Callable[[], object]) -> None:
    try:
        chore()
    except Exception as error:  # noqa: BLE001 - the edge of a thread: the next round tries again
        _log.warning("a chore was not done", chore=name, error=type(error).__name__)
