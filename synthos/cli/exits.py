"""Exit codes, and the one place where errors become them."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.text import Text

from synthos.errors import CancelledError, InputError
from synthos.results import Decision

APPROVED, NOT_APPROVED, BAD_INPUT, INCONCLUSIVE, BROKEN, INTERRUPTED = 0, 1, 2, 3, 70, 130

#: A table that needs fixing is not approved: a gate in a script must stop on it.
BY_DECISION: dict[Decision, int] = {
    "approved": APPROVED,
    "fix_first": NOT_APPROVED,
    "rejected": NOT_APPROVED,
    "inconclusive": INCONCLUSIVE,
}
#: The outcomes of ``synthos.flow.Gate``.
BY_GATE = {"passed": APPROVED, "failed": NOT_APPROVED, "inconclusive": INCONCLUSIVE}


#: Set while a command is asked to end. Signals belong to the process, and so does this.
_asked = threading.Event()


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that Ray and temporary files go with the process."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        _asked.set()
        raise KeyboardInterrupt

    _asked.clear()
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heed() -> None:
    """Interrupt a command that was asked to end and goes on.

    Libraries in C lose an interrupt that falls into one of their callbacks, or make another error of it.

    Raises
    ------
    KeyboardInterrupt : SIGINT or SIGTERM has come.
    """
    if _asked.is_set():
        raise KeyboardInterrupt


def run(command: Callable[[], int]) -> int:
    """Run ``command`` and return its exit code; user errors become one sentence on standard error.

    Errors that are not the user's are bugs: they keep their traceback and have a code of their own, so that a gate
    never takes one for an answer.
    """
    console = Console(file=sys.stderr, highlight=False)
    try:
        with _terminable():
            return command()
    except InputError as error:
        console.print(Text(f"error: {error}"), soft_wrap=True)
        return BAD_INPUT
    except (KeyboardInterrupt, CancelledError):
        console.print("interrupted; no result was written")
        return INTERRUPTED
    except MemoryError as error:
        reason = f" ({error})" if str(error) else ""
        console.print(Text(f"error: memory ran out{reason}; use a machine with more of it"), soft_wrap=True)
        return BROKEN
    except Exception:  # noqa: BLE001 - the process edge
        traceback.print_exc()
        return BROKEN
