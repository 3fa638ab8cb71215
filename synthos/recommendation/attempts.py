"""Measuring fixes where a measurement may break: the fix is then kept, and its gain is not measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from synthos.advice import Recommendation
from synthos.recommendation.gains import Gain, Workbench, unmeasured
from synthos.recommendation.losses import ForestBench
from synthos.results import Failed

Bench = Workbench | ForestBench
#: Calls what it is given and returns its answer, or ``Failed`` where it broke; the caller decides what it catches.
Attempt = Callable[[Callable[[], Any]], Any]


def plainly(work: Callable[[], Any]) -> Any:
    """The ``Attempt`` that catches nothing."""
    return work()


class CarefulBench:
    """The bench that ``start`` sets up, each step of it by ``attempt``: what breaks is a gain that was not measured."""

    def __init__(self, start: Callable[[], Bench], attempt: Attempt) -> None:
        self._bench: Bench | Failed = attempt(start)
        self._attempt = attempt

    @property
    def can_lend(self) -> bool:
        """Whether there are enough reference rows to lend some and judge by others."""
        return not isinstance(self._bench, Failed) and self._bench.can_lend

    def measure(self, item: Recommendation, kept: Sequence[Recommendation] = ()) -> Gain:
        """The gain of one recommendation in risk points, whatever else is ``kept``; why there is none."""
        if isinstance(self._bench, Failed):
            return unmeasured(self._bench.error)
        gain: Gain | Failed = self._attempt(partial(self._bench.measure, item, kept))
        return unmeasured(gain.error) if isinstance(gain, Failed) else gain

    def makes_low(self, gain: Gain) -> bool:
        """Whether the risk, at least medium before, is low once this is gained."""
        return not isinstance(self._bench, Failed) and self._bench.makes_low(gain)
