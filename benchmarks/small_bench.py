"""A bench of synthetic tables with measured harm, made from real tables that packages bring along: no download.

    python -m benchmarks.small_bench --out DIR [--tables rand co2] [--keys real cart_g4] [--rows 2000]

Each real table (``benchmarks.real_tables``) becomes a folder with ``reference.parquet``, ``holdout.parquet``, one
``KEY.parquet`` a case and ``truth.json``, as ``benchmarks.collapse_bench`` reads them. Reference, healthy and holdout
rows are disjoint and drawn at random, at most ``--rows`` each; reference and healthy are at most a third of the table.
Rows keep their order where the table has one. The cases, all of as many rows as the reference:

================  ====================================================================================================
real              other real rows
bootstrap         the reference drawn with replacement
leak20            real rows, a fifth of them from the reference
cart_gN           a CART synthesiser, refitted on its own output up to generation N
copula_gN         a Gaussian copula, likewise
narrow_gN         a CART synthesiser that prefers the usual, likewise
X_mix25, X_mix75  a quarter, or three quarters, of the first generation of X among real rows
ISSUE_10 …_60     the real case with one run of rows damaged (``benchmarks.damages``); ``planted`` is the run
================  ====================================================================================================

``utility_loss`` is measured by ``benchmarks.harm``. Every case has a seed of its own from (seed, table, key), so that
two runs write the same bytes, whichever tables and keys they were asked for.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import generators
from benchmarks.damages import DAMAGES
from benchmarks.harm import Forest, HarmMeter
from benchmarks.real_tables import REAL_TABLES, RealTable
from benchmarks.region_tables import Base

SEED = 1_973
ROWS = 8_000
LEAK = 0.2
#: Least that real rows must teach of a target column: of one that is hardly taught, few rows measure noise over noise.
TAUGHT = 0.15
#: Generations that are kept of each generator.
KEPT = {"cart": (1, 2, 4, 7, 10), "copula": (1, 3, 5), "narrow": (1, 2, 3)}
MIXED = (0.25, 0.75)
PLANTED = (0.1, 0.3, 0.6)
GENERATORS: dict[str, generators.Generator] = {
    "cart": generators.cart_generation,
    "copula": generators.copula_generation,
    "narrow": generators.narrow_generation,
}
Case = tuple[str, dict[str, Any], pl.DataFrame]


def all_keys() -> list[str]:
    """Every case of a table, in the order in which they are made."""
    keys = ["real", "bootstrap", f"leak{100 * LEAK:.0f}"]
    for name, kept in KEPT.items():
        keys += [f"{name}_g{count}" for count in kept] + [f"{name}_mix{100 * share:.0f}" for share in MIXED]
    return keys + [f"{issue}_{100 * share:.0f}" for issue in DAMAGES for share in PLANTED]


def split(name: str, real: RealTable, rows: int) -> dict[str, pl.DataFrame]:
    """Disjoint ``reference``, ``real`` and ``holdout`` rows, at most ``rows`` each; in the table's order, if any."""
    table = real.load()
    count = min(rows, table.height // 3)
    order = _rng(name, "split").permutation(table.height)
    parts = np.split(order, [count, 2 * count, 2 * count + min(rows, table.height - 2 * count)])[:3]
    return {
        part: table[np.sort(chosen) if real.time else chosen]
        for part, chosen in zip(("reference", "real", "holdout"), parts, strict=True)
    }


def cases(name: str, real: RealTable, parts: dict[str, pl.DataFrame], keys: Sequence[str]) -> Iterator[Case]:
    """(key, what is known of it, table) for each of ``keys`` of the table ``name``, in the order of ``all_keys``."""
    reference, healthy = parts["reference"], parts["real"]
    yield from _samples(name, reference, healthy, keys)
    for generator, kept in KEPT.items():
        wanted = [count for count in kept if f"{generator}_g{count}" in keys]
        mixed = [share for share in MIXED if f"{generator}_mix{100 * share:.0f}" in keys]
        if not wanted and not mixed:
            continue
        line = generators.generations(reference, GENERATORS[generator], _rng(name, generator))
        for generation, made in enumerate(islice(line, max(wanted, default=1)), 1):
            if generation == 1:
                first = made
            if generation in wanted:
                yield f"{generator}_g{generation}", {"family": generator, "generation": generation}, made
        for share in mixed:
            key = f"{generator}_mix{100 * share:.0f}"
            known = {"family": f"{generator}_mix", "synthetic_share": share}
            yield key, known, generators.mixture(healthy, first, share, _rng(name, key))
    base = Base(name, healthy, healthy.height, real.label, ("decides", real.ruling, real.ruled), real.time)
    for issue in DAMAGES:
        for share in PLANTED:
            key = f"{issue}_{100 * share:.0f}"
            if key in keys:
                table, run = _plant(issue, share, base, reference, _rng(name, key))
                yield key, {"family": f"planted_{issue}", "planted": list(run)}, table


def _plant(
    issue: str, share: float, base: Base, reference: pl.DataFrame, rng: np.random.Generator
) -> tuple[pl.DataFrame, tuple[int, int]]:
    """The sound rows of ``base`` with ``share`` of them, one run at a random place, damaged; and that run [a, b)."""
    sound = base.frame
    rows = round(share * sound.height)
    start = int(rng.integers(sound.height - rows + 1))
    damaged = DAMAGES[issue](sound[start : start + rows], base, reference, rng)
    # Noise and drift turn whole numbers into fractions, and thus the whole column.
    pieces = [sound[:start], damaged, sound[start + rows :]]
    return pl.concat(pieces, how="vertical_relaxed"), (start, start + rows)


def _samples(name: str, reference: pl.DataFrame, healthy: pl.DataFrame, keys: Sequence[str]) -> Iterator[Case]:
    leak = f"leak{100 * LEAK:.0f}"
    if "real" in keys:
        yield "real", {"family": "healthy"}, healthy
    if "bootstrap" in keys:
        yield "bootstrap", {"family": "healthy_memorised"}, generators.bootstrap(reference, _rng(name, "bootstrap"))
    if leak in keys:
        leaked = generators.mixture(healthy, reference, LEAK, _rng(name, leak))
        yield leak, {"family": "memorised", "copied_share": LEAK}, leaked


def make_bench(
    out: Path, tables: Sequence[str] = (), keys: Sequence[str] = (), *, rows: int = ROWS, forest: Forest | None = None
) -> None:
    """Write the folders of ``tables`` with the cases ``keys`` (all where none is named) under ``out``.

    ``forest`` is what measures the harm; a smaller one than usual is faster and less exact.
    """
    unknown = ({*tables} - {*REAL_TABLES}) | ({*keys} - {*all_keys()})
    if unknown:
        raise SystemExit(
            f"unknown: {', '.join(sorted(unknown))}; tables are {', '.join(REAL_TABLES)}, keys {all_keys()}"
        )
    for name in tables or REAL_TABLES:
        real, folder = REAL_TABLES[name], out / name
        folder.mkdir(parents=True, exist_ok=True)
        parts = split(name, real, rows)
        for part in ("reference", "holdout"):
            parts[part].write_parquet(folder / f"{part}.parquet")
        meter = HarmMeter(parts["reference"], parts["holdout"], forest or Forest(), taught=TAUGHT)
        truth = []
        for key, known, made in cases(name, real, parts, keys or all_keys()):
            # A generator draws rows in any order; that of a table in time order is part of what it has to give.
            ordered = made.sort(real.time, maintain_order=True) if real.time and "planted" not in known else made
            ordered.write_parquet(folder / f"{key}.parquet")
            harm = meter.measure(ordered)
            truth.append(
                {"table": name, "key": key, "family": known.pop("family")}
                | {"utility_loss": round(harm.utility_loss, 4)}
                | {"per_column": {column: round(loss, 4) for column, loss in harm.per_column.items()}}
                | {"rows": ordered.height}
                | known
            )
        (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def _rng(table: str, key: str) -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(table.encode()), zlib.crc32(key.encode())])


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a bench of synthetic tables from packaged real ones.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--tables", nargs="*", default=[], help=f"only these of {', '.join(REAL_TABLES)}")
    parser.add_argument("--keys", nargs="*", default=[], help="only these cases")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of each table, at most a third of the real one")
    parser.add_argument("--trees", type=int, default=Forest.trees, help="trees of the forests that measure the harm")
    options = parser.parse_args()
    for name in options.tables or REAL_TABLES:
        make_bench(options.out, [name], options.keys, rows=options.rows, forest=Forest(options.trees))
        truth = json.loads((options.out / name / "truth.json").read_text(encoding="utf-8"))
        print(f"{name}: {len(truth)} cases of {truth[0]['rows']} rows")
        for case in truth:
            print(f"  {case['key']:16s} {case['utility_loss']:7.3f}")


if __name__ == "__main__":
    main()
