"""For every dimension a table on which it applies, and a damage that it must see. The shared tests walk both."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import polars as pl

from synthos.results import CascadeResult, Interval, Law, Scored
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence

ROWS = 1_200
#: Both tables are asked about by name, and name their rows by seed.
REFERENCE, SYNTHETIC = 11, 12
CITIES = np.array(["Aber", "Bonn", "Cork", "Dijon", "Essen", "Faro", "Graz", "Hove", "Ipswich", "Jena"])
REGIONS = np.array(["north", "north", "east", "east", "south", "south", "west", "west", "isles", "isles"])
CITY_SHARES = [0.31, 0.23, 0.17, 0.13, 0.08, 0.05, 0.01, 0.008, 0.007, 0.005]

Damage = Callable[[pl.DataFrame, float, np.random.Generator], pl.DataFrame]


def exchangeable(rows: int, seed: int) -> pl.DataFrame:
    """Rows in no order: a dependency (city decides region), an inequality (spend below income), rare cities, a heavy
    tail, and one value that holds most of a column."""
    rng = np.random.default_rng(seed)
    city = rng.choice(10, rows, p=CITY_SHARES)
    age = np.clip(rng.normal(35 + 2.0 * city, 11), 18, 90)
    income = np.exp(rng.normal(9.5 + 0.1 * city + 0.012 * age, 0.45))
    return pl.DataFrame(
        {
            "age": age.astype(np.int64),
            "income": income.round(2),
            "spend": (income * rng.beta(2, 4, rows)).round(2),
            "debt": np.where(rng.random(rows) < 0.7, 0.0, rng.gamma(2.0, 0.3 * income)).round(2),
            "city": CITIES[city],
            "region": REGIONS[city],
            "plan": np.array(["basic", "plus", "pro"])[np.digitize(income * rng.lognormal(0, 0.2, rows), [15e3, 4e4])],
            "active": rng.random(rows) < 1 / (1 + np.exp(-(age - 40) / 8)),
        }
    )


def ordered(rows: int, seed: int) -> pl.DataFrame:
    """Rows in the order of time: two slow autoregressions and a state that follows them."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(rows, 2))
    levels = np.empty((rows, 2))
    levels[0] = steps[0]
    for row in range(1, rows):
        levels[row] = np.array([0.95, 0.8]) * levels[row - 1] + np.sqrt(1 - np.array([0.9025, 0.64])) * steps[row]
    return pl.DataFrame(
        {
            "load": levels[:, 0].round(4),
            "price": (levels[:, 1] + 0.5 * levels[:, 0]).round(4),
            "state": np.array(["low", "mid", "high"])[np.digitize(levels[:, 0], [-0.6, 0.6])],
            "noise": rng.normal(size=rows).round(4),
        }
    )


def some_rows(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> np.ndarray:
    """``share`` of the row numbers, ascending."""
    return np.sort(rng.choice(frame.height, round(share * frame.height), replace=False))


def with_rows(frame: pl.DataFrame, places: np.ndarray, rows: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with ``rows`` in the given places."""
    order = np.arange(frame.height)
    order[places] = frame.height + np.arange(len(places))
    return pl.concat([frame, rows])[order]


def shifted(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows get older, richer, and move to one city."""
    places = some_rows(frame, share, rng)
    moved = frame[places].with_columns(
        pl.col("age") + 20, pl.col("income") * 2, pl.lit("Cork").alias("city"), pl.lit("east").alias("region")
    )
    return with_rows(frame, places, moved)


def unlinked(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows have each of their columns shuffled among them."""
    places = some_rows(frame, share, rng)
    own = frame[places]
    return with_rows(frame, places, own.select(pl.Series(c.name, c[rng.permutation(own.height)]) for c in own))


def repeated(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows become copies of ten."""
    places = some_rows(frame, share, rng)
    return with_rows(frame, places, frame[rng.integers(0, 10, len(places))])


def levelled(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some of the rows with something rare in them become copies of rows without."""
    low, high = (frame["income"].quantile(q) for q in (0.03, 0.97))
    rare = frame["city"].is_in(CITIES[6:].tolist()) | (frame["income"] < low) | (frame["income"] > high)
    places = np.flatnonzero(rare.to_numpy() & (rng.random(frame.height) < share))
    return with_rows(frame, places, frame.filter(~rare)[rng.integers(0, int((~rare).sum()), len(places))])


def disordered(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows change places."""
    places = some_rows(frame, share, rng)
    return with_rows(frame, places, frame[rng.permutation(places)])


def contradicted(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Some rows are in a region that their city is not in."""
    places = some_rows(frame, share, rng)
    own = frame[places]
    return with_rows(frame, places, own.with_columns(own["region"][rng.permutation(own.height)]))


def untouched(frame: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """The table as it is; the damage lies in the cascade (``cascade_of``)."""
    return frame


DAMAGES: dict[str, Damage] = {
    "distribution_fidelity": shifted,
    "correlation_preservation": unlinked,
    "diversity_retention": repeated,
    "rare_pattern_handling": levelled,
    "temporal_stability": disordered,
    "semantic_coherence": contradicted,
    "scale_robustness": untouched,
    "statistical_integrity": repeated,
}


def table(name: str, rows: int, seed: int) -> pl.DataFrame:
    """A sample of the table on which the dimension applies; another seed is another sample of the same source."""
    return (ordered if name == "temporal_stability" else exchangeable)(rows, seed)


def component(result: Scored, name: str) -> float:
    """The score of one part of the answer."""
    (found,) = [item.score for item in result.components if item.name == name]
    assert found is not None
    return found


def cascade_of(share: float) -> CascadeResult:
    """What a cascade would say of a table of which ``share`` is worthless."""
    return CascadeResult(
        models=(),
        reference_models=(),
        independent_bits=30.0,
        law=Law(form="none", synthetic=None, reference=None, backtest_error=None, refused="made by hand"),
        rho=share,
        rho_interval=Interval(low=share - 0.02, high=share + 0.02),
        n_eff=1_000.0 * (1.001 - share),
        n_eff_interval=Interval(low=900.0 * (1.001 - share), high=1_100.0 * (1.001 - share)),
        n_eff_bound="exact",
        n_eff_note="",
        predictions=(),
        loop=None,
        train_rows=1_000,
    )


def rows_for(name: str) -> int:
    """Rows at which the shared tests look at the dimension: what is rare is too rare in small tables."""
    return 4_000 if name == "rare_pattern_handling" else ROWS


@lru_cache(maxsize=128)
def damaged(name: str, share: float, rows: int, seed: int = SYNTHETIC) -> Evidence:
    """Evidence for the dimension with ``share`` of a fresh real sample damaged; ``share`` = 0 leaves it real."""
    if share == 0.0:
        return _fresh(name == "temporal_stability", rows, seed)
    made = DAMAGES[name](table(name, rows, seed), share, np.random.default_rng([seed, rows]))
    return evidence_from_frames(made, table(name, rows, REFERENCE + 1_000 * seed)).with_cascade(cascade_of(share))


@lru_cache(maxsize=128)
def _fresh(in_time: bool, rows: int, seed: int) -> Evidence:
    """What most dimensions have in common where nothing is damaged: it is scanned once for all of them."""
    source = ordered if in_time else exchangeable
    frames = (source(rows, seed), source(rows, REFERENCE + 1_000 * seed))
    return evidence_from_frames(*frames).with_cascade(cascade_of(0.0))
