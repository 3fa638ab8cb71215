"""What Synthos knows without a reference, with one, and with a holdout beside it, on tables whose damage was measured.

    python -m benchmarks.modes --bench DIR --log out/benchmarks/modes/large.jsonl [--tables census] [--keys real ...]
    python -m benchmarks.modes_document --large LOG --small LOG --memorised LOG --write docs/modes.md

A bench folder is what ``benchmarks.collapse_bench`` reads, and here its ``holdout.parquet`` is read too. Every case is
judged three times in the quick mode (forests of ten trees, no cascade): ``alone``, with the ``reference``, and with the
``holdout`` beside it. One JSON line is written for each, so that a run that was stopped goes on where it was. The
``reference`` and ``holdout`` answers share the dimensions and regions that never look at a holdout.

A bench without a ``leak20`` case gets one made: the fresh real rows, a fifth of them replaced by reference rows; its
harm is not known, and it only counts for memorisation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl

import synthos
from benchmarks.truth import Row, append, load_truth, read_log
from synthos.dimensions.memorisation import Memorisation, memorisation
from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.errors import ConfigError
from synthos.localization.regions import find_regions
from synthos.results import DimensionResult, NotApplicable, Region, Verdict
from synthos.sampling.evidence import Evidence
from synthos.stages import (
    QUICK,
    Job,
    early_dimensions,
    gather_evidence,
    late_dimensions,
    measure_late,
    prepare,
    scan_table,
)
from synthos.utility.design import targets
from synthos.utility.measure import join, measure_column
from synthos.verdict.aggregate import decide

MODES = ("alone", "reference", "holdout")
LEAKED, LEAK = "leak20", 0.2
#: Cases asked for where none is named: every family, sound ones and worn ones.
KEYS = (
    *("real", "bootstrap", LEAKED, "cart_g4", "copula_g1", "shuffled_60", "tvae_g1", "noise_30", "narrow_g3"),
    *("ctgan_g1", "cart_mix75", "mode_60", "duplicates_60", "cart_g1", "tailcut_60", "copula_mix25", "drift_60"),
)
#: The only dimension that looks at a holdout.
BESIDE = "statistical_integrity"


def cases(bench: Path, tables: Sequence[str], keys: Sequence[str]) -> list[Row]:
    """The cases of the bench among ``keys``, key by key, with what is known of each; ``leak20`` of every table."""
    known = [row for row in load_truth(bench, tables, ()) if row["key"] in keys]
    there = {(row["table"], row["key"]) for row in known}
    names = dict.fromkeys(row["table"] for row in load_truth(bench, tables, ()))
    made = [
        {"table": name, "key": LEAKED, "family": "memorised", "utility_loss": None}
        for name in names
        if LEAKED in keys and (name, LEAKED) not in there
    ]
    return sorted(known + made, key=lambda row: keys.index(row["key"]))


def synthetic_rows(folder: Path, key: str, seed: int = 20) -> pl.DataFrame:
    """The table of a case; ``leak20`` is made where the folder has none."""
    place = folder / f"{key}.parquet"
    if key != LEAKED or place.exists():
        return pl.read_parquet(place)
    fresh, reference = (pl.read_parquet(folder / f"{name}.parquet") for name in ("real", "reference"))
    count = round(LEAK * fresh.height)
    chosen = np.random.default_rng(seed).permutation(reference.height)[:count]
    return pl.concat([reference[chosen], fresh[count:]], how="vertical_relaxed")


def judge(bench: Path, known: Row, cache: Path, wanted: Sequence[str] = MODES) -> Iterator[Row]:
    """The answers of the modes ``wanted``, with what is known of the case."""
    folder = bench / known["table"]
    synthetic = synthetic_rows(folder, known["key"])
    case = {name: known[name] for name in ("table", "key", "family", "utility_loss")}
    if "alone" in wanted:
        yield case | {"mode": "alone"} | judge_alone(synthetic)
    if {"reference", "holdout"} & {*wanted}:
        for mode, answer in judge_beside(synthetic, folder, cache, wanted):
            yield case | {"mode": mode} | answer


def judge_alone(synthetic: pl.DataFrame) -> Row:
    """The product's answer without real rows; that it refuses to judge is an answer too."""
    try:
        found = synthos.validate(synthetic, quick=True, cache=False)
    except ConfigError as error:
        return {"decision": "refused", "why": str(error), "risk_score": None, "collapse_probability": None}
    return told(found.verdict, found.dimensions, found.regions, found.memorisation)


def judge_beside(
    synthetic: pl.DataFrame, folder: Path, cache: Path, wanted: Sequence[str]
) -> Iterator[tuple[str, Row]]:
    """The answers with the reference alone and with the holdout beside it, as ``flow.validate`` gives them."""
    job = prepare(synthetic, folder / "reference.parquet", folder / "holdout.parquet", quick=True)
    both = gather_evidence(job, {role: scan_table(job, role) for role in job.sources})
    one = replace(both, holdout=None)
    shared = {name: evaluate(name, one) for name in early_dimensions()}
    shared |= {name: measure_late(name, one, QUICK) for name in late_dimensions()}
    regions = find_regions(one)
    for mode, evidence in (("reference", one), ("holdout", both)):
        if mode not in wanted:
            continue
        dimensions = shared | ({BESIDE: evaluate(BESIDE, both)} if mode == "holdout" else {})
        yield mode, weigh(job, evidence, {name: dimensions[name] for name in DIMENSIONS}, regions, cache)


def weigh(
    job: Job,
    evidence: Evidence,
    dimensions: Mapping[str, DimensionResult],
    regions: tuple[Region, ...],
    cache: Path,
) -> Row:
    """Forests, copies and the verdict of one mode."""
    columns = {name: measure_column(name, job.trees, cache, evidence) for name in targets(evidence)}
    arms = {"synthetic": evidence.synthetic, "reference": evidence.reference, "holdout": evidence.holdout}
    found = memorisation(evidence)
    verdict = decide(
        dimensions,
        QUICK,
        join(columns, evidence),
        quick=True,
        has_reference=True,
        rows={role: arm.total_rows for role, arm in arms.items() if arm is not None},
        regions=regions,
        memorised=found,
    )
    return told(verdict, dimensions, regions, found)


def told(
    verdict: Verdict,
    dimensions: Mapping[str, DimensionResult],
    regions: Sequence[Region],
    found: Memorisation | NotApplicable,
) -> Row:
    """What is kept of an answer."""
    ends = verdict.probability_interval
    return {
        "decision": verdict.decision,
        "risk_score": verdict.risk_score,
        "risk_interval": [verdict.risk_interval.low, verdict.risk_interval.high],
        "risk_bound": verdict.risk_bound,
        "collapse_probability": verdict.collapse_probability,
        "probability_interval": ends and [ends.low, ends.high],
        "dimensions": {name: result.score for name, result in dimensions.items()},
        "regions": [[*region.row_range, region.issue] for region in regions],
        "open": list(verdict.open_questions),
        "memorisation": asdict(found),
    }


def run(bench: Path, log: Path, tables: Sequence[str] = (), keys: Sequence[str] = KEYS) -> None:
    """Answer what ``log`` does not hold yet, one case after the other."""
    done = {(row["table"], row["key"], row["mode"]) for row in read_log(log)}
    for known in cases(bench, tables, keys):
        wanted = [mode for mode in MODES if (known["table"], known["key"], mode) not in done]
        for row in judge(bench, known, log.parent / "cache", wanted):
            append(log, row)
            risk = "–" if row["risk_score"] is None else f"{row['risk_score']:.1f}"
            flagged = "memorised" if row.get("memorisation", {}).get("flagged") else ""
            print(
                f"{row['table']:10s}{row['key']:14s}{row['mode']:10s}{risk:>6s} {row['decision']:13s} {flagged}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge a bench alone, with its reference, and with its holdout.")
    parser.add_argument("--bench", type=Path, required=True, help="folder with one folder a table")
    parser.add_argument("--log", type=Path, required=True, help="JSON lines to go on with")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--keys", nargs="*", default=list(KEYS), help="only these cases; 'all' for every one")
    options = parser.parse_args()
    keys = options.keys
    if keys == ["all"]:
        keys = [*dict.fromkeys([*KEYS, *(row["key"] for row in load_truth(options.bench, options.tables, ()))])]
    run(options.bench, options.log, options.tables, keys)


if __name__ == "__main__":
    main()
