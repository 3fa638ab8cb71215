"""Fits what each part of a validation costs, from the runs of ``benchmarks.cost_runs``.

    for cases in fit ray start; do python -m benchmarks.cost_runs --cases $cases --out out/costs; done
    python -m benchmarks.fit_costs --runs out/costs --write synthos/estimation/costs.json

Least squares of relative errors with factors that are not negative (Lawson & Hanson 1974), each part by itself, in
processor seconds over those of the fixed work timed beside each run. ``spread`` is 1.96 times the root mean square of
what each run differs by from factors that were fitted without it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks.cost_events import loop_seconds, model_seconds, segments
from benchmarks.cost_runs import FIT, ON_RAY, Case, write_tables
from synthos.cascade.tiers import CascadeConfig
from synthos.estimation.costs import parse_costs
from synthos.estimation.features import (
    Features,
    Shape,
    forest_features,
    loop_features,
    model_features,
    models_of,
    shape_of,
    statistics_features,
)
from synthos.estimation.speed import Speed
from synthos.estimation.trees import tree_seconds
from synthos.estimation.work import amounts
from synthos.stages import prepare

#: The kind of fixed work that each part, or a feature of the cascade, is measured in.
SPEED = {
    "targets": "trees",
    "grown": "seconds",
    "steps": "small_step",
    "model": "small_step",
    "updated": "large_step",
    "direct": "large_step",
    "learned": "large_step",
    "coded": "large_step",
    "judged": "large_step",
    "drawn": "large_step",
}
#: No part is stated more exactly than this, whatever its runs say: they were few, and on one machine.
LEAST_SPREAD = 0.15
#: Parts of less than this many seconds are as good as nothing, and no relative error is asked of them.
LITTLE = 0.15


#: A case's shape, and the seconds of one tree of every target.
Opened = tuple[Shape, float]
Run = tuple[dict[str, Any], Opened]


@dataclass(frozen=True, slots=True)
class Sample:
    """One part of one run: features, processor seconds, and the machine's speed by kind of work."""

    part: str
    run: str
    features: Features
    seconds: float
    speed: dict[str, float]


def opened(case: Case) -> Opened:
    """The shape of a case's tables, and the seconds of a tree of each of their columns."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(case, Path(folder))
        given = (str(paths[role]) if role in paths else None for role in ("synthetic", "reference", "holdout"))
        job = prepare(*given, quick=case.quick)
        shape = shape_of(job)
        return shape, tree_seconds(job, shape)


def samples_of(record: dict[str, Any], shape: Shape, tree: float) -> list[Sample]:
    """Every part of a run."""
    case, config = Case(**record["case"]), CascadeConfig()
    speed = {"seconds": 1.0} | {
        kind: float(np.mean([item[kind] for item in record["speed"]])) for kind in record["speed"][0]
    }
    spent = segments(record)
    statistics, forests = statistics_features(shape), forest_features(shape, tree)
    tail = "" if shape.reference else "_alone"
    parts = {f"{name}{tail}": statistics for name in ("profile", "dimensions", "regions", "diversity", "verdict")}
    found = [
        Sample(part, case.name, features, spent.get(part.removesuffix("_alone"), 0.0), speed)
        for part, features in parts.items()
    ]
    if shape.reference:
        found.append(Sample("forests", case.name, forests, spent["forests"], speed))
    if not case.quick and shape.reference:
        if record["document"]["tried"] or record["document"]["recommendations"]:
            found.append(Sample("repairs", case.name, forests, spent.get("repairs", 0.0), speed))
        seconds = {(tier, size, arm): value for tier, size, arm, value in model_seconds(record)}
        for spec in models_of(shape, config):
            taken = seconds[spec.tier, spec.size_index, spec.arm]
            found.append(Sample("models", case.name, model_features(spec, shape), taken, speed))
        looped = loop_seconds(record)
        assert looped is not None
        found.append(Sample("loops", case.name, loop_features(shape, config), looped / 2, speed))
    return found


def memory_of(records: Sequence[Run]) -> dict[str, float]:
    """Megabytes of one process: before any row, for forests and density models, and for sampled values and columns."""
    names = ("base", "forests", "training", "million_cells", "thousand_columns")
    rows = [
        (1.0, float(bool(shape.reference)), float(_trains(record)), shape.cells / 1e6, shape.columns / 1e3)
        for record, (shape, _) in records
    ]
    taken = np.array([record["peak_kb"] * 1024 / 1e6 for record, _ in records])
    factors, _ = nnls(np.array(rows) / taken[:, None], np.ones(len(rows)))
    for (record, _), said, peak in zip(records, np.array(rows) @ factors, taken, strict=True):
        print(f"    {record['case']['name']:14s} {said:8.0f} for {peak:8.0f} MB")
    return dict(zip(names, map(float, factors), strict=True))


def memory_on_ray(records: Sequence[Run], alone: dict[str, float]) -> dict[str, float]:
    """Megabytes of a worker, of Ray's own processes, and what models add to a worker, beyond the driver's."""
    names = ("ray", "worker", "worker_training", "worker_million_cells")
    rows, left = [], []
    for record, (shape, _) in records:
        workers = record["case"]["workers"]
        driver = alone["base"] + alone["forests"] + alone["million_cells"] * shape.cells / 1e6
        left.append(record["peak_mb"] - driver - alone["thousand_columns"] * shape.columns / 1e3)
        rows.append((1.0, workers, workers * float(_trains(record)), workers * shape.cells / 1e6))
    factors, _ = nnls(np.array(rows) / np.array(left)[:, None], np.ones(len(rows)))
    for (record, _), said, taken in zip(records, np.array(rows) @ factors, left, strict=True):
        print(f"    {record['case']['name']:14s} {said:8.0f} for {taken:8.0f} MB beside the driver")
    return dict(zip(names, map(float, factors), strict=True))


def ray_seconds(records: Sequence[Run], document: dict[str, Any], starts: Sequence[float]) -> dict[str, float]:
    """What Ray takes beside the work: seconds of the clock until it is up, and processor seconds.

    Those of its own processes, of each worker, and of each worker that trains. The start is the fastest of ``starts``:
    other work on the machine only makes it longer.
    """
    costs = parse_costs(document | {"ray": {}})
    rows = []
    for record, (shape, tree) in records:
        case = Case(**record["case"])
        found = amounts(shape, CascadeConfig(), costs, Speed(**record["speed"][0]), tree, quick=case.quick)
        work = sum(item.seconds for part, item in found.items() if part != "repairs")
        rows.append((1.0, case.workers, case.workers * float(_trains(record)), record["processor"] - work))
        print(f"    {case.name:14s} {record['processor']:8.2f} processor seconds, of which the work {work:8.2f}")
    table = np.array(rows)
    factors, _ = nnls(table[:, :3], np.maximum(table[:, 3], 0.0))
    return {"start": min(starts), **dict(zip(("processor", "worker", "imports"), map(float, factors), strict=True))}


def _trains(record: dict[str, Any]) -> bool:
    return not record["case"]["quick"] and bool(record["case"]["real"])


def fit(samples: Sequence[Sample]) -> tuple[dict[str, float], float]:
    """Factors by feature of one part, and how far off they are, without the least that is stated."""
    names = list(samples[0].features)

    def solve(chosen: Sequence[Sample]) -> np.ndarray:
        rows = [[item.features[name] * item.speed[_kind(name)] for name in names] for item in chosen]
        weights = 1.0 / np.array([item.seconds + LITTLE for item in chosen])
        target = np.array([item.seconds for item in chosen])
        factors, _ = nnls(np.array(rows) * weights[:, None], target * weights)
        return np.asarray(factors)

    runs = sorted({item.run for item in samples})
    errors = []
    for run in runs if len(runs) > 2 else ():
        factors = solve([item for item in samples if item.run != run])
        left = [item for item in samples if item.run == run]
        said = [foretold(dict(zip(names, factors, strict=True)), item) for item in left]
        taken = sum(item.seconds for item in left)
        errors.append((sum(said) - taken) / (taken + LITTLE))
    spread = 1.96 * float(np.sqrt(np.mean(np.square(errors)))) if errors else 1.0
    return {name: float(value) for name, value in zip(names, solve(samples), strict=True) if value > 0}, spread


def foretold(factors: dict[str, float], item: Sample) -> float:
    """Seconds of a part by its factors."""
    return sum(factor * item.features[name] * item.speed[_kind(name)] for name, factor in factors.items())


def _kind(feature: str) -> str:
    return SPEED.get(feature, "arrays")


def fit_parts(records: Sequence[Run]) -> dict[str, Any]:
    """Terms and spread of every part, as they stand in the file; prints what each run comes to."""
    samples: dict[str, list[Sample]] = {}
    for record, known in records:
        for item in samples_of(record, *known):
            samples.setdefault(item.part, []).append(item)
    parts = {}
    for part, items in samples.items():
        factors, spread = fit(items)
        print(f"{part:18s} spread {spread:.2f}  { ({name: round(value, 4) for name, value in factors.items()}) }")
        for run in dict.fromkeys(item.run for item in items):
            mine = [item for item in items if item.run == run]
            said, taken = sum(foretold(factors, item) for item in mine), sum(item.seconds for item in mine)
            print(f"    {run:14s} {said:8.2f} for {taken:8.2f}")
        terms = [{"feature": name, "speed": _kind(name), "factor": value} for name, value in factors.items()]
        parts[part] = {"terms": terms, "spread": round(max(spread, LEAST_SPREAD), 3)}
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=Path, default=Path("out/costs"))
    parser.add_argument("--write", type=Path, help="the file of costs to write")
    arguments = parser.parse_args()
    here, on_ray = (_read(arguments.runs, cases) for cases in (FIT, ON_RAY))
    document: dict[str, Any] = {"made": _made([record["case"]["name"] for record, _ in (*here, *on_ray)])}
    document |= {"parts": fit_parts(here), "memory": memory_of(here)}
    if on_ray:
        document["memory"] |= memory_on_ray(on_ray, document["memory"])
        document["ray"] = ray_seconds(on_ray, document, json.loads((arguments.runs / "start.json").read_text()))
    if arguments.write:
        arguments.write.write_text(json.dumps(document, indent=1) + "\n")


def _read(folder: Path, cases: Sequence[Case]) -> list[Run]:
    """The records of those cases that were run, each with the shape of its tables."""
    paths = {case: folder / f"{case.name}.json" for case in cases}
    print("not run:", ", ".join(case.name for case, path in paths.items() if not path.exists()) or "none")
    return [(json.loads(path.read_text()), opened(case)) for case, path in paths.items() if path.exists()]


def _made(used: Sequence[str]) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "polars", "scikit-learn", "torch"))
    return f"benchmarks/fit_costs.py on {len(used)} generated runs ({', '.join(used)}), {date.today()}, {libraries}"


if __name__ == "__main__":
    main()
