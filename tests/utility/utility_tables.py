"""Tables whose columns teach each other, and what can be done to them."""

from __future__ import annotations

import numpy as np
import polars as pl

from synthos.results import NotApplicable, Utility
from synthos.sampling.evidence import Evidence
from synthos.utility.design import targets
from synthos.utility.measure import Sides, join, learn_columns, teach_all, weigh_all


def real_rows(rows: int, seed: int) -> pl.DataFrame:
    """A number, two label columns and a noisy number that hang together; one column that nothing teaches."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=rows)
    colour = np.where(size + rng.normal(size=rows) > 0, "red", "blue")
    weight = 3.0 * size + (colour == "red") + rng.normal(scale=0.7, size=rows)
    shape = np.where(weight + rng.normal(size=rows) > 1, "round", np.where(size > 0, "square", "flat"))
    return pl.DataFrame(
        {"size": size, "colour": colour, "weight": weight, "shape": shape, "lot": rng.normal(size=rows)}
    )


def shuffled(frame: pl.DataFrame, share: float, seed: int) -> pl.DataFrame:
    """The first ``share`` of the rows with every column in an order of its own."""
    rng = np.random.default_rng(seed)
    cut = round(share * frame.height)
    torn = frame[:cut].select(pl.Series(name, frame[:cut][name].gather(rng.permutation(cut))) for name in frame.columns)
    return pl.concat([torn, frame[cut:]])


def learn_all(of: Evidence, trees: int) -> Sides:
    """What the reference settles about all targets."""
    return learn_columns(None, targets(of), trees, of)


def judge_all(sides: Sides, of: Evidence) -> Utility | NotApplicable:
    """The synthetic table against what was learned from the reference."""
    return join(weigh_all(sides, teach_all(sides, of)), of)
