"""Known collapses: what each did to every measured figure, and which of them a table resembles.

A signature is a vector of figures in [0, 1]: the loss of each dimension and of each scored component (0 = like real,
1 = like the wreck), ``rho``, and for each issue the largest impact of its regions. Two vectors are compared on the
figures that both have, at least half of the weight of the known one:

    distance = sqrt(sum w (sqrt(a) - sqrt(b)) ** 2 / sum w),    similarity = exp(-distance / scale).

Square roots (the Hellinger distance's) let small losses tell mild cases apart. Weights: 1 a dimension, 1 shared by the
components of a dimension, 3 shared by the issues of regions, 2 for ``rho``. ``scale`` comes with the library: it is set
so that the same damage on another table reads about 0.8. The library holds figures of whole tables, no rows and no
values.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from synthos.dimensions.registry import DIMENSIONS
from synthos.results import CascadeResult, DimensionResult, Issue, NotApplicable, Region, Scored, SignatureMatch
from synthos.verdict.calibration import gather
from synthos.verdict.thresholds import Thresholds, default_thresholds

#: Figures by name: "dimension:NAME", "component:DIMENSION.NAME", "region:ISSUE", "rho"; each in [0, 1].
Figures = dict[str, float]
#: Issues that only a reference shows, and those that take two modelled columns: they show in dependence alone.
OF_REFERENCE: frozenset[Issue] = frozenset({"copied"})
OF_PAIRS: frozenset[Issue] = frozenset({"shuffled", "rule_break", "label_flip"})
#: Share of a known signature's weight that must be measured before a likeness is stated.
LEAST_SHARED = 0.5
#: Weight of a group of figures where it is not 1; what is in a group shares its weight.
_GROUP_WEIGHTS = {"rho": 2.0, "region": 3.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One known case. ``outcome`` says what became of models trained on such tables."""

    name: str
    family: str
    description: str
    outcome: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Signatures with the ``scale`` of their distances; ``made`` says from what they were had."""

    signatures: tuple[Signature, ...]
    scale: float
    made: str


def figures(
    dimensions: Mapping[str, DimensionResult], regions: Sequence[Region], cascade: CascadeResult | None = None
) -> Figures:
    """The vector of a validation; a figure that was not measured, or could not have been, is left out, never 0."""
    found: Figures = {}
    for name, loss in gather(dimensions, cascade).items():
        found[name if name == "rho" else f"dimension:{name}"] = loss.value
    for name, result in dimensions.items():
        if isinstance(result, Scored):
            scores = {part.name: part.score for part in result.components if part.score is not None}
            found |= {f"component:{name}.{part}": 1.0 - score / 100.0 for part, score in scores.items()}
    for issue in _visible(dimensions):
        found[f"region:{issue}"] = max((region.impact for region in regions if region.issue == issue), default=0.0)
    return found


def _visible(dimensions: Mapping[str, DimensionResult]) -> list[Issue]:
    """Issues that a region of these tables could have been given, so that their absence says something."""
    compared = {
        name: result
        for name, result in dimensions.items()
        if name in DIMENSIONS and DIMENSIONS[name].needs_reference and not DIMENSIONS[name].needs_cascade
    }
    hidden: set[Issue] = set()
    if all(isinstance(result, NotApplicable) for result in compared.values()):
        # Without a reference every comparison is not applicable; with one, it would take a table of constants.
        hidden |= OF_REFERENCE
    elif isinstance(compared.get("correlation_preservation"), NotApplicable):
        hidden |= OF_PAIRS
    return [issue for issue in get_args(Issue) if issue not in hidden]


def distance(one: Figures, known: Figures) -> float | None:
    """Distance in [0, 1] on the shared figures; None where they are less than half of the weight of ``known``."""
    weights = _weights(known)
    shared = [name for name in known if name in one]
    weight = sum(weights[name] for name in shared)
    if weight < LEAST_SHARED * sum(weights.values()):
        return None
    squares = sum(weights[name] * (math.sqrt(one[name]) - math.sqrt(known[name])) ** 2 for name in shared)
    return math.sqrt(squares / weight)


def match(
    dimensions: Mapping[str, DimensionResult],
    regions: Sequence[Region],
    cascade: CascadeResult | None = None,
    *,
    library: Library | None = None,
    thresholds: Thresholds | None = None,
) -> tuple[SignatureMatch, ...]:
    """The known collapses most like this one, most similar first, at most one of a family.

    Only those with a similarity of ``thresholds.least_similarity`` or more, at most ``most_matches``; empty where the
    table is like none of them. A case that has too little in common with what was measured is left out.
    """
    library, limits = library or default_library(), thresholds or default_thresholds()
    seen = figures(dimensions, regions, cascade)
    best: dict[str, SignatureMatch] = {}
    for signature in library.signatures:
        apart = distance(seen, signature.figures)
        if apart is None:
            continue
        similarity = math.exp(-apart / library.scale)
        held = best.get(signature.family)
        if similarity >= limits.least_similarity and (held is None or similarity > held.similarity):
            best[signature.family] = SignatureMatch(
                name=signature.name,
                family=signature.family,
                similarity=similarity,
                description=signature.description,
                outcome=signature.outcome,
            )
    ranked = sorted(best.values(), key=lambda found: (-found.similarity, found.name))
    return tuple(ranked[: limits.most_matches])


def parse_library(document: Mapping[str, Any]) -> Library:
    """The library from its JSON form, as ``benchmarks/build_signatures.py`` writes it."""
    return Library(
        signatures=tuple(Signature(**entry) for entry in document["signatures"]),
        scale=document["scale"],
        made=document["made"],
    )


@cache
def default_library() -> Library:
    """The packaged library."""
    text = files("synthos.verdict").joinpath("signatures.json").read_text(encoding="utf-8")
    return parse_library(json.loads(text))


def _weights(known: Figures) -> dict[str, float]:
    groups = {name: "region" if name.startswith("region:") else name.split(".")[0] for name in known}
    crowds = Counter(groups.values())
    return {name: _GROUP_WEIGHTS.get(group, 1.0) / crowds[group] for name, group in groups.items()}
