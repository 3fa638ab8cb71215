from __future__ import annotations

import pytest

from synthos.server.breaker import Breaker
from synthos.server.errors import UnavailableError


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    return Breaker("storage", failures=3, rest=10, clock=seconds)


def test_calls_go_on_while_some_are_answered(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.worked()
    breaker.check()
    for _ in range(3):  # what was answered in between is what counted
        breaker.failed()
    with pytest.raises(UnavailableError):
        breaker.check()


def test_after_failures_in_a_row_callers_are_told_for_how_long(breaker: Breaker, seconds: Seconds) -> None:
    for _ in range(3):
        breaker.check()
        breaker.failed()
    seconds.now = 4.0
    with pytest.raises(UnavailableError) as refused:
        breaker.check()
    assert refused.value.retry_after == 6.0 and refused.value.reason == "storage-unavailable"


def test_after_its_rest_one_call_tries_and_decides(breaker: Breaker, seconds: Seconds) -> None:
    for _ in range(3):
        breaker.failed()
    seconds.now = 10.0
    breaker.check()
    with pytest.raises(UnavailableError):
        breaker.check()  # the others wait
    breaker.failed()
    seconds.now = 19.0
    with pytest.raises(UnavailableError):
        breaker.check()
    seconds.now = 20.0
    breaker.check()
    breaker.worked()
    breaker.check()
    breaker.check()
