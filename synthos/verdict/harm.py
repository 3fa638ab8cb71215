"""From what forests lost to the harm to expect of models trained on the table, its risk and its chance.

The utility loss u of forests (``synthos.utility``) estimates the harm h: the utility loss on real rows that nobody was
shown. Shrunk towards 0 by its own error, it is that estimate; errors are nearly even in

    z = log(1 + h / e),            e = 0.02.

Risk is 100 (1 - exp(-2.3 h)): 0.1 is 21 (medium), 0.3 is just short of 50, where high begins, 1 is 90. The chance that
the harm is above 0.1 is logistic in z and one half at 0.085. The slope and the errors of z come from cases whose harm
was measured (``benchmarks/fit_risk.py``); ``harm_model.json`` holds them with how they were made. The losses of the
dimensions were tried beside u and added nothing that held on tables and generators left out: they say why, not how
much.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from synthos.errors import InternalError
from synthos.results import Interval, Utility

#: Harm from which a table counts as collapsed, in utility loss.
COLLAPSED = 0.1
#: Expected harm at which a harm above ``COLLAPSED`` is as likely as not: of what generators share with the reference by
#: chance only a part is seen. Chosen on four tables.
MIDDLE = 0.085
#: Harm that weighs as much as knowing nothing: below it differences hardly count.
OFFSET = 0.02
#: Risk = 100 (1 - exp(-STEEPNESS h)).
STEEPNESS = 2.3
#: A loss this many of its standard errors from 0 is halved by the shrinking.
DOUBT = 2.0
LEVEL = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the cases were like that the model was fitted on, for saying when a table is like none of them."""

    tables: int
    cases: int
    least_rows: int
    least_columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The harm to expect, ``harm`` in utility loss with its interval, and the chance that it exceeds ``COLLAPSED``.

    ``unlike`` says in what the table differs from all that the model was fitted on; the intervals are widened then.
    """

    harm: float
    interval: Interval
    chance: float
    chance_interval: Interval
    unlike: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmModel:
    """``slope`` of the chance in z; ``error``, the standard error of z on unseen tables and generators, and
    ``offset_error``, the part of it that all synthetic tables of one reference share."""

    slope: float
    error: float
    offset_error: float
    seen: Seen
    made: str

    def expect(self, utility: Utility) -> Expected:
        """The harm to expect of a table whose forests lost ``utility``."""
        error = (utility.interval.high - utility.interval.low) / 2.0 / LEVEL
        z = score_of(shrunk(utility.loss, error))
        sampled = (score_of(utility.loss + error) - score_of(utility.loss - error)) / 2.0
        unlike = self._unlike(utility)
        # What has never been tried is taken to be twice as uncertain.
        wider = 2.0 if unlike else 1.0
        margin = LEVEL * math.hypot(wider * self.error, sampled)
        shift = LEVEL * math.hypot(wider * self.offset_error, sampled)
        return Expected(
            harm=harm_of(z),
            interval=Interval(low=harm_of(max(z - margin, 0.0)), high=harm_of(z + margin)),
            chance=self.chance(z),
            chance_interval=Interval(low=self.chance(max(z - shift, 0.0)), high=self.chance(z + shift)),
            unlike=unlike,
        )

    def chance(self, z: float) -> float:
        """Chance of a harm above ``COLLAPSED`` at harm score ``z``."""
        logit = self.slope * (z - score_of(MIDDLE))
        return 1.0 / (1.0 + math.exp(-logit)) if logit >= 0.0 else 1.0 - 1.0 / (1.0 + math.exp(logit))

    def _unlike(self, utility: Utility) -> tuple[str, ...]:
        found = []
        if utility.rows < self.seen.least_rows:
            found.append(f"only {utility.rows:,} rows, and the fewest tried were {self.seen.least_rows:,}")
        if len(utility.columns) < self.seen.least_columns:
            found.append(
                f"only {len(utility.columns)} columns that models can learn, and the fewest tried were "
                f"{self.seen.least_columns}"
            )
        return tuple(found)


def shrunk(loss: float, error: float) -> float:
    """``loss`` towards 0 by how far its own error reaches: nearly itself when clear, nearly 0 when chance gives it."""
    if loss <= 0.0:
        return 0.0
    return loss / (1.0 + (DOUBT * error / loss) ** 2) if loss > 1e-9 else 0.0


def score_of(harm: float) -> float:
    """Harm score z >= 0 of a utility loss; one below 0 is none."""
    return math.log1p(max(harm, 0.0) / OFFSET)


def harm_of(z: float) -> float:
    """Utility loss of a harm score."""
    return OFFSET * math.expm1(z)


def risk_of(harm: float) -> float:
    """Risk points in [0, 100] of a utility loss >= 0."""
    return 100.0 * -math.expm1(-STEEPNESS * max(harm, 0.0))


def parse_harm_model(document: Mapping[str, Any]) -> HarmModel:
    """Build and check a model from its JSON form.

    Raises
    ------
    InternalError : a figure is negative, so that the chance would not rise with harm or an error mean nothing.
    """
    model = HarmModel(**{**document, "seen": Seen(**document["seen"])})
    if min(model.slope, model.error, model.offset_error) < 0.0:
        raise InternalError("the harm model is not monotone: its figures must not be negative")
    return model


@cache
def default_harm_model() -> HarmModel:
    """The packaged model."""
    text = files("synthos.verdict").joinpath("harm_model.json").read_text(encoding="utf-8")
    return parse_harm_model(json.loads(text))
