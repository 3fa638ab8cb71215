"""Sample tables to try Synthos on: real rows that come with statsmodels, and damaged versions of them.

    python -m benchmarks.samples --out out/samples

The real rows are the RAND Health Insurance Experiment (20,190 person-years; Newhouse 1993, the table of Deb and
Trivedi 2002, public domain), read with ``statsmodels.datasets.randhie``, its one-hot health columns folded into one.
The experiment followed each person for up to five years with the same answers, so that many rows repeat: a real table,
not a tidy one. Rows are put in a fixed random order and split:

=======================  =====================================================================================
rand_reference.parquet   8,000 real rows: what a generator was fitted on
rand_healthy.parquet     8,000 other real rows: what a perfect generator would give
rand_holdout.parquet     the 4,190 real rows that are left: nobody's training data
rand_refit.parquet       the reference after ten generations of a CART synthesiser refitted on its own output
rand_planted.parquet     the healthy rows with three damaged blocks (shuffled, duplicated, noisy); also as .csv
samples.json             what was done to each, with the row ranges of the planted blocks
=======================  =====================================================================================

Everything follows from one seed: two runs write the same rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.generators import refit
from benchmarks.real_tables import rand_table

SEED = 20_190
REFERENCE_ROWS = HEALTHY_ROWS = 8_000
GENERATIONS = 10
#: Planted blocks of rand_planted: issue -> [first row, row after the last).
BLOCKS = {"shuffled": (800, 2_000), "duplicates": (3_200, 4_400), "noise": (5_600, 6_800)}
#: Distinct rows that the duplicated block repeats.
DUPLICATE_SOURCES = 40
NOISE_SCALE = 0.5  # standard deviations of each number added within the noisy block
NOISE_FLIPS = 0.25  # share of category cells replaced by a random category within the noisy block


def split(table: pl.DataFrame, rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Reference, healthy and holdout rows: disjoint, together the whole table, each in random order."""
    order = rng.permutation(table.height)
    cuts = np.split(order, [REFERENCE_ROWS, REFERENCE_ROWS + HEALTHY_ROWS])
    return {name: table[rows] for name, rows in zip(("reference", "healthy", "holdout"), cuts, strict=True)}


def plant(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """``table`` with the blocks of ``BLOCKS`` damaged; rows outside them are untouched."""
    pieces, end = [], 0
    for issue, (start, stop) in sorted(BLOCKS.items(), key=lambda item: item[1]):
        pieces += [table[end:start], _damaged(table[start:stop], table, issue, rng)]
        end = stop
    return pl.concat([*pieces, table[end:]])


def _damaged(block: pl.DataFrame, table: pl.DataFrame, issue: str, rng: np.random.Generator) -> pl.DataFrame:
    if issue == "shuffled":
        return pl.DataFrame({name: block[name][rng.permutation(block.height)] for name in block.columns})
    if issue == "duplicates":
        return block[rng.integers(DUPLICATE_SOURCES, size=block.height)]
    return pl.DataFrame({name: _noisy(block[name], table[name], rng) for name in block.columns})


def _noisy(column: pl.Series, whole: pl.Series, rng: np.random.Generator) -> pl.Series:
    if not column.dtype.is_numeric():
        flipped = rng.random(len(column)) < NOISE_FLIPS
        values = whole.unique().sort()
        random = values[rng.integers(len(values), size=len(column))]
        return random.zip_with(pl.Series(flipped), column).rename(column.name)
    numbers = whole.to_numpy().astype(float)
    noisy = column.to_numpy() + rng.normal(0.0, NOISE_SCALE * numbers.std(), len(column))
    # Counts stay whole numbers of no less than 0: noise that a range check would catch is no test of statistics.
    noisy = np.clip(noisy, numbers.min(), None)
    return pl.Series(column.name, np.rint(noisy) if column.dtype.is_integer() else noisy).cast(column.dtype)


def make_samples(out: Path) -> list[Path]:
    """Write the tables of the module's docstring under ``out``; returns the files written."""
    out.mkdir(parents=True, exist_ok=True)
    stages = np.random.default_rng(SEED).spawn(3)
    tables = split(rand_table(), stages[0])
    tables["refit"] = refit(tables["reference"], GENERATIONS, stages[1])
    tables["planted"] = plant(tables["healthy"], stages[2])
    written = []
    for name, table in tables.items():
        written.append(out / f"rand_{name}.parquet")
        table.write_parquet(written[-1])
    written.append(out / "rand_planted.csv")
    tables["planted"].write_csv(written[-1])
    done: dict[str, Any] = {
        "source": "RAND Health Insurance Experiment, statsmodels.datasets.randhie",
        "seed": SEED,
        "rows": {name: table.height for name, table in tables.items()},
        "refit": {"generator": "sequential CART, 5 rows a leaf", "generations": GENERATIONS},
        "planted": [{"issue": issue, "row_range": list(rows)} for issue, rows in BLOCKS.items()],
    }
    written.append(out / "samples.json")
    written[-1].write_text(json.dumps(done, indent=2) + "\n")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Write sample tables, real and damaged, for trying Synthos.")
    parser.add_argument("--out", type=Path, default=Path("out/samples"), help="folder to write to")
    for path in make_samples(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()
