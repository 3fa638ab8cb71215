"""The one-pass scan against a bare streaming polars scan of the same Parquet file, in the same run.

    python -m benchmarks.scan [--rows 10000000] [--work DIR] [--json OUT]

Prints seconds (and processor seconds, which other work on the machine disturbs less), the ratio to the bare scan with
two processes, growth from a tenth of the rows, and peak memory. Every measurement is a process of its own, so that its
peak memory is its own; processor seconds include the imports.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from synthos.profiling.scan import Scanned, ScanPlan, ScanState, finish, merge, scan_unit
from synthos.results import Kind
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import Source, open_table

CHUNK = 1_000_000
CORES = 2
_SCANS = {".parquet": pl.scan_parquet, ".csv": pl.scan_csv, ".jsonl": pl.scan_ndjson}
KINDS: dict[str, Kind] = {
    "amount": "number",
    "score": "number",
    "distance": "number",
    "price": "number",
    "age": "integer",
    "hour": "integer",
    "visits": "integer",
    "city": "category",
    "plan": "category",
    "channel": "category",
}


def _named(pattern: str, codes: Any) -> pl.Series:
    """Strings by their numbers."""
    return pl.Series([pattern.format(code) for code in range(int(codes.max()) + 1)]).gather(codes)


_PLANS = pl.Series(["free", "basic", "plus", "pro", "team"])
_MAKERS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "amount": lambda rng, rows: rng.lognormal(3, 1, rows),
    "score": lambda rng, rows: rng.normal(0, 1, rows),
    "distance": lambda rng, rows: rng.gamma(2, 30, rows),
    "price": lambda rng, rows: rng.lognormal(2, 0.7, rows).round(2),
    "age": lambda rng, rows: rng.integers(0, 90, rows),
    "hour": lambda rng, rows: rng.integers(0, 24, rows, dtype=np.int32),
    "visits": lambda rng, rows: rng.integers(0, 1_000_000, rows),
    "city": lambda rng, rows: _named("city-{:03d}", np.minimum(rng.zipf(1.5, rows) - 1, 299)),
    "plan": lambda rng, rows: _PLANS.gather(rng.integers(0, 5, rows)),
    "channel": lambda rng, rows: _named("channel {}", rng.integers(0, 40, rows)),
}


def chunk(rows: int, seed: int, names: Sequence[str] = tuple(KINDS)) -> pl.DataFrame:
    """Mixed columns, those of ``names``: four floats, three integers, three strings of few values; some nulls."""
    order = list(_MAKERS)
    rngs = {name: np.random.default_rng((seed, order.index(name))) for name in names}
    frame = pl.DataFrame({name: _MAKERS[name](rngs[name], rows) for name in names})
    if "score" not in names:
        return frame
    return frame.with_columns(
        pl.when(pl.Series(rngs["score"].random(rows) > 0.03)).then(pl.col("score")).alias("score")
    )


def write(path: Path, rows: int) -> None:
    parts = path.with_suffix("")
    parts.mkdir()
    for index, first in enumerate(range(0, rows, CHUNK)):
        chunk(min(CHUNK, rows - first), index).write_parquet(parts / f"{index:05d}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(path, row_group_size=262_144)


def bare(path: Path) -> None:
    """What any profile needs at least, by polars' own streaming engine. A folder's files are one table."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    lazy = _SCANS[files[0].suffix](files)
    schema = lazy.collect_schema()
    numeric = [name for name, dtype in schema.items() if dtype.is_numeric()]
    queries = [pl.all().null_count().name.suffix(":nulls"), pl.all().approx_n_unique().name.suffix(":distinct")]
    queries += [pl.col(numeric).mean().name.suffix(":mean"), pl.col(numeric).std().name.suffix(":std")]
    extremes = lazy.select(pl.col(numeric).min().name.suffix(":low"), pl.col(numeric).max().name.suffix(":high"))
    bounds = extremes.collect(engine="streaming")
    for name in numeric:
        low, high = bounds[f"{name}:low"][0], bounds[f"{name}:high"][0]
        cell = ((pl.col(name) - low) * (64 / (high - low))).cast(pl.UInt8, strict=False).clip(0, 63)
        queries.append(cell.value_counts().implode().alias(f"{name}:histogram"))
    lazy.select(queries).collect(engine="streaming")


def plan_of(source: Source) -> ScanPlan:
    schema = Schema(tuple(Column(name, KINDS[name], str(dtype)) for name, dtype in source.dtypes.items()))
    codec = Codec.fit(source.peek(50_000, 0), schema)
    return ScanPlan(schema, codec, total_rows=source.rows)


def ours_alone(path: Path) -> Scanned:
    source = open_table(path)
    plan = plan_of(source)
    state = reduce(merge, (scan_unit(source, unit, plan) for unit in source.units()))
    return finish(state, source.name, plan)


def _group(task: tuple[Source, tuple[Any, ...], ScanPlan]) -> ScanState:
    source, units, plan = task
    return reduce(merge, (scan_unit(source, unit, plan) for unit in units))


def ours_spread(path: Path, workers: int = CORES) -> Scanned:
    source = open_table(path)
    plan = plan_of(source)
    units = source.units()
    groups = [units[first : first + 4] for first in range(0, len(units), 4)]
    with mp.get_context("spawn").Pool(workers) as pool:
        state = reduce(merge, pool.imap_unordered(_group, [(source, group, plan) for group in groups]))
    return finish(state, source.name, plan)


MODES = {"bare": bare, "alone": ours_alone, "spread": ours_spread}


def measure(mode: str, path: Path) -> dict[str, float]:
    """Runs one mode in a process of its own; seconds of the work alone, and peak memory of it and its children."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scan", "--mode", mode, "--path", str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "POLARS_MAX_THREADS": str(CORES if mode == "bare" else 1)},
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def run_mode(mode: str, path: Path) -> None:
    begin = time.perf_counter()
    MODES[mode](path)
    seconds = time.perf_counter() - begin
    own, child = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = CORES if mode == "spread" else 0
    cpu = own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": (own.ru_maxrss + workers * child.ru_maxrss) / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--mode", choices=sorted(MODES))
    parser.add_argument("--path", type=Path)
    chosen = parser.parse_args()
    if chosen.mode:
        run_mode(chosen.mode, chosen.path)
        return
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder:
        paths = {rows: Path(folder) / f"{rows}.parquet" for rows in (chosen.rows // 10, chosen.rows)}
        results: dict[str, Any] = {"rows": chosen.rows}
        for rows, path in paths.items():
            write(path, rows)
            for mode in MODES:
                figures = measure(mode, path)
                results[f"{mode}_{rows}"] = figures
                seconds, peak = figures["seconds"], figures["peak_mb"]
                speed = f"{rows / seconds:12,.0f} rows/s {peak:7.0f} MB"
                print(f"{mode:7s} {rows:>11,} rows {seconds:8.2f} s {figures['cpu']:8.2f} CPU s {speed}", flush=True)
    large, small = chosen.rows, chosen.rows // 10
    results["ratio"] = results[f"spread_{large}"]["seconds"] / results[f"bare_{large}"]["seconds"]
    results["growth"] = results[f"alone_{large}"]["seconds"] / results[f"alone_{small}"]["seconds"]
    print(f"two processes against bare polars: {results['ratio']:.2f} times its time")
    print(f"ten times the rows: {results['growth']:.1f} times the time")
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
