"""Are the regions right? Damage planted in known rows of real and generated tables, and what is found of it.

    python -m benchmarks.regions [--tables randhie fair] [--damages mode] [--shares 5 10] [--layouts whole two clean]
        [--modes reference alone] [--repeats 1] [--bench DIR] [--out out/benchmarks/regions.jsonl]
        [--page docs/regions.md]

Only evidence and localisation run, no cascade. Every case is a line of the file, so that a broken run resumes.

Layouts: ``whole`` plants one run; ``shards`` plants one and then shuffles the rows within every thousand, so that its
ends blur; ``two`` plants two runs of different damage; ``clean`` plants nothing. The run to be found is the range of
rows that agrees best (largest Jaccard index) with the damaged ones, which without shuffling is the planted one.
A region is right if its range and the planted one have an IoU of at least 0.5; among shuffled rows, whose range may
end in the midst of a thousand, also if at least a quarter of its own rows are damaged.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks import region_report
from benchmarks.damages import DAMAGES
from benchmarks.region_tables import Base, bases, bench_bases
from benchmarks.truth import append, read_log
from synthos.localization.regions import find_regions
from synthos.sampling.assemble import evidence_from_frames

SHARES = (5, 10, 30, 60)
SHARD_ROWS = 1_000
CLEAN_SPLITS = 20
#: Pairs of damages for two regions in a table, and the shares of rows that each of the two takes.
PAIRS = (("duplicates", "noise"), ("shuffled", "tailcut"), ("mode", "label_flip"), ("drift", "copied"))
PAIR_SHARES = (5, 10, 30)


@dataclass(frozen=True, slots=True)
class Case:
    """What to plant where. ``damages`` in table order, each in ``share`` percent of the rows."""

    table: str
    layout: str
    mode: str
    damages: tuple[str, ...]
    share: int
    seed: int

    @property
    def key(self) -> str:
        return "|".join((self.table, self.layout, self.mode, "+".join(self.damages), str(self.share), str(self.seed)))


def cases(tables: Sequence[str], layouts: Sequence[str], modes: Sequence[str], repeats: int = 1) -> Iterator[Case]:
    """Every case of the benchmark."""
    for layout, mode, table in product(layouts, modes, tables):
        if layout == "clean":
            yield from (Case(table, layout, mode, (), 0, seed) for seed in range(CLEAN_SPLITS))
            continue
        kinds = PAIRS if layout == "two" else tuple((name,) for name in DAMAGES)
        shares = PAIR_SHARES if layout == "two" else SHARES
        yield from (Case(table, layout, mode, d, s, r) for d, s, r in product(kinds, shares, range(repeats)))


def planted(case: Case, base: Base) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]] | None:
    """The damaged table, its reference, and what was planted; None where the table cannot take the damage."""
    if "rule_break" in case.damages and base.rule is None:
        return None
    reference, sound = base.split(case.seed)
    if case.layout == "shards" and sound.height <= SHARD_ROWS:
        return None  # all rows would be shuffled, and no run be left
    rng = np.random.default_rng([zlib.crc32(case.key.encode()), case.seed])
    rows, length = sound.height, sound.height * case.share // 100
    free = rows - length * len(case.damages)
    starts = np.sort(rng.integers(0, free + 1, len(case.damages))) + length * np.arange(len(case.damages))
    pieces, end, owner = [], 0, np.full(rows, -1)
    truth: list[dict[str, Any]] = []
    for place, (name, start) in enumerate(zip(case.damages, starts, strict=True)):
        before = sound[start : start + length]
        after = DAMAGES[name](before, base, reference, rng)
        pieces += [sound[end:start], after]
        end = int(start) + length
        owner[start:end] = place
        touched = _touched(before, after)
        if not touched:
            return None
        truth.append({"issue": name, "columns": touched})
    table = pl.concat([*pieces, sound[end:]], how="vertical_relaxed")
    order = _shuffled_in_shards(rows, rng) if case.layout == "shards" else np.arange(rows)
    for place, item in enumerate(truth):
        item["row_range"] = best_range(owner[order] == place)
        item["rows"] = np.flatnonzero(owner[order] == place)
    return table[order], reference, truth


def _touched(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """Columns whose cells differ in at least one row in fifty; all where whole rows were replaced."""
    changed = [
        (before[c].cast(pl.String) != after[c].cast(pl.String)).mean()
        if not before[c].dtype.is_numeric()
        else (before[c].cast(pl.Float64) != after[c].cast(pl.Float64)).mean()
        for c in before.columns
    ]
    return [c for c, share in zip(before.columns, changed, strict=True) if float(share or 0.0) >= 0.02]  # type: ignore[arg-type]


def _shuffled_in_shards(rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    parts = np.split(np.arange(rows), np.arange(SHARD_ROWS, rows, SHARD_ROWS))
    return np.concatenate([rng.permutation(part) for part in parts])


def best_range(damaged: npt.NDArray[np.bool_]) -> list[int]:
    """The range of rows with the largest Jaccard index with the ``damaged`` ones; ends lie on damaged rows."""
    where = np.flatnonzero(damaged)
    if where[-1] - where[0] + 1 == len(where):
        return [int(where[0]), int(where[-1]) + 1]
    places = np.linspace(0, len(where) - 1, min(len(where), 400)).astype(np.int64)
    one, other = np.meshgrid(places, places, indexing="ij")
    inside = other - one + 1
    either = where[other] - where[one] + 1 + len(where) - inside
    best = np.unravel_index(np.where(other >= one, inside / np.maximum(either, 1), 0.0).argmax(), inside.shape)
    return [int(where[places[best[0]]]), int(where[places[best[1]]]) + 1]


def answer(case: Case, base: Base) -> dict[str, Any] | None:
    """Plant, look, and write down both."""
    made = planted(case, base)
    if made is None:
        return None
    table, reference, truth = made
    begun = time.perf_counter()
    evidence = evidence_from_frames(table, reference if case.mode == "reference" else None)
    found = find_regions(evidence)
    damaged = np.concatenate([np.zeros(0, np.int64), *(item.pop("rows") for item in truth)])
    regions = [
        {
            "row_range": list(r.row_range),
            "issue": r.issue,
            "columns": list(r.columns),
            "impact": round(r.impact, 4),
            "damaged": round(float(np.isin(np.arange(*r.row_range), damaged).mean()), 4),
        }
        for r in found
    ]
    seconds = time.perf_counter() - begun
    head = {**asdict(case), "key": case.key, "rows": table.height, "order": base.ordered}
    return {**head, "planted": truth, "regions": regions, "seconds": round(seconds, 2)}


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Answers by key; a later line counts for an earlier one."""
    return {line["key"]: line for line in read_log(path)}


def run(wanted: Iterable[Case], tables: dict[str, Base], path: Path) -> None:
    """Answer what the file does not hold yet."""
    done = read(path)
    for case in wanted:
        if case.key in done:
            continue
        line = answer(case, tables[case.table])
        if line is not None:
            append(path, line)


def main() -> None:
    parser = argparse.ArgumentParser(description="Plant damage in known rows, and see what is found of it.")
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--damages", nargs="*", default=[], choices=list(DAMAGES))
    parser.add_argument("--shares", nargs="*", default=[], type=int)
    parser.add_argument("--layouts", nargs="*", default=["whole", "shards", "two", "clean"])
    parser.add_argument("--modes", nargs="*", default=["reference", "alone"])
    parser.add_argument("--repeats", type=int, default=1, help="tables a case, each of other rows in another place")
    parser.add_argument("--bench", type=Path, help="a bench folder, whose real tables are taken instead")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks/regions.jsonl"))
    parser.add_argument("--page", type=Path, help="write the figures there as Markdown too")
    options = parser.parse_args()
    tables = bench_bases(options.bench) if options.bench else bases()
    names = options.tables or list(tables)
    wanted = [
        case
        for case in cases(names, options.layouts, options.modes, options.repeats)
        if (not options.damages or set(case.damages) <= set(options.damages))
        and (not options.shares or case.share in (0, *options.shares))
    ]
    run(wanted, tables, options.out)
    answers = read(options.out)
    page = region_report.page([answers[case.key] for case in wanted if case.key in answers])
    print(page)
    if options.page:
        options.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
