"""Tables for the benchmark of regions.

Real rows come packaged with statsmodels and scikit-learn; generated tables add what these lack (an order in time, exact
rules, many columns). Every table has a reference and, disjoint from it, sound rows in which damage is planted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from sklearn.datasets import load_digits
from statsmodels.datasets import fair

from benchmarks.generators import cart_generation
from benchmarks.real_tables import rand_table

Rng = np.random.Generator
ROWS = 8_000
Rule = tuple[Literal["decides", "below"], str, str]


@dataclass(frozen=True, slots=True)
class Base:
    """A population of rows to draw from.

    ``target`` is the column whose labels are flipped, ``rule`` two columns of which the first decides the second, or
    lies below it; None where the table has no such rule. ``ordered`` names the column by which the rows are sorted.
    The sound rows of a ``refitted`` table are what a tree synthesiser made of the reference: evenly a little worse.
    """

    name: str
    frame: pl.DataFrame
    rows: int
    target: str
    rule: Rule | None = None
    ordered: str | None = None
    refitted: bool = False

    def split(self, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Reference and sound rows, disjoint, ``rows`` each; in random order, or in the table's own."""
        rng = np.random.default_rng([seed, self.frame.height])
        chosen = rng.permutation(self.frame.height)[: 2 * self.rows]
        parts = chosen[: self.rows], chosen[self.rows :]
        one, other = (self.frame[np.sort(part) if self.ordered else part] for part in parts)
        return one, cart_generation(one, rng) if self.refitted else other


def _fair() -> pl.DataFrame:
    raw = fair.load_pandas().data
    whole = ("age", "yrs_married", "children", "affairs")
    labels = ("rate_marriage", "religious", "educ", "occupation", "occupation_husb")
    return pl.DataFrame(
        {name: raw[name].to_numpy().astype(float) for name in whole}
        | {name: raw[name].to_numpy().astype(int).astype(str) for name in labels}
    )


def _digits() -> pl.DataFrame:
    data = load_digits()
    pixels = {f"pixel_{j}": data.data[:, j].astype(int) for j in range(64) if data.data[:, j].std() > 4.0}
    return pl.DataFrame({**dict(list(pixels.items())[:16]), "digit": np.array([str(d) for d in data.target])})


def _orders(rows: int, rng: Rng) -> pl.DataFrame:
    """Orders of a shop in the order of time: a city decides its region, what is due is no less than what was paid."""
    city = rng.choice(12, rows, p=np.arange(12, 0, -1) / 78)
    size = rng.normal(size=rows) + 0.1 * city
    due = np.round(np.exp(3.5 + 0.7 * size + 0.2 * rng.normal(size=rows)), 2)
    paid = np.where(rng.random(rows) < 0.6, due, np.round(due * rng.beta(3, 2, rows), 2))
    seconds = np.sort(rng.integers(0, 2 * 365 * 86_400, rows))
    return pl.DataFrame(
        {
            "placed": [datetime(2022, 1, 1) + timedelta(seconds=int(second)) for second in seconds],
            "city": np.array([f"city {c:02d}" for c in range(12)])[city],
            "region": np.array(["north", "east", "south", "west"])[city % 4],
            "items": 1 + rng.poisson(np.exp(0.4 * size)),
            "due": due,
            "paid": paid,
            "channel": np.array(["web", "app", "shop"])[np.digitize(size + rng.normal(size=rows), [-0.7, 0.8])],
            "returned": rng.random(rows) < 1 / (1 + np.exp(1.5 - 1.2 * size)),
        }
    )


def _sensors(rows: int, rng: Rng) -> pl.DataFrame:
    """Twelve numbers that three hidden ones drive, a state, and a status that follows them."""
    hidden = rng.normal(size=(rows, 3))
    drive = hidden @ rng.normal(size=(3, 12)) + 0.6 * rng.normal(size=(rows, 12))
    drive[:, :4] = np.exp(0.5 * drive[:, :4])
    state = np.digitize(hidden[:, 0] + 0.4 * rng.normal(size=rows), [-0.8, 0.6])
    alarm = rng.random(rows) < 1 / (1 + np.exp(2.0 - 1.5 * hidden[:, 1]))
    return pl.DataFrame(
        {f"sensor_{j}": drive[:, j].round(3) for j in range(12)}
        | {"state": np.array(["idle", "run", "peak"])[state], "alarm": np.where(alarm, "yes", "no")}
    )


def _survey(rows: int, rng: Rng) -> pl.DataFrame:
    """Thirty weakly dependent answers of two to seven labels; one town decides its county."""
    mood = rng.normal(size=(rows, 4))
    answers: dict[str, np.ndarray] = {}
    for j in range(28):
        levels = 2 + j % 6
        score = 0.9 * mood[:, j % 4] + rng.normal(size=rows)
        answers[f"q{j:02d}"] = np.digitize(score, np.sort(rng.normal(size=levels - 1))).astype(str)
    town = np.minimum(rng.geometric(0.15, rows) - 1, 17)
    answers |= {"town": np.array([f"t{t:02d}" for t in range(18)])[town], "county": np.array(list("abcdef"))[town // 3]}
    return pl.DataFrame(answers)


def _generated(make: Callable[[int, Rng], pl.DataFrame], seed: int) -> pl.DataFrame:
    return make(2 * ROWS, np.random.default_rng(seed))


@lru_cache(maxsize=1)
def bases() -> dict[str, Base]:
    """Every table of the benchmark, by name."""
    paid = pl.when(pl.col("deductible") > 0).then(pl.lit("yes")).otherwise(pl.lit("no"))
    rand = rand_table().with_columns(paid.alias("deductible_paid"))
    decided: Rule = ("decides", "deductible", "deductible_paid")
    found = [
        Base("randhie", rand, ROWS, "health", decided),
        Base("randhie, refitted", rand, ROWS, "health", decided, refitted=True),
        Base("fair", _fair(), 3_183, "rate_marriage", ("below", "yrs_married", "age")),
        Base("digits", _digits(), 898, "digit"),
        Base("orders", _generated(_orders, 1), ROWS, "channel", ("below", "paid", "due"), ordered="placed"),
        Base("sensors", _generated(_sensors, 2), ROWS, "state"),
        Base("survey", _generated(_survey, 3), ROWS, "q05", ("decides", "town", "county")),
    ]
    return {base.name: base for base in found}


def bench_bases(folder: Path) -> dict[str, Base]:
    """The real tables of a bench folder; reference and sound rows as the bench splits them."""
    found = {}
    for place in sorted(folder.glob("*/real.parquet")):
        frame = pl.concat([pl.read_parquet(place.with_name(f"{role}.parquet")) for role in ("reference", "real")])
        labels = [name for name in frame.columns if frame[name].dtype == pl.String]
        found[place.parent.name] = Base(place.parent.name, frame, frame.height // 2, labels[-1])
    return found
