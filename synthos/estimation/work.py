"""The work of a validation in processor seconds: parts, and the pieces into which those fall that run side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthos.cascade.tiers import CascadeConfig
from synthos.estimation.costs import Costs
from synthos.estimation.features import (
    Shape,
    forest_features,
    loop_features,
    model_features,
    models_of,
    statistics_features,
)
from synthos.estimation.speed import Speed
from synthos.stages import early_dimensions

#: Parts that are measured on the samples, and what they are said to depend on.
STATISTICS = ("profile", "dimensions", "regions", "diversity", "verdict")
#: Of recommendations it is not known beforehand whether there is any fix to try.
EXPECTED_REPAIRS = 0.5


@dataclass(frozen=True, slots=True)
class Amount:
    """Processor seconds of a part, between which they lie (95 %), and the pieces that make them up."""

    seconds: float
    low: float
    high: float
    pieces: tuple[float, ...]


def amounts(
    shape: Shape, config: CascadeConfig, costs: Costs, speed: Speed, tree_seconds: float, *, quick: bool
) -> dict[str, Amount]:
    """Every part that works on the samples, by name. Parts that such a validation lacks are not in it."""
    tail, statistics = ("" if shape.reference else "_alone"), statistics_features(shape)
    found: dict[str, Amount] = {}

    def known(part: str, seconds: float, pieces: Sequence[float], *, spread: str | None = None) -> None:
        off = costs.parts[spread or part].spread
        found[part] = Amount(seconds, seconds * max(0.0, 1.0 - off), seconds * (1.0 + off), tuple(pieces))

    for part in STATISTICS:
        seconds = costs.parts[part + tail].seconds(statistics, speed)
        each = len(early_dimensions()) if part == "dimensions" else 1
        known(part, seconds, [seconds / each] * each, spread=part + tail)
    if shape.reference:
        features = forest_features(shape, tree_seconds)
        seconds, targets = costs.parts["forests"].seconds(features, speed), shape.targets
        known("forests", seconds, [seconds / max(targets, 1)] * targets)
    if shape.reference and not quick:
        trained = _models(shape, config, costs, speed)
        known("models", sum(trained), trained)
        most = costs.parts["repairs"].seconds(features, speed)
        off, usual = costs.parts["repairs"].spread, EXPECTED_REPAIRS * most
        found["repairs"] = Amount(usual, 0.0, most * (1.0 + off), (usual / max(targets, 1),) * targets)
    return found


def _models(shape: Shape, config: CascadeConfig, costs: Costs, speed: Speed) -> list[float]:
    """Seconds of both loops and of every model, in the order in which they are begun."""
    specs = sorted(models_of(shape, config), key=lambda spec: spec.cost, reverse=True)
    if not specs:
        return []
    models = [costs.parts["models"].seconds(model_features(spec, shape), speed) for spec in specs]
    loops = [costs.parts["loops"].seconds(loop_features(shape, config), speed)] * 2 if config.loop_generations else []
    return [*loops, *models]


def side_by_side(found: Mapping[str, Amount]) -> list[float]:
    """The pieces that run side by side on Ray, in the order in which they are handed out."""
    return [piece for part in ("dimensions", "regions", "diversity", "forests") for piece in _pieces(found, part)]


def _pieces(found: Mapping[str, Amount], part: str) -> tuple[float, ...]:
    return found[part].pieces if part in found else ()
