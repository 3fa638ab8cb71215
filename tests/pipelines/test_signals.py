"""Signals reach the command and not Ray's core."""

from __future__ import annotations

import os
import signal

import pytest

from pipelines.runtime import running

pytestmark = pytest.mark.slow


def test_sigterm_goes_to_the_handler_of_the_command(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with running(cpus=1) as runtime:
            runtime.ray()
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert "SIGTERM received" not in capfd.readouterr().err
