"""Waiting for processes that say nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until ``condition()`` holds; False where it did not within ``seconds``."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        pause.wait(0.01)  # what is waited for needs the processor more
    return False
