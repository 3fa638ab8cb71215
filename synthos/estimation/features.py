"""What the cost of a validation depends on once its tables are open: figures that need no row to be read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from synthos.cascade.loop import loop_spec
from synthos.cascade.run import all_specs
from synthos.cascade.tasks import (
    COLUMN_LIMIT,
    OWN_LIMIT,
    OWN_SHARE,
    STOP_LIMIT,
    STOP_SHARE,
    TEST_LIMIT,
    TEST_SHARE,
)
from synthos.cascade.tiers import MINIMUM_TRAIN_ROWS, CascadeConfig, ModelSpec
from synthos.profiling.scan import SAMPLE_ROWS
from synthos.stages import Job
from synthos.tables.codec import CategoryBins
from synthos.utility.design import FEWEST_VALUES, MOST_FEATURES, MOST_ROWS, MOST_TARGETS

#: Forests of so many times the trees grow on whole tables: those of the reference are bagged (e times the trees), and
#: without a holdout two more of half the rows judge what it knows by heart.
_ON_REFERENCE, _ON_HALVES, _ON_SYNTHETIC = math.e, math.e, 1.0
#: Most dimensions compare halves of so many rows at most, and so many pairs of columns.
_COMPARED_ROWS, _COMPARED_PAIRS = 10_000, 120
Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows of the samples by role (0: no such table), modelled columns, their codes, and what is asked of them.

    ``numbers`` and ``labels`` are the columns that forests predict, of either kind.
    """

    synthetic: int
    reference: int
    holdout: int
    columns: int
    codes: int
    numbers: float
    labels: float
    trees: int

    @property
    def cells(self) -> int:
        """Values of all samples."""
        return (self.synthetic + self.reference + self.holdout) * self.columns

    @property
    def train_rows(self) -> int:
        """The largest training size of the cascade, where no row is left out as a copy; 0 where there is none."""
        if not self.reference:
            return 0
        tested = 0 if self.holdout else min(round(TEST_SHARE * self.reference), TEST_LIMIT)
        stopped = min(round(STOP_SHARE * self.reference), STOP_LIMIT)
        own = min(round(OWN_SHARE * self.synthetic), OWN_LIMIT)
        return min(self.synthetic - own, self.reference - tested - stopped)


def shape_of(job: Job) -> Shape:
    """The shape of an opened validation."""
    rows = {role: min(source.rows, SAMPLE_ROWS) for role, source in job.sources.items()}
    labels = sum(
        isinstance(bins, CategoryBins) or size < FEWEST_VALUES
        for bins, size in zip(job.codec.bins, job.codec.sizes, strict=True)
    )
    columns = len(job.codec.sizes)
    asked = min(columns, MOST_TARGETS) / columns if columns else 0.0
    return Shape(
        synthetic=rows["synthetic"],
        reference=rows.get("reference", 0),
        holdout=rows.get("holdout", 0),
        columns=columns,
        codes=sum(job.codec.sizes),
        numbers=asked * (columns - labels),
        labels=asked * labels,
        trees=job.trees,
    )


def statistics_features(shape: Shape) -> Features:
    """Of what works on the samples alone: profiles, dimensions, regions, diversity, the verdict."""
    pairs = shape.columns * (shape.columns - 1) / 2
    rows = shape.synthetic + shape.reference + shape.holdout
    compared = min(_COMPARED_ROWS, shape.synthetic, shape.reference or shape.synthetic)
    return {
        "one": 1.0,
        "compared": compared / 1e4,
        "compared_cells": compared * shape.columns / 1e5,
        "compared_pairs": compared * min(pairs, _COMPARED_PAIRS) / 1e6,
        "columns": float(shape.columns),
        "cells": shape.cells / 1e6,
        "pairs": pairs / 1e2,
        "pair_rows": pairs * rows / 1e7,
    }


def forest_features(shape: Shape) -> Features:
    """Of the forests that predict every column from the others. All are 0 without a reference."""
    rows = min(MOST_ROWS, shape.synthetic, shape.reference)
    grown = _ON_REFERENCE + _ON_SYNTHETIC + (0.0 if shape.holdout else _ON_HALVES)
    others = min(shape.columns - 1, MOST_FEATURES)
    if not rows or others < 1:
        return {"targets": 0.0, "numbers": 0.0, "labels": 0.0}
    sorted_rows = shape.trees * grown * rows * math.log2(rows) / 1e6
    return {
        "targets": shape.numbers + shape.labels,
        "numbers": shape.numbers * sorted_rows * max(1.0, 0.4 * others),
        "labels": shape.labels * sorted_rows * math.sqrt(others),
    }


def model_features(spec: ModelSpec, shape: Shape) -> Features:
    """Of one density model, trained for as many epochs as it may and then judged."""
    steps = spec.epochs * math.ceil(spec.rows / spec.batch)
    codes = shape.codes * min(1.0, COLUMN_LIMIT / max(shape.columns, 1))
    weights = 2 * codes * spec.width + (spec.depth - 1) * spec.width**2 + codes**2
    stop = min(STOP_SHARE * shape.reference, STOP_LIMIT)
    test = min(shape.holdout or TEST_SHARE * shape.reference, TEST_LIMIT)
    own = min(OWN_SHARE * shape.synthetic, OWN_LIMIT)
    return {
        "model": 1.0,
        "steps": steps * spec.depth / 1e3,
        "updated": steps * weights / 1e8,
        "learned": steps * spec.batch * weights / 1e10,
        "coded": steps * spec.batch * codes / 1e8,
        "judged": (spec.epochs * stop + test + own) * weights / 1e10,
    }


def loop_features(shape: Shape, config: CascadeConfig) -> Features:
    """Of one arm of the loop: a light model trained once more than there are generations, and sampled from."""
    spec = loop_spec(config, shape.train_rows, "synthetic")
    goes = config.loop_generations
    trained = {name: (goes + 1) * value for name, value in model_features(spec, shape).items()}
    return trained | {"drawn": goes * spec.rows * shape.columns * shape.codes * spec.width / 1e10}


def models_of(shape: Shape, config: CascadeConfig) -> tuple[ModelSpec, ...]:
    """The models that a cascade on these samples trains; none where it has too few rows."""
    return all_specs(config, shape.train_rows) if shape.train_rows >= MINIMUM_TRAIN_ROWS else ()
