"""Validations of generated tables with the processor seconds of each of their steps: what costs are fitted on.

    python -m benchmarks.cost_runs --cases fit|ray|start|check|check_ray --out out/costs [--only NAME]

Each case is a process of its own (one thread, no cache), so that its peak memory is its own; those on Ray are the
command on one or two processors, with the memory of all its processes. A case's answer is one JSON file in ``--out``,
and a case that has one is not run again. Processor seconds are disturbed by other work on the machine less than those
of the clock; the machine's speed is taken before and after each case.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

from benchmarks.end_to_end import memory_of
from synthos.estimation.speed import measure_speed
from synthos.progress import Event

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Case:
    """Rows of the synthetic table and of the reference (0: none is given), columns, and how sound the table is."""

    name: str
    rows: int
    real: int
    columns: int
    quick: bool = False
    damage: float = 0.0
    holdout: int = 0
    seed: int = 0
    workers: int = 0


FIT = (
    Case("q-2k-5", 2_000, 2_000, 5, quick=True),
    Case("q-8k-10", 8_000, 8_000, 10, quick=True),
    Case("q-20k-10", 20_000, 20_000, 10, quick=True),
    Case("q-50k-20", 60_000, 50_000, 20, quick=True),
    Case("q-4k-40", 4_000, 4_000, 40, quick=True),
    Case("q-20k-12d", 20_000, 20_000, 12, quick=True, damage=0.5),
    Case("q-10k-8h", 10_000, 10_000, 8, quick=True, holdout=5_000),
    Case("a-20k-10", 20_000, 0, 10, quick=True),
    Case("a-50k-25", 50_000, 0, 25, quick=True),
    Case("a-3k-15", 3_000, 0, 15, quick=True),
    Case("f-3k-6", 3_000, 3_000, 6),
    Case("f-8k-12", 8_000, 8_000, 12),
    Case("f-8k-10d", 8_000, 8_000, 10, damage=0.5),
    Case("f-20k-10", 20_000, 20_000, 10),
    Case("f-6k-24", 6_000, 6_000, 24),
    Case("f-20k-12d", 20_000, 20_000, 12, damage=0.3),
    Case("f-50k-8", 50_000, 50_000, 8),
    Case("q-6k-120", 6_000, 6_000, 120, quick=True),
    Case("q-3k-400", 3_000, 3_000, 400, quick=True),
    Case("q-4k-1200", 4_000, 4_000, 1_200, quick=True),
    Case("a-5k-250", 5_000, 0, 250, quick=True),
    Case("a-3k-1000", 3_000, 0, 1_000, quick=True),
    Case("a-20k-80", 20_000, 0, 80, quick=True),
    Case("a-40k-8", 40_000, 0, 8, quick=True),
    Case("a-30k-16", 30_000, 0, 16, quick=True),
    Case("a-10k-35", 10_000, 0, 35, quick=True),
    Case("q-30k-150d", 30_000, 20_000, 150, quick=True, damage=0.3),
    Case("f-4k-100", 4_000, 4_000, 100),
    Case("f-3k-300", 3_000, 3_000, 300),
)
CHECK = (
    Case("c-q-30k-15", 30_000, 25_000, 15, quick=True, seed=11),
    Case("c-q-6k-24", 6_000, 9_000, 24, quick=True, seed=12),
    Case("c-q-15k-7d", 15_000, 12_000, 7, quick=True, damage=0.4, seed=13),
    Case("c-a-40k-12", 40_000, 0, 12, quick=True, seed=14),
    Case("c-f-12k-9", 12_000, 12_000, 9, seed=15),
    Case("c-f-4k-18", 4_000, 5_000, 18, seed=17),
    Case("c-f-15k-11d", 15_000, 15_000, 11, damage=0.4, seed=18),
    Case("c-f-30k-12", 30_000, 30_000, 12, seed=16),
    Case("c-q-4k-200", 4_000, 4_000, 200, quick=True, seed=31),
    Case("c-q-3k-800", 3_000, 3_000, 800, quick=True, seed=32),
    Case("c-a-4k-500", 4_000, 0, 500, quick=True, seed=33),
    Case("c-f-3k-150", 3_000, 3_000, 150, seed=34),
)
ON_RAY = (
    Case("r-q-20k-10-1", 20_000, 20_000, 10, quick=True, workers=1),
    Case("r-q-20k-10-2", 20_000, 20_000, 10, quick=True, workers=2),
    Case("r-q-50k-20-2", 60_000, 50_000, 20, quick=True, workers=2),
    Case("r-f-8k-12-1", 8_000, 8_000, 12, workers=1),
    Case("r-f-8k-12-2", 8_000, 8_000, 12, workers=2),
)
CHECK_RAY = (
    Case("c-r-q-25k-14", 25_000, 25_000, 14, quick=True, workers=2, seed=21),
    Case("c-r-q-5k-9", 5_000, 6_000, 9, quick=True, workers=2, seed=22),
    Case("c-r-f-6k-16", 6_000, 6_000, 16, workers=2, seed=23),
    Case("c-r-f-20k-8", 20_000, 18_000, 8, workers=2, seed=24),
)
CASES = {"fit": FIT, "check": CHECK, "ray": ON_RAY, "check_ray": CHECK_RAY}


def table(rows: int, columns: int, seed: int, damage: float = 0.0) -> pl.DataFrame:
    """Dependent columns of all kinds, shape (rows, columns); with ``damage`` so many cells are drawn anew, apart."""
    rng = np.random.default_rng(seed)
    group = rng.choice(6, rows, p=[0.4, 0.25, 0.15, 0.1, 0.07, 0.03])
    latent = rng.normal(size=(rows, 2)) + 0.4 * group[:, None]
    made: dict[str, Any] = {}
    for at in range(columns):
        along = latent @ np.array([np.cos(at), np.sin(at)]) + 0.6 * rng.normal(size=rows)
        lost = rng.random(rows) < damage
        along = np.where(lost, 0.3 * rng.normal(size=rows), along)
        made[f"c{at:02d}"] = _column(at % 7, along, rng)
    return pl.DataFrame(made)


def _column(kind: int, along: np.ndarray, rng: np.random.Generator) -> Any:
    if kind == 0:
        return np.exp(3 + 0.7 * along).round(2)
    if kind == 1:
        return (40 + 12 * along).astype(np.int64)
    if kind == 2:
        return np.array(["north", "south", "east", "west", "centre"])[np.digitize(along, [-1, 0, 0.7, 1.6])]
    if kind == 3:
        return rng.random(len(along)) < 1 / (1 + np.exp(-along))
    if kind == 4:
        return along + 0.2 * rng.normal(size=len(along))
    if kind == 5:
        return np.char.add("code-", np.clip(20 + 8 * along, 0, 60).astype(np.int64).astype(str))
    return rng.poisson(np.exp(0.5 + 0.4 * along.clip(-3, 3)))


def write_tables(case: Case, folder: Path) -> dict[str, Path]:
    """The tables of a case as Parquet files, by role."""
    frames = {"synthetic": table(case.rows, case.columns, 100 + case.seed, case.damage)}
    if case.real:
        frames["reference"] = table(case.real, case.columns, 200 + case.seed)
    if case.holdout:
        frames["holdout"] = table(case.holdout, case.columns, 300 + case.seed)
    paths = {role: folder / f"{role}.parquet" for role in frames}
    for role, frame in frames.items():
        frame.write_parquet(paths[role])
    return paths


def watched(command: list[str], log: Path) -> dict[str, Any]:
    """Run a command to its end: seconds of the clock, and processor seconds and highest memory of all its processes."""
    started, highest, spent = time.perf_counter(), 0, {}
    with log.open("w") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        process = psutil.Process(child.pid)
        while child.poll() is None:
            with suppress(psutil.Error):
                highest = max(highest, memory_of(process))
                for member in [process, *process.children(recursive=True)]:
                    with suppress(psutil.Error):
                        times = member.cpu_times()
                        # What a process leaves undone in its last half second is lost.
                        spent[member.pid, member.create_time()] = times.user + times.system
            time.sleep(0.5)
    if child.returncode not in (0, 1, 3):
        raise SystemExit(log.read_text()[-4000:])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "processor": sum(spent.values()), "peak_mb": highest / 1e6}


def run_on_ray(case: Case, out: Path) -> None:
    """One validation by the command on Ray; writes what it took."""
    speed = asdict(measure_speed(training=not case.quick))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(case, Path(folder))
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "synthos", "validate", str(paths["synthetic"]), "--reference"]
        command += [str(paths["reference"]), "--no-cache", "--workers", str(case.workers), "--json", str(answer)]
        taken = watched([*command, *(["--quick"] if case.quick else [])], Path(folder) / "log")
        timings = json.loads(answer.read_text())["timings"]
    record = {"case": asdict(case), "speed": [speed], "timings": timings} | taken
    (out / f"{case.name}.json").write_text(json.dumps(record))


def time_start(out: Path) -> None:
    """Start Ray on two processors and end it again; adds the seconds that it took to those in ``start.json``."""
    from pipelines.runtime import running

    with running(cpus=2) as runtime:
        runtime.ray()
    path = out / "start.json"
    seen = json.loads(path.read_text()) if path.exists() else []
    path.write_text(json.dumps([*seen, runtime.seconds_to_start]))


def run(case: Case, out: Path) -> None:
    """One validation in this process; writes what it took."""
    training = not case.quick and bool(case.real)
    before = measure_speed(training=training)
    from synthos.flow import validate

    log: list[tuple[str, str, int, int, float]] = []

    def heard(event: Event) -> None:
        log.append((event.stage, event.message, event.done, event.total, time.process_time()))

    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(case, Path(folder))
        started, spent = time.perf_counter(), time.process_time()
        result = validate(
            *(str(paths[role]) if role in paths else None for role in ("synthetic", "reference", "holdout")),
            quick=case.quick,
            cache=False,
            on_progress=heard,
        )
        wall, processor = time.perf_counter() - started, time.process_time() - spent
    answer = result.to_dict()
    record = {
        "case": asdict(case),
        "speed": [asdict(before), asdict(measure_speed(training=training))],
        "wall": wall,
        "processor": processor,
        "began": spent,
        "events": [[*item[:4], item[4] - spent] for item in log],
        "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "base_kb": base,
        "document": {
            key: answer[key] for key in ("timings", "settings", "cascade", "tried", "recommendations", "regions")
        },
        "profiles": {
            role: [item["rows"], len(item["columns"]), item.get("bytes")] for role, item in answer["profiles"].items()
        },
    }
    (out / f"{case.name}.json").write_text(json.dumps(record))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", choices=[*CASES, "start"], default="fit")
    parser.add_argument("--out", type=Path, default=Path("out/costs"))
    parser.add_argument("--only", help="one case, in this process")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.cases == "start":
        time_start(arguments.out)
        return
    for case in CASES[arguments.cases]:
        if arguments.only == case.name:
            (run_on_ray if case.workers else run)(case, arguments.out)
        elif not arguments.only and not (arguments.out / f"{case.name}.json").exists():
            command = [sys.executable, "-m", "benchmarks.cost_runs", "--cases", arguments.cases]
            command += ["--out", str(arguments.out), "--only", case.name]
            started = time.perf_counter()
            done = subprocess.run(command, env=os.environ | ONE_THREAD, check=False)
            print(
                f"{case.name:14s} ended with {done.returncode} after {time.perf_counter() - started:.1f} s", flush=True
            )


if __name__ == "__main__":
    main()
