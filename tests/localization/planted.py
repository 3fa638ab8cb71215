"""Small tables with dependent columns of several kinds, and the damage that the localisation has to find in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from synthos.profiling.scan import ScanPlan, finish, scan_batches
from synthos.results import Kind
from synthos.sampling import assemble
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import ArmData, Evidence
from synthos.tables.codec import Codec

KINDS: dict[str, Kind] = {
    "age": "integer",
    "income": "number",
    "saved": "number",
    "town": "category",
    "job": "category",
    "grade": "category",
    "owner": "category",
}
JOBS = np.array(["none", "clerk", "nurse", "smith", "judge", "pilot"])
TOWNS = np.array(["Aa", "Bo", "Ce", "Du", "Ep", "Fa", "Go", "Hy"])
NUMBERS = ("age", "income", "saved")
LABELS = ("town", "job", "grade", "owner")


def table(rows: int, seed: int) -> pl.DataFrame:
    """``rows`` rows of the sound population."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(size=rows)
    age = np.clip(40 + 12 * rng.normal(size=rows), 18, 90).astype(np.int64)
    income = np.round(np.exp(10 + 0.5 * skill + 0.01 * (age - 40)), 1)
    saved = np.where(rng.random(rows) < 0.4, 0.0, np.round(income * rng.gamma(2.0, 0.3, rows), 1))
    job = np.clip(np.searchsorted([-1.2, -0.5, 0.3, 1.0, 1.7], skill + 0.4 * rng.normal(size=rows)), 0, 5)
    town = np.minimum(rng.geometric(0.35, rows) - 1, 7)
    grade = np.clip((skill + 0.5 * rng.normal(size=rows) + 2) // 1, 0, 4).astype(np.int64)
    owner = rng.random(rows) < 1 / (1 + np.exp(-(income - 22_000) / 4_000))
    return pl.DataFrame(
        {
            "age": age,
            "income": income,
            "saved": saved,
            "town": TOWNS[town],
            "job": JOBS[job],
            "grade": grade.astype(str),
            "owner": np.where(owner, "yes", "no"),
        }
    )


def evidence(synthetic: pl.DataFrame, reference: pl.DataFrame | None) -> Evidence:
    return evidence_from_frames(synthetic, reference, kinds=KINDS)


def _numbers(block: pl.DataFrame, change: Callable[[np.ndarray, str], np.ndarray]) -> pl.DataFrame:
    return block.with_columns(
        pl.Series(name, change(block[name].to_numpy().astype(np.float64), name)) for name in NUMBERS
    )


def duplicates(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return block[rng.integers(0, max(5, block.height // 40), block.height)]


def shuffled(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return block.select(pl.Series(name, block[name].gather(rng.permutation(block.height))) for name in block.columns)


def mode(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Three cells in four take their column's commonest value or its median."""
    series = []
    for name in block.columns:
        centre = block[name].median() if name in NUMBERS else block[name].mode().sort()[0]
        filled = pl.Series(name, [centre] * block.height)
        keep = pl.Series(rng.random(block.height) > 0.75)
        series.append(block[name].cast(filled.dtype).zip_with(keep, filled))
    return pl.DataFrame(series)


def tailcut(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    def clipped(values: np.ndarray, name: str) -> np.ndarray:
        return np.clip(values, *np.quantile(values, [0.12, 0.88]))

    return _numbers(block, clipped).with_columns(
        pl.when(pl.col("town").is_in(["Aa", "Bo", "Ce"])).then(pl.col("town")).otherwise(pl.lit("Aa")).alias("town")
    )


def noise(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    def jittered(values: np.ndarray, name: str) -> np.ndarray:
        return values + rng.normal(size=len(values)) * 1.3 * values.std()

    labels = [pl.Series(n, rng.choice(block[n].unique().sort().to_numpy(), block.height)) for n in LABELS]
    return _numbers(block, jittered).with_columns(labels)


def drift(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A ramp that keeps to the grid of the values, so that only its height gives it away."""

    def climbing(values: np.ndarray, name: str) -> np.ndarray:
        return np.round(values + np.linspace(0, 2.5, len(values)) * values.std(), 0 if name == "age" else 1)

    return _numbers(block, climbing)


def shift(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return _numbers(block, lambda values, name: np.round(values + 1.2 * values.std(), 0 if name == "age" else 1))


def nulls(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    gone = pl.Series(rng.random(block.height) < 0.4)
    return block.with_columns(
        pl.when(gone).then(None).otherwise(pl.col(name)).alias(name) for name in ("income", "job")
    )


def label_flip(block: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return block.with_columns(pl.Series("job", block["job"].gather(rng.permutation(block.height))))


DEFECTS = {f.__name__: f for f in (duplicates, shuffled, mode, tailcut, noise, drift, shift, nulls, label_flip)}


def plant(defect: str, share: float, *, rows: int = 4_000, seed: int = 0) -> tuple[pl.DataFrame, tuple[int, int]]:
    """A sound table of ``rows`` rows with a damaged run of ``share`` of them somewhere inside, and the run."""
    rng = np.random.default_rng([seed, len(defect), int(100 * share)])
    sound = table(rows, seed + 1)
    length = int(rows * share)
    start = int(rng.integers(rows // 20, rows - length - rows // 20))
    damaged = DEFECTS[defect](sound[start : start + length], rng)
    parts = [
        part.cast(dict.fromkeys(NUMBERS, pl.Float64)) for part in (sound[:start], damaged, sound[start + length :])
    ]
    return pl.concat(parts), (start, start + length)


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Intersection over union of two row ranges."""
    common = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return common / (max(one[1], other[1]) - min(one[0], other[0]))


def sampled(synthetic: pl.DataFrame, reference: pl.DataFrame, rows: int) -> Evidence:
    """Evidence of a table that is larger than its sample of ``rows`` rows; its blocks count every row."""
    schema = evidence(synthetic[:600], reference).schema
    codec = Codec.fit(reference, schema)

    def arm(frame: pl.DataFrame, name: str, most: int) -> ArmData:
        plan = ScanPlan(schema, codec, sample_rows=most)
        return assemble.arm(finish(scan_batches(0, [frame], plan), name, plan), codec)

    return assemble.evidence(
        schema, codec, arm(synthetic, "synthetic", rows), arm(reference, "reference", 50_000), None
    )
