"""Errors become exit codes in one place."""

from __future__ import annotations

import contextlib
import io
import signal

import pytest
from rich.console import Console

from synthos.cli import exits
from synthos.cli.progress import listening
from synthos.errors import CancelledError, ConfigError
from synthos.progress import Event


def _raising(error: BaseException):  # type: ignore[no-untyped-def]
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("wrong"), exits.BAD_INPUT),
        (CancelledError(), exits.INTERRUPTED),
        (KeyboardInterrupt(), exits.INTERRUPTED),
        (ZeroDivisionError("ours"), exits.BROKEN),
        (MemoryError("of 8 GiB"), exits.BROKEN),
    ],
)
def test_every_error_has_its_code(error: BaseException, code: int):
    assert exits.run(_raising(error)) == code


def test_a_bug_keeps_its_traceback(capsys: pytest.CaptureFixture[str]):
    exits.run(_raising(ZeroDivisionError("ours")))
    assert "Traceback" in capsys.readouterr().err


def test_memory_that_ran_out_is_one_sentence(capsys: pytest.CaptureFixture[str]):
    exits.run(_raising(MemoryError("8 GiB were asked for")))
    told = capsys.readouterr().err
    assert "memory ran out (8 GiB were asked for)" in told and "Traceback" not in told


def test_a_termination_unwinds_like_ctrl_c_and_the_handler_goes_back():
    before = signal.getsignal(signal.SIGTERM)

    def command() -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    assert exits.run(command) == exits.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_library_lost_is_heeded_at_the_next_step(number: signal.Signals):
    reached: list[str] = []

    def command() -> int:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        reached.append("went on")
        with listening(Console(file=io.StringIO())) as listener:
            listener(Event(stage="scan", done=0, total=1))
        reached.append("never")
        return 0

    assert exits.run(command) == exits.INTERRUPTED
    assert reached == ["went on"]
    assert exits.run(lambda: 0) == 0
