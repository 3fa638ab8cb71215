"""Weights that bring a few columns back to the reference's proportions (raking: Deming & Stephan 1940).

A weight belongs to a row by its bins in those columns. It is applied by *thinning*: a row stays with a probability
proportional to its weight. Drawing rows more than once would mend the margins and plant duplicates.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.errors import ConfigError
from synthos.results import Kind
from synthos.sampling.evidence import Evidence
from synthos.tables.codec import Bins, CategoryBins, NumericBins, numeric_view

Floats = npt.NDArray[np.float64]

_ROUNDS = 25
#: A factor beyond these says that the rows are missing, not scarce; thinning cannot mend that.
_LEAST, _MOST = 0.2, 5.0
#: Thinning keeps at least this share of the rows, at the price of leaving the rarest short.
LEAST_KEPT = 0.5


@dataclass(frozen=True, slots=True)
class Factor:
    """Weights of one column by code, shape (codec size,)."""

    column: str
    kind: Kind
    bins: Bins
    weights: tuple[float, ...]

    def of(self, frame: pl.DataFrame) -> Floats:
        """The factor of each row, shape (n,)."""
        series = frame[self.column]
        if isinstance(self.bins, NumericBins):
            codes = self.bins.encode(numeric_view(series, self.kind).to_numpy().astype(np.float64))
        else:
            codes = self.bins.encode(series)
        return np.asarray(self.weights)[codes]


@dataclass(frozen=True, slots=True)
class Weights:
    """Factors of some columns; a row stays with probability ``min(1, scale * product of its factors)``."""

    factors: tuple[Factor, ...]
    scale: float

    def chances(self, frame: pl.DataFrame) -> Floats:
        """Probability of staying, shape (n,)."""
        product = np.ones(frame.height)
        for factor in self.factors:
            product *= factor.of(frame)
        return np.minimum(1.0, self.scale * product)

    def to_json(self) -> str:
        """The weights as one line of text, for ``Recommendation.parameters``."""
        return json.dumps(
            {
                "scale": self.scale,
                "factors": [
                    {"column": f.column, "kind": f.kind, "weights": [round(w, 6) for w in f.weights]}
                    | ({"edges": f.bins.edges} if isinstance(f.bins, NumericBins) else {"labels": f.bins.labels})
                    for f in self.factors
                ],
            },
            ensure_ascii=False,
        )


def weights_from_json(text: str, where: str) -> Weights:
    """The inverse of ``Weights.to_json``.

    Raises
    ------
    ConfigError : text that ``to_json`` did not write.
    """
    try:
        content = json.loads(text)
        return Weights(tuple(_factor(item) for item in content["factors"]), float(content["scale"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"its weights cannot be read ({type(error).__name__}: {error})",
            where=where,
            fix="pass the result file as `validate` wrote it",
        ) from error


def _factor(item: dict[str, Any]) -> Factor:
    bins: Bins = (
        NumericBins(tuple(float(edge) for edge in item["edges"]))
        if "edges" in item
        else CategoryBins(tuple(str(label) for label in item["labels"]))
    )
    weights = tuple(float(weight) for weight in item["weights"])
    if len(weights) != bins.size:
        raise ValueError(f"{len(weights)} weights for {bins.size} bins of {item['column']}")
    return Factor(str(item["column"]), item["kind"], bins, weights)


def fit_weights(evidence: Evidence, columns: tuple[str, ...]) -> Weights:
    """Rake the synthetic sample to the reference's margins of ``columns``; needs a reference.

    ``scale`` makes the likeliest row certain to stay, or more where less than ``LEAST_KEPT`` of the rows would.
    """
    assert evidence.reference is not None  # the catalogue asks only where there is one
    places = [evidence.columns.index(name) for name in columns]
    targets, own = [], []
    for place in places:
        size = evidence.sizes[place]
        counts = np.bincount(evidence.reference.codes[:, place], minlength=size) + 0.5
        targets.append(counts / counts.sum())
        own.append(evidence.synthetic.codes[:, place])
    factors = [np.ones(len(target)) for target in targets]
    rows = len(evidence.synthetic.codes)
    for _ in range(_ROUNDS):
        for index, target in enumerate(targets):
            others = np.ones(rows)
            for other, codes in enumerate(own):
                others *= factors[other][codes] if other != index else 1.0
            mass = np.bincount(own[index], weights=others, minlength=len(target)) + 0.5
            factors[index] = np.clip(target / (mass / mass.sum()), _LEAST, _MOST)
    product = np.ones(rows)
    for factor, codes in zip(factors, own, strict=True):
        product *= factor[codes]
    modelled = evidence.schema.modelled
    return Weights(
        tuple(
            Factor(modelled[place].name, modelled[place].kind, evidence.codec.bins[place], tuple(map(float, factor)))
            for place, factor in zip(places, factors, strict=True)
        ),
        _scale(product),
    )


def _scale(product: Floats) -> float:
    """The smallest scale, from ``1 / max`` up, that keeps ``LEAST_KEPT`` of the rows."""
    low, high = 1.0 / float(product.max()), 1.0 / float(product.min())
    if np.minimum(1.0, low * product).mean() >= LEAST_KEPT:
        return low
    for _ in range(40):
        middle = (low + high) / 2
        if np.minimum(1.0, middle * product).mean() < LEAST_KEPT:
            low = middle
        else:
            high = middle
    return high
