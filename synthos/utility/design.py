"""Rows as the forests see them: the same number of each table, one matrix of numbers, one target column."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.errors import ConfigError
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.tables.codec import CategoryBins, numeric_view

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
#: Rows of each table at most; more would hardly move a loss that is compared with its like.
MOST_ROWS = 8_000
#: Columns that are predicted at most; of wider tables some at random, which leaves the mean loss unbiased.
MOST_TARGETS = 14
#: Columns that a target is predicted from at most: those of wider tables that go with it most.
MOST_FEATURES = 48
#: Labels of a target at most; rarer ones are one label.
MOST_LABELS = 16
#: A number with fewer codes (bins, and null) is a set of labels.
FEWEST_VALUES = 12
#: What stands for a missing number among the features: below every value, and forests know only order.
MISSING = float(np.finfo(np.float32).min) / 2
#: Values farther from the reference's middle are taken to be so far: forests compute in 32 bits.
FARTHEST = -MISSING / 2


@dataclass(frozen=True, slots=True)
class Target:
    """The column to predict. ``labels`` is the number of labels, 0 for a number."""

    name: str
    labels: int

    @property
    def metric(self) -> str:
        return "brier" if self.labels else "squared_error"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table: ``x`` of shape (n, features), ``y`` of shape (n,): ranks of numbers, or labels counted from 0.

    ``key`` tells whole rows apart, shape (n,): equal rows have equal keys.
    """

    x: Matrix
    y: Floats
    key: npt.NDArray[np.uint64]

    @classmethod
    def none(cls) -> Rows:
        return cls(np.empty((0, 0), np.float32), np.empty(0), np.empty(0, np.uint64))

    def take(self, places: npt.NDArray[np.intp]) -> Rows:
        return Rows(self.x[places], self.y[places], self.key[places])

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True)
class Design:
    """How rows of any table are seen for one target; all of it is fixed by the reference.

    ``at`` and ``features`` are columns of the schema by number; ``centres`` has the reference's median of each number
    among the features; ``scale`` the reference's values of a numeric target, ascending. ``holdout`` is None where none
    was given.
    """

    target: Target
    at: int
    features: tuple[int, ...]
    centres: dict[int, float]
    scale: Floats
    reference: Rows
    holdout: Rows | None


def targets(evidence: Evidence) -> tuple[str, ...]:
    """Names of the columns to predict, in table order: all of them, or ``MOST_TARGETS`` drawn by lot.

    The lot is the columns' names, so that all tables made from one reference are asked about the same columns: other
    columns lose other amounts, which would be mistaken for a difference of the tables.
    """
    names = evidence.columns
    if len(names) <= MOST_TARGETS:
        return names
    chosen = generator("utility", "targets", *names).choice(len(names), MOST_TARGETS, replace=False)
    return tuple(names[place] for place in sorted(chosen))


def common_rows(evidence: Evidence) -> int:
    """Rows that each arm teaches with: as many of the synthetic table as of the reference.

    Raises
    ------
    ConfigError : there is no reference.
    """
    return min(MOST_ROWS, len(_real(evidence).frame), len(evidence.synthetic.frame))


def make_design(name: str, evidence: Evidence, rows: int) -> Design:
    """The design of target ``name``, with ``rows`` reference rows; rows without a value of it are left out.

    Raises
    ------
    ConfigError : there is no reference.
    """
    reference = _real(evidence)
    at = evidence.columns.index(name)
    features = _features(at, evidence, reference)
    # A datetime's seconds lose their minutes in 32 bits; distances from the reference's middle do not.
    centres = {c: _centre(reference, evidence, c) for c in features if not _is_labels(evidence, c)}
    target = _target(at, evidence, reference)
    values = np.empty(0) if target.labels else np.sort(_numbers(reference.frame, evidence, at))
    scale = values[np.isfinite(values)]
    bare = Design(target, at, features, centres, scale, Rows.none(), None)
    fresh = evidence.holdout
    return replace(
        bare,
        reference=rows_of(reference, evidence, bare, rows),
        holdout=rows_of(fresh, evidence, bare, MOST_ROWS) if fresh is not None else None,
    )


def rows_of(arm: ArmData, evidence: Evidence, design: Design, most: int) -> Rows:
    """At most ``most`` of the rows of ``arm`` that have the target, at random, in table order.

    Only a number can be lacking: that a category is null is a label like others.
    """
    if design.target.labels:
        # Codes of labels go from the most frequent to the rarest, so that the rare ones end up together.
        answers = np.minimum(arm.codes[:, design.at], design.target.labels - 1).astype(np.float64)
    else:
        answers = _ranks(_numbers(arm.frame, evidence, design.at), design.scale)
    valued = np.flatnonzero(np.isfinite(answers))
    rng = generator("utility", arm.profile.fingerprint, most)
    places = np.sort(rng.choice(valued, min(len(valued), most), replace=False))
    frame, codes = arm.frame[places], arm.codes[places]
    columns = []
    for c in design.features:
        if c in design.centres:
            values = _numbers(frame, evidence, c) - design.centres[c]
            columns.append(np.where(np.isfinite(values), np.clip(values, -FARTHEST, FARTHEST), MISSING))
        else:
            columns.append(codes[:, c].astype(np.float64))
    x = np.column_stack(columns).astype(np.float32) if columns else np.empty((len(places), 0), np.float32)
    return Rows(x, answers[places], row_keys(frame, evidence))


def row_keys(frame: pl.DataFrame, evidence: Evidence) -> npt.NDArray[np.uint64]:
    """Keys of whole rows over the modelled columns, shape (n,): equal rows, in equal types, have equal keys."""
    return frame.select(evidence.columns).hash_rows(seed=0).to_numpy()


def _ranks(values: Floats, scale: Floats) -> Floats:
    """Mid-ranks of ``values`` among ``scale``, in [0, 1], NaN where there is no value.

    What is predicted of a number is its rank: one far value would otherwise weigh more than a thousand usual ones.
    """
    middle = (np.searchsorted(scale, values, "left") + np.searchsorted(scale, values, "right")) / 2.0
    return np.where(np.isfinite(values), middle / max(len(scale), 1), np.nan)


def _real(evidence: Evidence) -> ArmData:
    if evidence.reference is None:
        raise ConfigError("forests need real rows to be judged on", fix="give a reference table")
    return evidence.reference


def _is_labels(evidence: Evidence, at: int) -> bool:
    return isinstance(evidence.codec.bins[at], CategoryBins)


def _numbers(frame: pl.DataFrame, evidence: Evidence, at: int) -> Floats:
    column = evidence.schema.modelled[at]
    return numeric_view(frame[column.name], column.kind).fill_null(float("nan")).to_numpy().astype(np.float64)


def _centre(reference: ArmData, evidence: Evidence, at: int) -> float:
    values = _numbers(reference.frame, evidence, at)
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _target(at: int, evidence: Evidence, reference: ArmData) -> Target:
    name = evidence.columns[at]
    if _is_labels(evidence, at):
        return Target(name, min(evidence.sizes[at], MOST_LABELS + 1))
    distinct = np.unique(reference.codes[:, at]).size
    return Target(name, 0 if distinct >= FEWEST_VALUES else evidence.sizes[at])


def _features(at: int, evidence: Evidence, reference: ArmData) -> tuple[int, ...]:
    """Columns to predict from: all others, or those whose codes go most with the target's (absolute correlation)."""
    others = tuple(c for c in range(len(evidence.columns)) if c != at)
    if len(others) <= MOST_FEATURES:
        return others
    codes = reference.codes[:MOST_ROWS].astype(np.float64)
    centred = codes - codes.mean(axis=0)
    spread = np.linalg.norm(centred, axis=0)
    ties = np.abs(centred.T @ centred[:, at]) / np.where(spread > 0.0, spread, np.inf)
    return tuple(sorted(sorted(others, key=lambda c: (-ties[c], c))[:MOST_FEATURES]))
