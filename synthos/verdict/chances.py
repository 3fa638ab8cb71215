"""The chance that more than a tenth of what is rare is gone, and the chance that the loop drifts.

**Rare loss.** A weighted sum of shares that ``rare_pattern_handling`` finds gone (``FEATURES``) estimates the share of
rare mass that is gone. The chance is logistic in z = log(1 + share / 0.02). Weights, slope, middle and errors come from
tables whose loss was counted on real rows that no tool saw (``benchmarks/fit_outcomes.py``); ``rare_model.json`` holds
them with how they were made. The middle lies below ``LOST``: losses spread thinly over many cells are understated.

**Loop.** There is nothing to calibrate on: of 20 series of refitted generators whose harm was measured 18 grew worse,
and of the 47 loops of one real table none drifted clearly faster than real rows, whatever became of it. The chance is
therefore that of the slope's own error, taken as normal, and says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from synthos.errors import InternalError
from synthos.results import Component, Interval, LoopDrift
from synthos.verdict.harm import LEVEL, score_of

#: Share of the rare mass from which it counts as lost.
LOST = 0.1
#: The component of ``rare_pattern_handling`` that the outcome's figure is.
RARE_COMPONENT = "rare_mass_lost"
FEATURES = (RARE_COMPONENT, "tail_0.01")
RARE_CHANCE = f"chance that more than {LOST:.0%} of the rare mass of real rows is gone".replace("%", " %")
LOOP_CHANCE = (
    "chance that the loss grows faster from generation to generation than that of real rows treated the same way; not "
    "calibrated: it is that of the slope's own error, taken as normal"
)
NO_LOOP_CHANCE = (
    "no chance is stated: it drifts more slowly than real rows, as tables do that have little left to lose, so that "
    "the slope cannot tell whether retraining would harm"
)


@dataclass(frozen=True, slots=True)
class Chance:
    """A chance in [0, 1] with its interval, and what it is ``of``; None where ``of`` says why there is none."""

    probability: float | None
    interval: Interval | None
    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRare:
    """What the cases were like that the model was fitted on, for saying when a table is like none of them."""

    tables: int
    cases: int
    least_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RareModel:
    """``weights`` >= 0 of ``FEATURES``; the chance rises with ``slope`` in z and is one half at the share ``middle``.
    ``shift_error`` is the standard error of z that tables of one unseen generator share."""

    weights: dict[str, float]
    slope: float
    middle: float
    shift_error: float
    seen: SeenRare
    made: str

    def chance_of(self, components: Sequence[Component], rows: int | None = None) -> Chance:
        """The chance that more than ``LOST`` is gone. ``rows`` are those of the smaller table, if known."""
        found = {component.name: component for component in components if error_of(component) is not None}
        if RARE_COMPONENT not in found:
            return Chance(None, None, "no chance is stated: the rare mass lost was not measured with its error")
        unlike = []
        if missing := [name for name in self.weights if name not in found]:
            unlike.append(f"{', '.join(missing)} could not be measured")
        if rows is not None and rows < self.seen.least_rows:
            unlike.append(f"only {rows:,} rows, and the fewest tried were {self.seen.least_rows:,}")
        share = self.share({name: component.value for name, component in found.items()})
        error = self.share({name: error_of(component) or 0.0 for name, component in found.items()})
        sampled = (score_of(share + error) - score_of(share - error)) / 2.0
        # What has never been tried is taken to be twice as uncertain.
        shift = LEVEL * math.hypot((2.0 if unlike else 1.0) * self.shift_error, sampled)
        z = score_of(share)
        interval = Interval(low=self.chance(max(z - shift, 0.0)), high=self.chance(z + shift))
        note = RARE_CHANCE
        if unlike:
            note += "; unlike what it was calibrated on, so that its interval was widened: " + "; ".join(unlike)
        return Chance(self.chance(z), interval, note)

    def share(self, gone: Mapping[str, float]) -> float:
        """Share of the rare mass that is gone, >= 0, from the shares by component. The rare mass lost stands in for
        components that are missing, as of tables without numbers, which have no tails."""
        return sum(weight * max(gone.get(name, gone[RARE_COMPONENT]), 0.0) for name, weight in self.weights.items())

    def chance(self, z: float) -> float:
        """Chance of a loss above ``LOST`` at score ``z``."""
        return 0.5 + 0.5 * math.tanh(0.5 * self.slope * (z - score_of(self.middle)))


def error_of(component: Component) -> float | None:
    """Standard error of a component from what real halves differ by (their 95 % point is 1.645 of it); None without."""
    if component.null_q95 is None or component.null_median is None:
        return None
    return max(component.null_q95 - component.null_median, 0.0) / 1.645


def loop_chance(loop: LoopDrift) -> Chance:
    """The chance that the drift is above that of real rows; none where it is clearly below (see ``NO_LOOP_CHANCE``)."""
    if loop.interval.high < 0.0:
        return Chance(None, None, NO_LOOP_CHANCE)
    error = (loop.interval.high - loop.interval.low) / 2.0 / LEVEL
    if error <= 0.0:
        return Chance(None, None, "no chance is stated: the slope has no error to set it against")
    return Chance(0.5 + 0.5 * math.erf(loop.slope / error / math.sqrt(2.0)), None, LOOP_CHANCE)


def parse_rare_model(document: Mapping[str, Any]) -> RareModel:
    """Build and check a model from its JSON form.

    Raises
    ------
    InternalError : a figure is negative, so that the chance would not rise with what is gone, or a feature is unknown.
    """
    model = RareModel(**{**document, "seen": SeenRare(**document["seen"])})
    if min(model.slope, model.middle, model.shift_error, *model.weights.values()) < 0.0:
        raise InternalError("the model of the rare loss is not monotone: its figures must not be negative")
    if not {RARE_COMPONENT} <= set(model.weights) <= set(FEATURES):
        raise InternalError(f"the model of the rare loss weighs {sorted(model.weights)}, not {FEATURES}")
    return model


@cache
def default_rare_model() -> RareModel:
    """The packaged model."""
    text = files("synthos.verdict").joinpath("rare_model.json").read_text(encoding="utf-8")
    return parse_rare_model(json.loads(text))
