"""How much faster the scan and the models are with two workers than with one, on a Ray that is up.

    python -m benchmarks.workers TABLE [--reference TABLE] [--rounds 2] [--out out/benchmarks]

TABLE is scanned whole, and with a reference all models are trained. Each number of workers has a process of its own, in
turn, and its workers have imported what they need before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pipelines.cascade import Cascade
from pipelines.progress import follow
from pipelines.runtime import Runtime, running
from pipelines.scan import scan, scan_tables
from synthos.progress import silent
from synthos.results import NotApplicable
from synthos.stages import Job, cascade_data, gather_evidence, prepare

WORKERS = (1, 2)


def ready(runtime: Runtime, workers: int) -> None:
    """Wait until every worker has imported what scanning and training need."""
    ray = runtime.ray()

    def wake() -> None:
        from synthos.cascade import training  # noqa: F401
        from synthos.profiling import spans  # noqa: F401

        time.sleep(1.0)  # so that no worker answers for another

    ray.get([ray.remote(num_cpus=1)(wake).remote() for _ in range(workers)])


def seconds_of(job: Job, workers: int) -> dict[str, float]:
    """Seconds of the scan of the synthetic table, and of the cascade where there is a reference."""
    found = {}
    with running(cpus=workers) as runtime:
        ready(runtime, workers)
        began = time.perf_counter()
        scan(runtime, job, "synthetic", None, silent)
        found["scan"] = time.perf_counter() - began
        if "reference" in job.sources:
            data = cascade_data(gather_evidence(job, scan_tables(runtime, job, None, silent)))
            if isinstance(data, NotApplicable):
                raise SystemExit(data.reason)
            began = time.perf_counter()
            cascade = Cascade(runtime.ray(), data, job.config, None, silent)
            follow(runtime, cascade.start())
            cascade.result()
            found["cascade"] = time.perf_counter() - began
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", type=int, help="measure this number of workers once, in this process")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"))
    asked = parser.parse_args()
    if asked.only:
        job = prepare(asked.table, asked.reference, quick=asked.reference is None)
        print(json.dumps(seconds_of(job, asked.only)))
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.workers", str(asked.table)]
    command += ["--reference", str(asked.reference)] if asked.reference else []
    taken: dict[str, dict[int, list[float]]] = {}
    for _ in range(asked.rounds):
        for workers in WORKERS:
            done = subprocess.run([*command, "--only", str(workers)], check=True, capture_output=True, text=True)
            for stage, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                taken.setdefault(stage, {count: [] for count in WORKERS})[workers].append(round(seconds, 2))
    one, more = WORKERS
    for stage, seconds in taken.items():
        ratio = statistics.median(seconds[one]) / statistics.median(seconds[more])
        print(f"{stage:8s} {seconds}  {ratio:.2f} times as fast")
    (asked.out / "workers.json").write_text(json.dumps(taken, indent=1) + "\n")


if __name__ == "__main__":
    main()
