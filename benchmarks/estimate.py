"""How near estimates come: each is made just before a validation of tables on which no cost was fitted.

    python -m benchmarks.estimate [--out out/estimates] [--only NAME ...]

The tables are those of ``cost_runs.CHECK`` (one process) and ``cost_runs.CHECK_RAY`` (the command on two processors).
Prints estimated over taken, and the share of runs within 30 %. Processor seconds are what other work on the machine
disturbs least; the clock is compared with the estimate, which is of free processors, and with that times the slowdown
that it names for the load before the run. A run whose record is in ``--out`` is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cost_runs import CHECK, CHECK_RAY, ONE_THREAD, Case, write_tables
from synthos.estimation.estimate import estimate

NEAR = 0.3


@dataclass(frozen=True, slots=True)
class Outcome:
    """Estimated over taken: processor seconds, memory, and the clock, on free processors and at the load that was met.

    ``inside`` says whether the processor seconds stayed within the interval that was stated of them.
    """

    name: str
    processor: float
    memory: float
    free: float
    loaded: float
    inside: bool
    seconds: float


def foretell(case: Case) -> dict[str, Any]:
    """The estimate of one case."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(case, Path(folder))
        given = [str(paths[role]) if role in paths else None for role in ("synthetic", "reference", "holdout")]
        where: dict[str, Any] = {"workers": case.workers} if case.workers else {"local": True}
        return estimate(*given, quick=case.quick, cache=False, **where).to_dict()


def judged(name: str, said: dict[str, Any], record: dict[str, Any]) -> Outcome:
    """One estimate beside the record of its run."""
    on_ray = "timings" in record
    took = record["timings"]["total"] if on_ray else record["wall"]
    peak = record["peak_mb"] if on_ray else record["peak_kb"] * 1024 / 1e6
    below = sum((part["processor"] - part["interval"]["low"]) ** 2 for part in said["parts"]) ** 0.5
    above = sum((part["interval"]["high"] - part["processor"]) ** 2 for part in said["parts"]) ** 0.5
    work = said["processor_seconds"]
    return Outcome(
        name=name,
        processor=work / record["processor"],
        memory=said["memory"]["total"] / peak,
        free=said["seconds"] / took,
        loaded=said["seconds"] * said["slowdown"] / took,
        inside=work - below <= record["processor"] <= work + above,
        seconds=record["processor"],
    )


def near(ratios: Sequence[float]) -> str:
    """How many ratios lie within ``NEAR`` of 1.

    >>> near([1.0, 1.2, 0.5])
    '2 of 3 within 30 %'
    """
    return f"{sum(abs(ratio - 1.0) <= NEAR for ratio in ratios)} of {len(ratios)} within {NEAR:.0%}".replace("%", " %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("out/estimates"))
    parser.add_argument("--only", nargs="*", default=(), help="names of cases")
    parser.add_argument("--foretell", help="the estimate of one case, in this process")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = []
    for cases, group in ((CHECK, "check"), (CHECK_RAY, "check_ray")):
        for case in cases:
            estimated, ran = (arguments.out / f"{case.name}.{part}" for part in ("estimate.json", "json"))
            if arguments.foretell == case.name:
                estimated.write_text(json.dumps(foretell(case)))
            if arguments.foretell or (arguments.only and case.name not in arguments.only):
                continue
            if not (estimated.exists() and ran.exists()):
                _child("benchmarks.estimate", "--out", str(arguments.out), "--foretell", case.name)
                _child("benchmarks.cost_runs", "--cases", group, "--out", str(arguments.out), "--only", case.name)
            found.append(judged(case.name, json.loads(estimated.read_text()), json.loads(ran.read_text())))
            print(_line(found[-1]), flush=True)
    if found:
        inside = sum(item.inside for item in found)
        print(f"processor seconds: {near([item.processor for item in found])}; {inside} in their interval")
        print(f"memory: {near([item.memory for item in found])}")
        between = sum(item.free <= 1.0 + NEAR and item.loaded >= 1.0 - NEAR for item in found)
        print(f"clock: {between} of {len(found)} between free processors and the load met, give or take {NEAR:.0%}")


def _line(item: Outcome) -> str:
    ratios = f"processor {item.processor:5.2f}  memory {item.memory:5.2f}  clock {item.free:.2f} to {item.loaded:.2f}"
    return f"{item.name:14s} {item.seconds:6.1f} processor seconds  {ratios}"


def _child(*arguments: str) -> None:
    """A process of its own, on one thread, so that its memory and its imports are its own."""
    subprocess.run([sys.executable, "-m", *arguments], env=os.environ | ONE_THREAD, check=True)


if __name__ == "__main__":
    main()
