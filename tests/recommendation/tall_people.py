"""Small tables of people, evidence about them, and a risk that is easily foretold."""

from __future__ import annotations

import numpy as np
import polars as pl

from synthos.advice import Recommendation, RecommendationKind
from synthos.results import Kind, NotApplicable, Utility
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.stages import cache_folder
from synthos.utility.design import targets
from synthos.utility.measure import Sides, join, learn_columns, teach_all, weigh_all

KINDS: dict[str, Kind] = {"town": "category", "height": "number", "weight": "number"}


def table(rows: int = 3_000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    height = rng.normal(170.0, 10.0, rows)
    return pl.DataFrame(
        {
            "town": rng.choice(["Aa", "Bo", "Ce", "Du"], rows, p=[0.5, 0.3, 0.17, 0.03]),
            "height": height,
            "weight": height - 100 + rng.normal(0.0, 8.0, rows),
        }
    )


def evidence(synthetic: pl.DataFrame, reference: pl.DataFrame | None = None) -> Evidence:
    return evidence_from_frames(synthetic, reference, kinds=KINDS)


def advice(kind: RecommendationKind, number: int = 1, **parameters: object) -> Recommendation:
    """A recommendation of which only kind and parameters matter."""
    return Recommendation(
        id=f"{kind}-{number}",
        kind=kind,
        title="",
        reason="",
        columns=(),
        affected_rows=0,
        expected_gain=None,
        gain_note="",
        parameters=parameters,  # type: ignore[arg-type]
        snippet="",
    )


def height_risk(item: Evidence) -> float:
    """A risk that only knows the mean of one column: ten points a centimetre."""
    return abs(float(item.synthetic.frame["height"].mean()) - 170.0) * 10.0  # type: ignore[arg-type]


def learn_all(of: Evidence, trees: int) -> Sides:
    """What the reference settles about all targets; where several tables have the same, it is learned once a run."""
    return learn_columns(cache_folder(None), targets(of), trees, of)


def judge_all(sides: Sides, of: Evidence) -> Utility | NotApplicable:
    """The synthetic table against what was learned from the reference."""
    return join(weigh_all(sides, teach_all(sides, of)), of)
