"""Progress for people: what is written, and how often."""

from __future__ import annotations

import io

from rich.console import Console

from synthos.cli.progress import PlainLines, describe, listening
from synthos.progress import Event


def _event(done: int, total: int, **fields: float) -> Event:
    return Event(stage="cascade", done=done, total=total, message="light-2", fields=fields)


def test_time_left_follows_the_share_of_work_done_not_the_count():
    assert describe(_event(1, 36, share_done=0.5), 0.0, 10.0) == "light-2, about 10 s left"
    assert describe(_event(9, 36), 0.0, 9.0) == "light-2, about 27 s left"


def test_no_time_is_guessed_before_two_seconds_or_at_the_end():
    assert describe(_event(9, 36), 0.0, 1.0) == "light-2"
    assert describe(_event(36, 36), 0.0, 60.0) == "light-2"


def test_plain_lines_write_first_and_last_and_little_between():
    console = Console(file=io.StringIO(), width=200)
    lines = PlainLines(console)
    for done in range(37):
        lines(_event(done, 36))
    written = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(written) == 2
    assert "cascade 0/36" in written[0] and "cascade 36/36" in written[1]


def test_a_terminal_gets_bars():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with listening(console) as listener:
        listener(_event(3, 36))
        listener(Event(stage="scan", done=0, total=0))
    assert "cascade" in console.file.getvalue()  # type: ignore[attr-defined]


def test_what_a_stage_has_said_is_not_said_again():
    console = Console(file=io.StringIO(), width=200)
    lines = PlainLines(console)
    for done in (0, 1):
        lines(Event(stage="read", done=done, total=1))
    for done in (0, 1):
        lines(Event(stage="verdict", done=done, total=1, message="risk 12" if done else ""))
    for done in (0, 1):
        lines(Event(stage="recommendations", done=done, total=1, message="" if done else "Remove rows"))
    written = [line.split("] ")[1] for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert written == ["read", "verdict", "verdict: risk 12", "recommendations: Remove rows"]


def test_forests_are_called_forests():
    event = Event(stage="utility", done=0, total=14, message="age")
    plain = Console(file=io.StringIO(), width=200)
    PlainLines(plain)(event)
    assert "forests 0/14: age" in plain.file.getvalue()  # type: ignore[attr-defined]
    bars = Console(file=io.StringIO(), force_terminal=True, width=120)
    with listening(bars) as listener:
        listener(event)
    assert "forests" in bars.file.getvalue() and "utility" not in bars.file.getvalue()  # type: ignore[attr-defined]
