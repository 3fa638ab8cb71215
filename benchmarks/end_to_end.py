"""The whole command, from the shell: seconds, and memory of all its processes.

    python -m benchmarks.end_to_end [--rows 20000] [--out out/benchmarks]

Two tables of ``--rows`` x 10 mixed columns are generated; ``synthos validate`` runs on them in full and with
``--quick``, on Ray and in one process, each in a new process group with an empty cache. Memory is the proportional
set size (shared pages are counted once) summed over the command and its descendants, at its highest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

#: Seconds between two looks at the memory.
PAUSE = 0.25


def mixed_table(rows: int, seed: int) -> pl.DataFrame:
    """Ten dependent columns, shape (rows, 10): numbers, integers, categories, a flag."""
    rng = np.random.default_rng(seed)
    group = rng.choice(6, rows, p=[0.4, 0.25, 0.15, 0.1, 0.07, 0.03])
    age = np.clip(rng.normal(38 + 3 * group, 12), 18, 90)
    income = np.exp(rng.normal(10 + 0.15 * group + 0.01 * age, 0.5))
    spend = income * rng.beta(2, 5, rows)
    return pl.DataFrame(
        {
            "age": age.astype(np.int64),
            "income": income.round(2),
            "spend": spend.round(2),
            "debt": np.where(rng.random(rows) < 0.6, 0.0, rng.gamma(2.0, 0.2 * income)).round(2),
            "visits": rng.poisson(1.0 + 0.05 * age),
            "region": np.array(["north", "south", "east", "west", "centre", "isles"])[group],
            "plan": np.array(["basic", "plus", "pro"])[np.digitize(income, [20_000, 60_000])],
            "channel": rng.choice(["web", "phone", "shop", "agent"], rows, p=[0.6, 0.2, 0.15, 0.05]),
            "active": rng.random(rows) < 1 / (1 + np.exp(-(age - 40) / 10)),
            "score": rng.normal(0.3 * np.log(income), 1.0),
        }
    )


def memory_of(process: psutil.Process) -> int:
    """Bytes of proportional set size of the process and all its descendants; those that ended meanwhile count 0."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return total


def measure(command: list[str]) -> dict[str, Any]:
    """Run the command to its end; its exit code, seconds and highest memory in MB."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        watched, highest = psutil.Process(child.pid), 0
        while child.poll() is None:
            try:
                highest = max(highest, memory_of(watched))
            except psutil.NoSuchProcess:
                break
            time.sleep(PAUSE)
        code = child.wait()
        log.seek(0)
        text = log.read()
    if code not in (0, 1, 3):
        raise SystemExit(f"{' '.join(command)} ended with {code}:\n{text[-4000:]}")
    return {"exit_code": code, "seconds": round(time.perf_counter() - started, 2), "peak_mb": round(highest / 1e6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"))
    parser.add_argument("--only", choices=("full", "quick"), help="leave the other out")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"rows": arguments.rows}
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in (("reference", 1), ("synthetic", 2)):
            mixed_table(arguments.rows, seed).write_parquet(Path(folder) / f"{name}.parquet")
        base = [sys.executable, "-m", "synthos", "validate", f"{folder}/synthetic.parquet"]
        base += ["--reference", f"{folder}/reference.parquet", "--no-cache"]
        cases = {
            "quick, ray": ["--quick"],
            "quick, local": ["--quick", "--engine", "local"],
            "full, ray": [],
            "full, local": ["--engine", "local"],
        }
        for name, extra in cases.items():
            if arguments.only and not name.startswith(arguments.only):
                continue
            timings = f"{folder}/timings.json"
            results[name] = measure([*base, *extra, "--json", timings])
            results[name]["stages"] = json.loads(Path(timings).read_text())["timings"]
            print(f"{name:14s} {results[name]}", flush=True)
    (arguments.out / "end_to_end.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
