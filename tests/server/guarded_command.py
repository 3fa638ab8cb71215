"""A guarded command for tests: it notes its processes, starts a helper that hears no SIGTERM, and waits for one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from synthos.server import guard

HELPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(900)"


def work(folder: Path) -> int:
    """Write the processes' numbers into the file that was named, and wait; 7 where SIGTERM has come."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    helper = subprocess.Popen([sys.executable, "-c", HELPER], stdout=subprocess.PIPE, start_new_session=True)
    assert helper.stdout is not None
    helper.stdout.readline()
    note = Path(sys.argv[1])
    note.with_suffix(".new").write_text(f"{os.getpid()} {helper.pid} {folder}", encoding="utf-8")
    note.with_suffix(".new").rename(note)
    told.wait()
    helper.kill()
    helper.wait()
    return 7


if __name__ == "__main__":
    guard.PATIENCE = 0.5
    sys.exit(guard.guarded(work))
