"""How fast and how true the cascade is: seconds, cells a second, memory, and rho on tables whose answer is known.

    python -m benchmarks.cascade                       # RAND health insurance table of statsmodels, 20,190 rows x 10
    python -m benchmarks.cascade --table chain --rows 20000 --columns 10      # generated; needs numpy and torch only
    python -m benchmarks.cascade --device cuda         # also compares bfloat16 with float32

Judges three tables made from one half of the real one: the other half (rho about 0), that half with its columns
shuffled (about 1), and samples of a light model refitted on its own output (between).
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import threading
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import torch

from synthos.cascade import device as devices
from synthos.cascade.outcomes import RunOutcome
from synthos.cascade.run import all_specs, loop_one, train_one
from synthos.cascade.summary import summarise
from synthos.cascade.tasks import CascadeData, Codes, make_tasks
from synthos.cascade.tiers import CascadeConfig, ModelSpec, pack, plan
from synthos.cascade.training import fit
from synthos.results import ModelRun


def rand_table() -> tuple[Codes, tuple[int, ...]]:
    """Codes of statsmodels' RAND table, every column a number."""
    import polars as pl
    import statsmodels.api as sm

    from synthos.tables.codec import Codec
    from synthos.tables.schema import Column, Schema

    content = sm.datasets.randhie.load_pandas().data
    frame = pl.DataFrame({name: content[name].to_numpy() for name in content.columns})
    schema = Schema(tuple(Column(name, "number", str(kind)) for name, kind in frame.schema.items()))
    codec = Codec.fit(frame, schema)
    return codec.encode(frame), codec.sizes


def chain_table(rows: int, columns: int) -> tuple[Codes, tuple[int, ...]]:
    """Each column is the mean of two earlier ones plus noise, over 24 codes."""
    rng = np.random.default_rng(1)
    table = np.empty((rows, columns))
    for j in range(columns):
        fresh = rng.normal(size=rows)
        table[:, j] = fresh if j < 2 else 0.5 * (table[:, j - 1] + table[:, (j * 7) % (j - 1)]) + 0.6 * fresh
    ranks = table.argsort(0).argsort(0)
    return (1 + ranks * 24 // rows).astype(np.uint8), (26,) * columns


def refitted(rows: Codes, sizes: tuple[int, ...], generations: int, config: CascadeConfig) -> Codes:
    """Samples of a light model refitted ``generations`` times on its own output."""
    for generation in range(generations):
        data = make_tasks(rows, rows, None, sizes, generation)
        spec = plan(config, data.rows, "reference")[5]
        rows = fit(spec, data).model.sample(len(rows), np.random.default_rng(generation))
    return rows


def train_all(specs: tuple[ModelSpec, ...], data: CascadeData, device: str) -> list[RunOutcome]:
    devices.single_thread()
    return [train_one(spec, data, None, torch.device(device)) for spec in specs]


class Utilisation:
    """Mean GPU utilisation in percent while the block runs, as ``nvidia-smi`` tells it; None where it is not there."""

    def __enter__(self) -> Utilisation:
        self.samples: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if shutil.which("nvidia-smi"):
            self._thread.start()
        return self

    def _watch(self) -> None:
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not self._over.wait(0.5):
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.returncode == 0:
                self.samples.append(float(answer.stdout.split()[0]))

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def percent(self) -> float | None:
        return float(np.mean(self.samples)) if self.samples else None


def by_tier(runs: list[ModelRun], columns: int) -> dict[str, dict[str, float]]:
    """Seconds of all models of a tier and of the largest, and cells a second of the largest."""
    groups = defaultdict(list)
    for run in runs:
        groups[run.tier].append(run)
    table = {}
    for tier, members in groups.items():
        largest = max(members, key=lambda run: run.rows)
        table[tier] = {
            "models": len(members),
            "seconds": round(sum(run.seconds for run in members), 2),
            "largest_s": round(largest.seconds, 2),
            "cells_per_s": round(largest.rows * columns * len(largest.epochs) / largest.seconds),
            "parameters": largest.parameters,
        }
    return table


def measure(name: str, data: CascadeData, config: CascadeConfig, device: str, workers: int) -> dict[str, object]:
    """Train 36 models and both loops, and sum them up."""
    specs = all_specs(config, data.rows)
    started = time.perf_counter()
    with Utilisation() as used:
        if workers == 1:
            runs = train_all(specs, data, device)
        else:
            with ProcessPoolExecutor(workers) as pool:
                jobs = [pool.submit(train_all, items, data, device) for items in pack(specs, workers)]
                runs = [outcome for job in jobs for outcome in job.result()]
    wall = time.perf_counter() - started
    loop = loop_one("synthetic", data, config, device=torch.device(device))
    control = loop_one("reference", data, config, device=torch.device(device))
    result = summarise(data, runs, config, (loop, control))
    return {
        "table": name,
        "train_rows": data.rows,
        "rho": round(result.rho, 4),
        "rho_interval": [round(result.rho_interval.low, 4), round(result.rho_interval.high, 4)],
        "n_eff": round(result.n_eff),
        "independent_bits": round(result.independent_bits, 3),
        "law_refused": result.law.refused,
        "backtest_error": result.law.backtest_error,
        "loop_slope": round(result.loop.slope, 4) if result.loop else None,
        "models_wall_s": round(wall, 1),
        "models_core_s": round(sum(item.run.seconds for item in runs), 1),
        "loops_s": round(loop.seconds + control.seconds, 1),
        "tiers": by_tier([item.run for item in runs], len(data.sizes)),
        "gpu_utilisation_percent": used.percent,
    }


def compare_precision(data: CascadeData, config: CascadeConfig, device: str) -> dict[str, object]:
    """The heavy model on all rows in bfloat16 and in float32: seconds and loss of each."""
    spec = plan(config, data.rows, "reference")[-1]
    answer: dict[str, object] = {}
    for precision in ("float32", "bfloat16"):
        run = fit(replace(spec, precision=precision), data, device=torch.device(device)).outcome.run  # type: ignore[arg-type]
        answer[precision] = {"seconds": round(run.seconds, 2), "loss_bits": round(run.loss_bits, 4)}
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=("rand", "chain"), default="rand")
    parser.add_argument("--rows", type=int, default=20_000, help="of the generated table")
    parser.add_argument("--columns", type=int, default=10, help="of the generated table")
    parser.add_argument("--cases", nargs="+", default=["real", "refit", "shuffled"])
    parser.add_argument(
        "--whole", action="store_true", help="judge the whole table against itself, for full-size timing"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="the dial")
    parser.add_argument("--device", default=None)
    parser.add_argument("--workers", type=int, default=1, help="processes, one thread each")
    options = parser.parse_args()

    devices.single_thread()
    device = str(devices.pick(options.device))
    config = CascadeConfig(scale=options.scale)
    codes, sizes = rand_table() if options.table == "rand" else chain_table(options.rows, options.columns)
    codes = codes[np.random.default_rng(0).permutation(len(codes))]
    half = len(codes) // 2
    reference, fresh = (codes, codes) if options.whole else (codes[:half], codes[half:])
    rng = np.random.default_rng(2)
    cases = {
        "real": lambda: fresh,
        "refit": lambda: refitted(reference, sizes, 3, config),
        "shuffled": lambda: np.column_stack([rng.permutation(fresh[:, j]) for j in range(fresh.shape[1])]),
    }
    for name in options.cases:
        data = make_tasks(cases[name](), reference, None, sizes, 1)
        print(json.dumps(measure(name, data, config, device, options.workers)))
    if device.startswith("cuda"):
        print(json.dumps({"precision": compare_precision(data, config, device)}))
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"peak_rss_mb": round(own / 1024), "peak_rss_of_a_worker_mb": round(children / 1024)}))


if __name__ == "__main__":
    main()
