"""From losses to risk and to a probability: two small monotone models whose figures travel in ``risk_model.json``.

Every part (a dimension, or the cascade's ``rho``) first becomes a *harm* in risk points,

    harm = ceiling * clip((loss - dead) / (1 - dead), 0, 1) ** power,

where ``ceiling`` is how bad that part alone can make a table. Harms are joined by a p-norm,
``risk = min(100, (sum harm ** order) ** (1 / order))``, which lies between the largest harm and slightly above it: one
failed dimension is never averaged away by seven sound ones, and a second one still adds. Ceilings and powers are not
negative, so that risk never falls where a loss or ``rho`` rises.

The probability that the utility loss exceeds 0.1 is a logistic function of the risk, ``1 / (1 + exp(-(intercept +
slope * log((risk + 5) / (105 - risk)))))``, slope not negative: monotone in everything that risk is monotone in. The 5
points keep the answer away from certainty at either end of the scale.
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
from synthos.results import CascadeResult, DimensionResult, Failed, Interval, NotApplicable, Scored

#: What the cascade may have answered; None where it was left out.
Cascade = CascadeResult | NotApplicable | Failed | None
#: The name of the cascade's part beside the eight dimensions.
RHO = "rho"


@dataclass(frozen=True, slots=True)
class Loss:
    """A part's loss: 0 = like real, 1 = like the wreck, with the ends of its interval; ``low <= value <= high``."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How one part's loss becomes harm: ``ceiling`` in risk points, ``dead`` and ``power`` as in the module's text."""

    ceiling: float
    dead: float
    power: float

    def harm(self, loss: float) -> float:
        """Risk points of ``loss``, in [0, ceiling], rising in ``loss``."""
        clear = min(max((loss - self.dead) / (1.0 - self.dead), 0.0), 1.0)
        return self.ceiling * math.pow(clear, self.power)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """The figures of both models. ``made`` says how they were had."""

    parts: dict[str, Part]
    order: float
    intercept: float
    slope: float
    made: str

    def harms(self, losses: Mapping[str, float]) -> dict[str, float]:
        """Risk points that each part would bring on its own."""
        return {name: self.parts[name].harm(loss) for name, loss in losses.items()}

    def risk(self, losses: Mapping[str, float]) -> float:
        """Risk score in [0, 100], higher is worse; never falls where a loss rises or a part is added.

        Raises
        ------
        InternalError : there is no loss to judge by, or one is not a number.
        """
        if not losses or not all(math.isfinite(loss) for loss in losses.values()):
            raise InternalError(f"risk needs at least one loss, and only finite ones: {dict(losses)}")
        harms = self.harms(losses).values()
        worst = max(harms)
        if worst == 0.0:
            return 0.0
        # The largest harm is taken out of the sum, so that no power of a small number underflows.
        return min(100.0, worst * math.pow(sum(math.pow(harm / worst, self.order) for harm in harms), 1.0 / self.order))

    def risk_interval(self, losses: Mapping[str, Loss]) -> Interval:
        """The risk's interval from the losses' intervals, errors taken as independent.

        Each loss is moved to its end on its own, and the changes are added in quadrature (error propagation); the level
        is that of the intervals, 95 %.
        """
        point = {name: loss.value for name, loss in losses.items()}
        risk = self.risk(point)
        down = math.hypot(*(risk - self.risk(point | {name: loss.low}) for name, loss in losses.items()))
        up = math.hypot(*(self.risk(point | {name: loss.high}) - risk for name, loss in losses.items()))
        return Interval(low=max(0.0, risk - down), high=min(100.0, risk + up))

    def logit(self, risk: float) -> float:
        """Log-odds of a utility loss above 0.1 at ``risk`` (0-100)."""
        return self.intercept + self.slope * math.log((risk + 5.0) / (105.0 - risk))


def logistic(logit: float) -> float:
    """``1 / (1 + exp(-logit))`` without overflow, in [0, 1]."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def gather(dimensions: Mapping[str, DimensionResult], cascade: Cascade) -> dict[str, Loss]:
    """The losses that were measured: of scored dimensions, and ``rho`` where the cascade ran, clipped to [0, 1]."""
    losses = {
        name: Loss(*(1.0 - score / 100.0 for score in (result.score, result.interval.high, result.interval.low)))
        for name, result in dimensions.items()
        if isinstance(result, Scored)
    }
    if isinstance(cascade, CascadeResult):
        ends = (cascade.rho, cascade.rho_interval.low, cascade.rho_interval.high)
        losses[RHO] = Loss(*(min(max(end, 0.0), 1.0) for end in ends))
    return losses


def parse_risk_model(document: Mapping[str, Any]) -> RiskModel:
    """Build and check a model from its JSON form.

    Raises
    ------
    InternalError : a figure is outside the range in which the model is monotone.
    """
    parts = {name: Part(**figures) for name, figures in document["parts"].items()}
    joint = document["probability"]
    model = RiskModel(
        parts=parts,
        order=document["order"],
        intercept=joint["intercept"],
        slope=joint["slope"],
        made=document["made"],
    )
    sound = all(0 <= part.ceiling <= 100 and 0 <= part.dead < 1 and part.power > 0 for part in parts.values())
    if not (sound and model.order >= 1 and model.slope >= 0):
        raise InternalError("the risk model is not monotone: ceilings, powers and slope must not be negative")
    return model


@cache
def default_risk_model() -> RiskModel:
    """The packaged model."""
    text = files("synthos.verdict").joinpath("risk_model.json").read_text(encoding="utf-8")
    return parse_risk_model(json.loads(text))
