"""What the cost of a validation depends on once its tables are open: figures that need no row to be read."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
from synthos.cascade.tiers import MINIMUM_TRAIN_ROWS, CascadeConfig, ModelSpec, loop_spec
from synthos.stages import Job, sample_rows
from synthos.utility.design import MOST_TARGETS

#: Forests of so many times the trees grow on whole tables: those of the reference are bagged (e times the trees), and
#: without a holdout two more of half the rows judge what it knows by heart.
_ON_REFERENCE, _ON_HALVES, _ON_SYNTHETIC = math.e, math.e, 1.0
#: Most dimensions compare halves of so many rows at most, and so many pairs of columns.
_COMPARED_ROWS, _COMPARED_PAIRS = 10_000, 120
Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows of the samples by role (0: no such table), modelled columns, their codes, and what is asked of them.

    ``targets`` are the columns that forests predict.
    """

    synthetic: int
    reference: int
    holdout: int
    columns: int
    codes: int
    targets: int
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
    rows = {role: min(source.rows, sample_rows(source)) for role, source in job.sources.items()}
    columns = len(job.codec.sizes)
    return Shape(
        synthetic=rows["synthetic"],
        reference=rows.get("reference", 0),
        holdout=rows.get("holdout", 0),
        columns=columns,
        codes=sum(job.codec.sizes),
        targets=min(columns, MOST_TARGETS),
        trees=job.trees,
    )


def statistics_features(shape: Shape) -> Features:
    """Of what works on the samples alone: profiles, dimensions, regions, diversity, the verdict."""
    pairs = min(shape.columns * (shape.columns - 1) / 2, _COMPARED_PAIRS)
    rows = shape.synthetic + shape.reference + shape.holdout
    compared = min(_COMPARED_ROWS, shape.synthetic, shape.reference or shape.synthetic)
    return {
        "one": 1.0,
        "compared": compared / 1e4,
        "compared_cells": compared * shape.columns / 1e5,
        "compared_pairs": compared * pairs / 1e6,
        "columns": float(shape.columns),
        "cells": shape.cells / 1e6,
        "pairs": pairs / 1e2,
        "pair_rows": pairs * rows / 1e7,
    }


def forest_features(shape: Shape, tree_seconds: float) -> Features:
    """Of the forests that predict every column from the others, of which one tree each takes ``tree_seconds``."""
    grown = _ON_REFERENCE + _ON_SYNTHETIC + (0.0 if shape.holdout else _ON_HALVES)
    return {
        "targets": float(shape.targets),
        "grown": tree_seconds * shape.trees * grown,
        "columns": float(shape.columns),
    }


def model_features(spec: ModelSpec, shape: Shape) -> Features:
    """Of one density model, trained for as many epochs as it may and then judged."""
    # Imported where models are counted: torch takes seconds to load, and the quick mode trains nothing.
    from synthos.cascade.models import DIRECT_LIMIT

    steps = spec.epochs * math.ceil(spec.rows / spec.batch)
    codes = _codes(shape)
    direct = codes**2 if codes <= DIRECT_LIMIT else 0.0
    weights = 2 * codes * spec.width + (spec.depth - 1) * spec.width**2 + direct
    stop = min(STOP_SHARE * shape.reference, STOP_LIMIT)
    test = min(shape.holdout or TEST_SHARE * shape.reference, TEST_LIMIT)
    own = min(OWN_SHARE * shape.synthetic, OWN_LIMIT)
    return {
        "model": 1.0,
        "steps": steps * spec.depth / 1e3,
        "updated": steps * weights / 1e8,
        "direct": steps * direct / 1e8,
        "learned": steps * spec.batch * weights / 1e10,
        "coded": steps * spec.batch * codes / 1e8,
        "judged": (spec.epochs * stop + test + own) * weights / 1e10,
    }


def loop_features(shape: Shape, config: CascadeConfig) -> Features:
    """Of one arm of the loop: a light model trained once more than there are generations, and sampled from."""
    spec = loop_spec(config, shape.train_rows, "synthetic")
    goes = config.loop_generations
    trained = {name: (goes + 1) * value for name, value in model_features(spec, shape).items()}
    columns = min(shape.columns, COLUMN_LIMIT)
    return trained | {"drawn": goes * spec.rows * columns * _codes(shape) * spec.width / 1e10}


def _codes(shape: Shape) -> float:
    """Codes of the columns that density models are given."""
    return shape.codes * min(1.0, COLUMN_LIMIT / max(shape.columns, 1))


def models_of(shape: Shape, config: CascadeConfig) -> tuple[ModelSpec, ...]:
    """The models that a cascade on these samples trains; none where it has too few rows."""
    return all_specs(config, shape.train_rows) if shape.train_rows >= MINIMUM_TRAIN_ROWS else ()
