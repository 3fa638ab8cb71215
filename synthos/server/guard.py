"""A command of which nothing is left when it ends, however it ends: two processes watch over each other.

The one that was called waits; its child does the work. Where the first dies, the child is told to stop by the end of a
pipe. Where the child dies, what it has started becomes the children of the first one, which ends them. Linux alone
gives orphans to somebody; elsewhere a child that is killed leaves its own children.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import structlog

#: Seconds that those have to end in order which a killed child has left, and then to be gone once they are killed.
PATIENCE, KILLED = 8.0, 10.0
#: Of prctl(2).
_PR_SET_CHILD_SUBREAPER = 36
_log = structlog.get_logger("synthos.platform")


def guarded(work: Callable[[Path], int]) -> int:
    """Do ``work`` in a child process, given a folder for what is temporary; its exit code, in both processes.

    SIGTERM, SIGINT and SIGHUP reach the child as SIGTERM. To be called by the main thread, while it is the only one.
    The folder's path is short, because sockets lie in there, and those must not pass a hundred characters.
    """
    folder = Path(tempfile.mkdtemp(prefix="synthos-"))
    adopt_orphans()
    sys.stdout.flush()
    sys.stderr.flush()
    end, held = os.pipe()
    child = os.fork()
    try:
        if child == 0:
            os.close(held)
            os.setsid()  # whoever kills the group of the command, or hangs up, leaves this one to clear away
            threading.Thread(target=_stop_with_parent, args=(end,), name="parent", daemon=True).start()
            return work(folder)
        os.close(end)
        return _wait_for(child)
    finally:
        if child != 0:
            _end_what_is_left()
        shutil.rmtree(folder, ignore_errors=True)


def adopt_orphans() -> None:
    """Make this process the parent of whatever its children leave behind (Linux alone has that)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stop_with_parent(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    _log.error("the command was killed: what it has started ends")
    os.kill(os.getpid(), signal.SIGTERM)


def _wait_for(child: int) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: _tell(child))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _log.error("the supervisor was killed: what it has started ends", signal=-code)
        return 1
    return code


def _tell(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGTERM)


def _end_what_is_left() -> None:
    """Those that a child has left get the time to give back what they work on; then they are killed."""
    me = psutil.Process()
    left = me.children()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(left, timeout=PATIENCE)
    deadline = time.monotonic() + KILLED
    while (family := me.children(recursive=True)) and time.monotonic() < deadline:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=1.0)
