"""Which dimension sees which damage, and from what size on: measured, and written as docs/dimensions.md.

    python -m benchmarks.dimension_matrix [--tables rand mixed] [--damages ...] [--sizes ...] [--seeds 3]
        [--out out/dimension_matrix.jsonl] [--write docs/dimensions.md]

Every damage of ``benchmarks.dimension_damages`` is put into fresh real rows, at every size and with every seed on other
rows, and compared with other real rows on all dimensions but scale robustness, which needs the cascade. Runs that the
out file holds are not run again. ``--write`` writes the document and its picture from what the out file holds.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dimension_damages import DAMAGES, Damage, Fresh
from benchmarks.fresh_samples import answers
from benchmarks.fresh_tables import parts
from benchmarks.truth import append, read_log
from synthos.sampling.assemble import evidence_from_frames

SIZES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
#: Table -> (rows of frame and reference, of spare, column that no rule binds, column that others decide).
SUBJECTS: dict[str, tuple[int, int, str | None, str | None]] = {
    "rand": (4_000, 8_000, "chronic_conditions", "individual_deductible"),
    "births": (2_000, 4_000, "year", "change"),
    "mixed": (4_000, 8_000, "age", "region"),
    "co2": (1_000, 0, None, None),
    "ordered": (4_000, 0, "noise", None),
    "dated": (4_000, 0, "reading", None),
}
IN_TIME = ("co2", "ordered", "dated")
Row = dict[str, Any]


def fits(damage: Damage, table: str) -> bool:
    """Whether the damage makes sense on the table."""
    placed = damage.in_time if table in IN_TIME else damage.exchangeable
    _, _, margin, rule = SUBJECTS[table]
    known = table not in damage.not_on
    return (
        known and placed and not (damage.needs_margin and margin is None) and not (damage.needs_rule and rule is None)
    )


def fresh(table: str, seed: int) -> Fresh:
    """Disjoint fresh samples of the table, the same for the same arguments."""
    rows, spare, margin, rule = SUBJECTS[table]
    rng = np.random.default_rng([zlib.crc32(table.encode()), seed])
    frame, reference, rest = parts(table, (rows, rows, spare or 1), rng)
    return Fresh(frame, reference, rest, margin, rule)


def run(tables: Sequence[str], damages: Sequence[str], sizes: Sequence[float], seeds: int, out: Path) -> None:
    """Append the answers of every case that ``out`` does not hold yet; size 0 is the fresh sample itself."""
    done = {(row["table"], row["damage"], row["size"], row["seed"]) for row in read_log(out)}
    for case in _cases(tables, damages, sizes, seeds):
        if case in done:
            continue
        table, damage, size, seed = case
        rows = fresh(table, seed)
        rng = np.random.default_rng([zlib.crc32(damage.encode()), seed, round(1e4 * size)])
        made = DAMAGES[damage].make(rows, size, rng) if size else rows.frame
        found = answers(evidence_from_frames(made, rows.reference))
        append(out, {"table": table, "damage": damage, "size": size, "seed": seed, **found})


def _cases(
    tables: Sequence[str], damages: Sequence[str], sizes: Sequence[float], seeds: int
) -> Iterator[tuple[str, str, float, int]]:
    for seed in range(seeds):
        for table in tables:
            yield table, "none", 0.0, seed
            for damage in damages:
                if fits(DAMAGES[damage], table):
                    yield from ((table, damage, size, seed) for size in sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure which dimension sees which damage.")
    parser.add_argument("--tables", nargs="+", default=list(SUBJECTS))
    parser.add_argument("--damages", nargs="+", default=list(DAMAGES))
    parser.add_argument("--sizes", nargs="+", type=float, default=list(SIZES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out/dimension_matrix.jsonl"))
    parser.add_argument("--write", type=Path, help="document to write from what the out file holds")
    options = parser.parse_args()
    run(options.tables, options.damages, options.sizes, options.seeds, options.out)
    if options.write:
        from benchmarks.matrix_document import write

        write(list(read_log(options.out)), options.write)


if __name__ == "__main__":
    main()
