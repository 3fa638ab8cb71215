from __future__ import annotations

import pytest

from synthos.server.rate_limits import MINUTE, Windows


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_any_minute_has_the_quota_and_no_more(clock: Clock) -> None:
    windows = Windows(clock)
    assert [windows.hit("ada", 2).exceeded for _ in range(3)] == [False, False, True]
    clock.now = MINUTE - 0.1
    assert windows.hit("ada", 2).exceeded
    clock.now = MINUTE
    assert [windows.hit("ada", 2).exceeded for _ in range(3)] == [False, False, True]


def test_what_is_left_and_when_the_next_is_free_is_told(clock: Clock) -> None:
    windows = Windows(clock)
    windows.hit("ada", 3)
    clock.now = 20.0
    standing = windows.hit("ada", 3)
    assert not standing.exceeded and (standing.quota, standing.left, standing.reset) == (3, 1, 40)


def test_callers_do_not_share_and_are_forgotten(clock: Clock) -> None:
    windows = Windows(clock)
    assert [windows.hit(caller, 1).exceeded for caller in ("ada", "eve", "eve")] == [False, False, True]
    for clock.now in (MINUTE - 1.0, MINUTE + 1.0):
        windows.hit("bob", 5)
    assert set(windows._times) == {"bob"}
