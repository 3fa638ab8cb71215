"""Which dimension sees which damage, and from what size on: measured, and written as docs/dimensions.md.

    python -m benchmarks.dimension_matrix [--tables rand mixed] [--damages ...] [--sizes ...] [--seeds 3] [--models]
        [--out out/dimension_matrix.jsonl] [--write docs/dimensions.md]

Every damage of ``benchmarks.dimension_damages`` is put into fresh real rows, at every size and with every seed on other
rows, and compared with other real rows on all dimensions that need no models; with ``--models`` on scale robustness
alone, for which they are trained. Runs that the out file holds are not run again. ``--write`` writes the document and
its picture from what the out file holds.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dimension_damages import DAMAGES, Damage, Fresh
from benchmarks.fresh_samples import answers, answers_of_models
from benchmarks.fresh_tables import parts
from benchmarks.truth import append, read_log
from synthos.sampling.assemble import evidence_from_frames

SIZES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class Subject:
    """Rows of frame and reference, and of spare; the columns that ``Fresh`` names."""

    rows: int
    spare: int = 0
    margin: str | None = None
    rule: str | None = None
    weave: str | None = None


SUBJECTS = {
    "rand": Subject(4_000, 8_000, "chronic_conditions", "individual_deductible"),
    "births": Subject(2_000, 4_000, "year", "change"),
    "mixed": Subject(4_000, 8_000, "age", "region"),
    "woven": Subject(4_000, weave="odd"),
    "co2": Subject(1_000),
    "ordered": Subject(4_000, margin="noise"),
    "dated": Subject(4_000, margin="reading"),
}
IN_TIME = ("co2", "ordered", "dated")
Row = dict[str, Any]


def fits(damage: Damage, table: str) -> bool:
    """Whether the damage makes sense on the table."""
    subject = SUBJECTS[table]
    if damage.needs_weave or subject.weave is not None:
        return damage.needs_weave and subject.weave is not None
    placed = damage.in_time if table in IN_TIME else damage.exchangeable
    bound = (damage.needs_margin and subject.margin is None) or (damage.needs_rule and subject.rule is None)
    return table not in damage.not_on and placed and not bound


def fresh(table: str, seed: int) -> Fresh:
    """Disjoint fresh samples of the table, the same for the same arguments."""
    subject = SUBJECTS[table]
    rng = np.random.default_rng([zlib.crc32(table.encode()), seed])
    frame, reference, rest = parts(table, (subject.rows, subject.rows, subject.spare or 1), rng)
    return Fresh(frame, reference, rest, subject.margin, subject.rule, subject.weave)


def run(
    tables: Sequence[str], damages: Sequence[str], sizes: Sequence[float], seeds: int, out: Path, models: bool
) -> None:
    """Append the answers of every case that ``out`` does not hold yet, of the models or of all else; size 0 is the
    fresh sample itself."""
    done = {(row["table"], row["damage"], row["size"], row["seed"]) for row in read_log(out) if row["models"] == models}
    for case in _cases(tables, damages, sizes, seeds):
        if case in done:
            continue
        table, damage, size, seed = case
        rows = fresh(table, seed)
        rng = np.random.default_rng([zlib.crc32(damage.encode()), seed, round(1e4 * size)])
        made = DAMAGES[damage].make(rows, size, rng) if size else rows.frame
        evidence = evidence_from_frames(made, rows.reference)
        found = answers_of_models(evidence) if models else answers(evidence)
        append(out, {"table": table, "damage": damage, "size": size, "seed": seed, "models": models, **found})
        print(f"{table} {damage} {size:.1%}, seed {seed}", flush=True)


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
    parser.add_argument("--models", action="store_true", help="train the models; score what reads them, nothing else")
    parser.add_argument("--out", type=Path, default=Path("out/dimension_matrix.jsonl"))
    parser.add_argument("--write", type=Path, help="document to write from what the out file holds")
    options = parser.parse_args()
    run(options.tables, options.damages, options.sizes, options.seeds, options.out, options.models)
    if options.write:
        from benchmarks.matrix_document import write

        write(list(read_log(options.out)), options.write)


if __name__ == "__main__":
    main()
