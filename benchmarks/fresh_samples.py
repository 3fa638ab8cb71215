"""What fresh real samples score: shares of splits at 97 or more, by size and dimension.

    python -m benchmarks.fresh_samples [--tables rand mixed ...] [--sizes 500 2000] [--splits 40] [--bench DIR]
        [--models] [--out out/fresh_samples.jsonl] [--write docs/fresh.md]

Every split compares one fresh sample of a table (``benchmarks.fresh_tables``) with another as its reference; with
``--bench`` also splits of the pooled ``reference.parquet`` and ``real.parquet`` of every folder of a bench. A size
``500:8000`` is 500 synthetic rows against a reference of 8,000. Splits that the out file holds are not run again.

Scale robustness reads the models. ``--models`` trains them, on the first splits of those that a run without it takes,
and scores that dimension alone: the others do not change by it, and are found by the run without.
"""

from __future__ import annotations

import argparse
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.fresh_tables import GENERATED, PACKAGED, cut, in_order, parts, pooled
from benchmarks.truth import append, read_log
from synthos.cascade.run import run_cascade
from synthos.cascade.tiers import CascadeConfig
from synthos.dimensions.base import LIKE_REAL
from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.results import NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.stages import cascade_data, early_dimensions, late_dimensions

SIZES = ("500", "2000", "8000", "100000", "500:8000", "8000:500")
#: Splits of the largest sizes, where one takes seconds and chance has less to say.
FEWER, MANY_ROWS = 20, 50_000
Row = dict[str, Any]
#: Of the splits below, as many are named.
WORST = 10


def answers(evidence: Evidence, names: Sequence[str] = early_dimensions()) -> Row:
    """Score by dimension (None where it does not apply), and the score of every component that has one.

    Raises ``RuntimeError`` where a dimension failed: a benchmark must not count that as not applicable.
    """
    scores: Row = {}
    components: Row = {}
    for name in names:
        result = evaluate(name, evidence)
        if isinstance(result, Scored):
            scores[name] = round(result.score, 2)
            components[name] = {c.name: round(c.score, 2) for c in result.components if c.score is not None}
        elif isinstance(result, NotApplicable):
            scores[name] = None
        else:
            raise RuntimeError(f"{name}: {result}")
    return {"scores": scores, "components": components}


def answers_of_models(evidence: Evidence) -> Row:
    """What ``answers`` gives, of the dimensions that read the models, which are trained for it; without the loop.

    Raises ``RuntimeError`` where there are too few rows to train on.
    """
    data = cascade_data(evidence)
    if isinstance(data, NotApplicable):
        raise RuntimeError(data.reason)
    found = run_cascade(data, CascadeConfig(loop_generations=0))
    return answers(evidence.with_cascade(found), late_dimensions())


def sizes_of(size: str) -> tuple[int, int]:
    """Rows of the synthetic table and of the reference."""
    made, _, real = size.partition(":")
    return int(made), int(real or made)


def sample(name: str, size: str, split: int, bench: Path | None) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Two fresh samples, the same for the same arguments; None where the table has too few rows."""
    rng = np.random.default_rng([zlib.crc32(f"{name} {size}".encode()), split])
    wanted = sizes_of(size)
    if name in GENERATED:
        made, real = parts(name, wanted, rng)
        return made, real
    if name not in PACKAGED and bench is None:
        raise SystemExit(f"no table {name}; of a bench? Give --bench")
    whole = pooled(name) if bench is None or name in PACKAGED else bench_rows(bench / name)
    if sum(wanted) > whole.height:
        return None
    made, real = cut(whole, wanted, rng, ordered=in_order(name))
    return made, real


def bench_rows(folder: Path) -> pl.DataFrame:
    """The real rows of one table of a bench that are no holdout."""
    return pl.concat([pl.read_parquet(folder / f"{part}.parquet") for part in ("reference", "real")])


def run(tables: Sequence[str], sizes: Sequence[str], splits: int, bench: Path | None, out: Path, models: bool) -> None:
    """Append the answers of every split that ``out`` does not hold yet, of the models or of all else."""
    done = {(row["table"], row["size"], row["split"]) for row in read_log(out) if row["models"] == models}
    for name in tables:
        for size in sizes:
            count = min(splits, FEWER) if max(sizes_of(size)) >= MANY_ROWS else splits
            for split in range(count):
                if (name, size, split) in done:
                    continue
                pair = sample(name, size, split, bench)
                if pair is None:
                    break
                evidence = evidence_from_frames(*pair)
                found = answers_of_models(evidence) if models else answers(evidence)
                append(out, {"table": name, "size": size, "split": split, "models": models, **found})
                print(f"{name} {_rows(size)} rows, split {split}", flush=True)


def shares(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, tuple[int, int]]]:
    """By (table, size), and ("all", size): of each dimension the splits at ``LIKE_REAL`` or more, and those scored."""
    counts: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for row in rows:
        for name, score in row["scores"].items():
            for key in ((row["table"], row["size"]), ("all", row["size"])):
                if score is not None:
                    counts[key][name][0] += score >= LIKE_REAL
                    counts[key][name][1] += 1
    return {key: {name: (high, of) for name, (high, of) in found.items()} for key, found in counts.items()}


def report(rows: Sequence[Row]) -> str:
    """A Markdown table of ``splits at 97 or more / splits with a score``, a line a table and size, all tables last."""
    lines = [f"| table | rows | {' | '.join(name.replace('_', ' ') for name in DIMENSIONS)} |"]
    lines.append("|---" * (2 + len(DIMENSIONS)) + "|")
    ordered = sorted(shares(rows).items(), key=lambda item: (item[0][0] == "all", item[0][0], sizes_of(item[0][1])))
    for (table, size), found in ordered:
        cells = [f"{found[name][0]}/{found[name][1]}" if name in found else "–" for name in DIMENSIONS]
        lines.append(f"| {table} | {_rows(size)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def document(rows: Sequence[Row]) -> str:
    """The page about fresh real samples."""
    found = shares(rows)
    least = [
        f"- {_rows(size)} rows: {min(high / of for high, of in by_name.values()):.1%} in the dimension with the fewest"
        for (table, size), by_name in sorted(found.items(), key=lambda item: sizes_of(item[0][1]))
        if table == "all"
    ]
    low = sorted((row for row in rows if _lowest(row)[1] < LIKE_REAL), key=lambda row: _lowest(row)[1])
    trained = sum(row["models"] for row in rows)
    worst = [
        f"- {row['table']}, {_rows(row['size'])} rows: {_lowest(row)[0].replace('_', ' ')} {_lowest(row)[1]:.0f}"
        for row in low[:WORST]
    ]
    return f"""# What fresh real rows score

Generated: `python -m benchmarks.fresh_samples --splits 20 --sizes 500 2000 8000 --write docs/fresh.md`; 100,000 rows
are `--sizes 100000 --splits 6 --tables mixed ordered`, tables of a bench `--bench DIR`; {len(rows) - trained} splits.
Every split compares one fresh sample of a table with another one as its reference: a tool that cries wolf does so here.
Counted are splits in which a dimension scores {LIKE_REAL:.0f} or more, of those in which it has a score; a dash: it
does not apply. `mixed`, `ordered` and `dated` are generated, the others are real tables (`benchmarks/fresh_tables.py`,
or of a bench). Scale robustness reads the models: `--models` trains 18 of them on each side, on the first {trained} of
the same splits.

{chr(10).join(least)}

The lowest scores of all:

{chr(10).join(worst)}

{report(rows)}
"""


def _lowest(row: Row) -> tuple[str, float]:
    scored = [(name, score) for name, score in row["scores"].items() if score is not None]
    return min(scored, key=lambda item: item[1], default=("no dimension applies", LIKE_REAL))


def _rows(size: str) -> str:
    return " : ".join(f"{int(part):,}" for part in size.split(":"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Score fresh real samples on every dimension.")
    parser.add_argument("--tables", nargs="+", default=[*PACKAGED, *GENERATED])
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), help="rows, or SYNTHETIC:REFERENCE")
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--bench", type=Path, help="folder of a bench, for tables of its names")
    parser.add_argument("--models", action="store_true", help="train the models; score what reads them, nothing else")
    parser.add_argument("--out", type=Path, default=Path("out/fresh_samples.jsonl"))
    parser.add_argument("--write", type=Path, help="Markdown file of what was found")
    options = parser.parse_args()
    run(options.tables, options.sizes, options.splits, options.bench, options.out, options.models)
    rows = list(read_log(options.out))
    print(report(rows))
    if options.write:
        options.write.write_text(document(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
