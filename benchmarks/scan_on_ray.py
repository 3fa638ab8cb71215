"""The scan as plain Ray tasks against the same scan under Ray Data, in one run.

    python -m benchmarks.scan_on_ray [--rows 4000000] [--out out/benchmarks]

Both read the same shards of one Parquet file with the same function and merge the same states; what differs is who
hands the shards out. The first round of each starts its workers; the second is what a warm cluster would see.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pickle
import tempfile
import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.end_to_end import mixed_table
from pipelines import scan as scan_stage
from pipelines.runtime import Runtime, running
from synthos.profiling.scan import merge, scan_unit
from synthos.progress import silent
from synthos.stages import Job, prepare


def by_tasks(runtime: Runtime, job: Job) -> int:
    """Rows of the table, after the pipeline's own scan."""
    return scan_stage.scan(runtime, job, "synthetic", None, silent).scan.rows


def by_ray_data(runtime: Runtime, job: Job) -> int:
    """Rows of the table, after a scan that Ray Data hands out, a unit a row."""
    ray = runtime.ray()
    data = importlib.import_module("ray.data")
    data.DataContext.get_current().enable_progress_bars = False
    source, plan = ray.put(job.sources["synthetic"]), ray.put(job.plan("synthetic"))
    units = job.sources["synthetic"].units()

    def partial(row: dict[str, Any]) -> dict[str, Any]:
        # As bytes, because Arrow would otherwise pickle the state field by field.
        return {"state": pickle.dumps(scan_unit(ray.get(source), units[int(row["item"])], ray.get(plan)))}

    items = data.from_items(list(range(len(units))), override_num_blocks=len(units))
    states = [pickle.loads(row["state"]) for row in items.map(partial).iter_rows()]
    return reduce(merge, states).rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    ways: dict[str, Callable[[Runtime, Job], int]] = {"tasks": by_tasks, "Ray Data": by_ray_data}
    results: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder, running() as runtime:
        path = Path(folder) / "table.parquet"
        mixed_table(arguments.rows, seed=1).write_parquet(path, row_group_size=250_000)
        job = prepare(path, quick=True)
        runtime.ray()
        for _ in range(2):
            for name, run in ways.items():
                started = time.perf_counter()
                if run(runtime, job) != arguments.rows:
                    raise SystemExit(f"{name} lost rows")
                results[name].append(round(time.perf_counter() - started, 2))
                print(f"{name:10s} {results[name][-1]:6.2f} s", flush=True)
    ratio = round(results["Ray Data"][1] / results["tasks"][1], 2)
    print(f"Ray Data / tasks, warm: {ratio}")
    (arguments.out / "scan_on_ray.json").write_text(json.dumps({"rows": arguments.rows, **results, "ratio": ratio}))


if __name__ == "__main__":
    main()
