"""Seconds of every part of a validation on a machine of known speed: features times factors that were fitted.

The factors are in ``costs.json``, which ``benchmarks/fit_costs.py`` writes. They are in units of the fixed work that
``speed`` times, so that they travel to machines of other speed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from synthos.estimation.features import Features
from synthos.estimation.speed import Speed


@dataclass(frozen=True, slots=True)
class Term:
    """``factor`` times a feature, in units of one kind of fixed work."""

    feature: str
    speed: str
    factor: float


@dataclass(frozen=True, slots=True)
class PartCost:
    """The terms of a part. ``spread`` is how far from them what was measured lies, as a share (95 %)."""

    terms: tuple[Term, ...]
    spread: float

    def seconds(self, features: Features, speed: Speed) -> float:
        """Processor seconds on one thread."""
        return sum(term.factor * features[term.feature] * speed.of(term.speed) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Costs:
    """All parts by name, the memory of processes in megabytes by what it is for, and seconds of Ray's by theirs."""

    parts: Mapping[str, PartCost]
    memory: Mapping[str, float]
    ray: Mapping[str, float]
    made: str


@lru_cache(maxsize=1)
def packaged_costs() -> Costs:
    """The fitted costs that come with the package."""
    return parse_costs(json.loads(files("synthos.estimation").joinpath("costs.json").read_text(encoding="utf-8")))


def parse_costs(document: Mapping[str, Any]) -> Costs:
    """The costs in the form of ``costs.json``."""
    parts = {
        name: PartCost(tuple(Term(**term) for term in part["terms"]), float(part["spread"]))
        for name, part in document["parts"].items()
    }
    return Costs(parts, document["memory"], document["ray"], document["made"])
