"""How time and memory grow with rows, columns, formats and workers, from the shell.

    python -m benchmarks.scale [--rows 1e6 1e7] [--columns 10] [--formats parquet csv] [--workers 2] [--full]
                               [--bare] [--work DIR] [--log out/benchmarks/scale.jsonl]
    python -m benchmarks.scale --draw PICTURE.png [--log …]

Each table is made from a seed under ``--work`` (and stays there) and judged by ``synthos validate --no-cache`` in a
process of its own: quick and alone, or with ``--full`` beside another table of the same size, with all models. Said
are the seconds of the whole command and of its stages, and the highest memory of all of its processes (proportional
set size, so that shared pages count once). ``--bare`` has polars' streaming engine read the same table before, with as
many threads as there are workers: means, deviations, nulls, distinct values about, and a histogram a column. One line
of JSON a case goes to ``--log``, and cases that are there are not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.end_to_end import measure
from benchmarks.scale_tables import FORMATS, make
from benchmarks.truth import Row, append, read_log

#: What makes a case another one.
CASE = ("mode", "format", "rows", "columns", "workers")


def cases(asked: argparse.Namespace) -> Iterator[Row]:
    """What is asked for, small tables first."""
    mode = "full" if asked.full else "quick"
    for rows, columns, form, workers in product(asked.rows, asked.columns, asked.formats, asked.workers):
        yield dict(zip(CASE, (mode, form, int(rows), columns, workers), strict=True))


def judge(case: Row, work: Path, *, bare: bool) -> Row:
    """One case: its figures."""
    shape = (case["rows"], case["columns"], case["format"])
    tables = [make(work, *shape, seed=seed) for seed in ((1, 2) if case["mode"] == "full" else (1,))]
    found: Row = {"bytes": sum(path.stat().st_size for path in tables[0].iterdir())}
    if bare:
        found["bare"] = read_bare(tables[0], case["workers"] or os.cpu_count() or 1)
    with TemporaryDirectory() as folder:
        said = Path(folder) / "verdict.json"
        command = [sys.executable, "-m", "synthos", "validate", str(tables[0]), "--no-cache"]
        command += ["--workers", str(case["workers"])] if case["workers"] else []
        command += ["--reference", str(tables[1])] if case["mode"] == "full" else ["--quick"]
        found |= measure([*command, "--json", str(said)])
        found["stages"] = json.loads(said.read_text(encoding="utf-8"))["timings"]
    return case | found


def read_bare(table: Path, threads: int) -> dict[str, float]:
    """The bare scan of ``benchmarks.scan`` in a process of its own: its seconds and its memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scan", "--mode", "bare", "--path", str(table)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def told(case: Row) -> str:
    """A line about a case."""
    workers = f"{case['workers']} workers" if case["workers"] else "by default"
    name = f"{case['mode']:6s}{case['format']:8s}{case['rows']:>14,} x {case['columns']:<5d}{workers}"
    scan = case["stages"]["read"] + case["stages"]["scan"]
    line = f"{name}{case['seconds']:9.1f} s ({scan:.1f} s to read) {case['peak_mb']:6d} MB"
    if "bare" in case:
        bare = case["bare"]["seconds"]
        line += f"   bare {bare:.1f} s: {case['seconds'] / bare:.2f} (reading {scan / bare:.2f}) times that"
    return line


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 1e7])
    parser.add_argument("--columns", type=int, nargs="+", default=[10])
    parser.add_argument("--formats", choices=FORMATS, nargs="+", default=["parquet"])
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[0], help="of a private Ray; 0 leaves it to the command"
    )
    parser.add_argument("--full", action="store_true", help="with a reference and all models")
    parser.add_argument("--bare", action="store_true", help="have polars alone read the table first")
    parser.add_argument("--work", type=Path, default=Path("out/scale"), help="where tables are made")
    parser.add_argument("--log", type=Path, default=Path("out/benchmarks/scale.jsonl"))
    parser.add_argument("--draw", type=Path, help="only draw what the log holds")
    asked = parser.parse_args(arguments)
    if asked.draw:
        from benchmarks import scale_picture  # matplotlib, for development only

        scale_picture.draw([*read_log(asked.log)], asked.draw)
        return
    known: dict[tuple[Any, ...], Row] = {tuple(row[name] for name in CASE): row for row in read_log(asked.log)}
    for case in cases(asked):
        row = known.get(tuple(case[name] for name in CASE))
        if row is None:
            row = judge(case, asked.work, bare=asked.bare)
            append(asked.log, row)
        print(told(row), flush=True)


if __name__ == "__main__":
    main()
