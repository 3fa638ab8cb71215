"""What the second validation of a table costs once a repair has mended it.

    python -m benchmarks.again [--rows 1e7] [--columns 10] [--work DIR] [--out out/benchmarks]

A table made from a seed, of which a fifth of the rows in one run have their numbers stretched, is judged beside another
table of the same size (``--quick``), mended by ``synthos repair``, and judged again twice: with what was kept of the
first time, and with nothing kept. Both must give the same verdict. Said are the rows left as they were, and seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow.parquet as pq

from benchmarks.scale_tables import GROUP, make

#: Where the damaged rows begin and end, as shares of the table.
FIRST, LAST = 0.31, 0.51
STRETCH = 1.8


def damage(table: Path, rows: int, out: Path) -> Path:
    """The table as one file, with the numbers of its damaged rows stretched."""
    first, last = int(rows * FIRST), int(rows * LAST)
    seen, writer = 0, None
    for batch in pl.scan_parquet(table / "*.parquet").collect_batches(chunk_size=GROUP, maintain_order=True):
        place = pl.int_range(seen, seen + batch.height)
        mended = batch.with_columns(
            pl.when(place.is_between(first, last, closed="left")).then(cs.float() * STRETCH).otherwise(cs.float())
        ).to_arrow(compat_level=pl.CompatLevel.oldest())
        seen += batch.height
        writer = writer or pq.ParquetWriter(out, mended.schema, compression="zstd")
        writer.write_table(mended)
    if writer is not None:
        writer.close()
    return out


def timed(*arguments: str | Path) -> float:
    """Seconds of one command of Synthos."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "synthos", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr)
    return time.perf_counter() - began


def measure(folder: Path, table: Path, real: Path) -> dict[str, Any]:
    """The three validations and the repair of ``table``."""
    fixed, cache = folder / "fixed.parquet", folder / "cache"
    beside = ["--reference", real, "--quick"]
    found: dict[str, Any] = {}
    found["first"] = timed("validate", table, *beside, "--cache", cache, "--json", folder / "first.json")
    known = json.loads((folder / "first.json").read_text())["recommendations"]
    chosen = [name for item in known if item["kind"] == "remove_rows" for name in ("--only", item["id"])]
    repair = ["repair", table, "--from", folder / "first.json", *chosen, "--out", fixed, "--cache", cache]
    found["repair"] = timed(*repair)
    answers = {}
    for name, kept in (("again", ["--cache", cache]), ("anew", ["--no-cache"])):
        found[name] = timed("validate", fixed, *beside, *kept, "--json", folder / f"{name}.json")
        answers[name] = json.loads((folder / f"{name}.json").read_text())
        found[f"{name}_scan"] = answers[name].pop("timings")["scan"]
    if answers["again"] != answers["anew"]:
        raise SystemExit("the two verdicts differ")
    return {name: round(seconds, 2) for name, seconds in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--work", type=Path, default=Path("out/scale"))
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"))
    asked = parser.parse_args()
    rows = int(asked.rows)
    made, real = (make(asked.work, rows, asked.columns, "parquet", seed) for seed in (1, 2))
    with TemporaryDirectory(dir=asked.work) as folder:
        found = measure(Path(folder), damage(made, rows, Path(folder) / "damaged.parquet"), real)
    print(f"judged in {found['first']:.1f} s, mended in {found['repair']:.1f} s")
    print(f"judged again in {found['again']:.1f} s, of which the scan {found['again_scan']:.1f} s")
    print(f"with nothing kept in {found['anew']:.1f} s, of which the scan {found['anew_scan']:.1f} s; the same verdict")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "again.json").write_text(json.dumps({"rows": rows, "columns": asked.columns} | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
