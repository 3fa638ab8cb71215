"""Build the library of known collapses from bench tables, and say how well it tells their families apart.

    python -m benchmarks.build_signatures --bench DIR [--tables census bank] [--unseen DIR]
        [--log out/benchmarks/signatures.jsonl] [--out synthos/verdict/signatures.json]

Reads the bench's ``truth.json`` (family and measured utility loss), fingerprints every table against its reference, and
writes the figures; rows do not travel. One JSON line a fingerprint goes to ``--log``, so that a run that was stopped
goes on where it was; remove the file after a change of the fingerprint or of the regions.

A mixture of generated and real rows belongs to the family of its generator (``cart_mix`` to ``cart``): how much of a
table is generated is its dose. Fresh real rows and the reference drawn with replacement are families of their own.

Retrieval is judged leaving one table out: spreads, reach and cases come from the other tables only. ``--unseen`` names
another bench, whose tables are looked up in the whole library and never enter it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.truth import Row, append, family_of, load_truth, read_log
from synthos.localization.regions import find_regions
from synthos.sampling.assemble import evidence_from_frames
from synthos.verdict.fingerprint import MEANINGS, Fingerprint, fingerprint
from synthos.verdict.known import Library, parse_library
from synthos.verdict.signatures import distances, nearest_cases, rooted, similarity
from synthos.verdict.thresholds import default_thresholds

#: Quantile of the distances to the nearest of a case's own family on another table that ``Library.reach`` is.
REACH = 0.95
#: What is added to the spread between tables of one damage: a tenth of the whole spread, and a floor for figures that
#: are the same in all cases.
WHOLE_SPREAD, LEAST_SPREAD = 0.1, 0.01
#: Title and description of each family, by the ``family`` of the bench's truth without "_mix".
FAMILIES = {
    "healthy": ("Fresh real rows", "what a perfect generator would give"),
    "healthy_memorised": ("Memorised real rows", "the reference drawn with replacement, and nothing new"),
    "copula": ("Gaussian copula", "every column right, dependence kept only between the ranks of pairs"),
    "cart": ("Decision trees (CART)", "columns drawn one after the other from trees, refitted on their own output"),
    "narrow": ("Narrowed sampling", "drawn towards the likely values, as at a low temperature, and refitted"),
    "ctgan": ("CTGAN", "a conditional tabular GAN trained for a short time"),
    "tvae": ("TVAE", "a tabular variational auto-encoder trained for a short time"),
    "planted_duplicates": ("Block of duplicates", "a block of rows that repeats a few rows"),
    "planted_shuffled": ("Shuffled block", "a block of rows whose columns were shuffled independently"),
    "planted_mode": ("Block in one mode", "a block of rows drawn around one single mode"),
    "planted_tailcut": ("Block without tails", "a block of rows without tails and rare values"),
    "planted_noise": ("Noisy block", "a block of rows with noise added"),
    "planted_drift": ("Drifting block", "a block of rows that drifts away steadily"),
}
SHARES = {0.25: "a quarter", 0.5: "half", 0.75: "three quarters"}
Figures = Mapping[tuple[str, str], Fingerprint]


def pattern(case: Mapping[str, Any]) -> dict[str, str]:
    """Name, family and description of a case for people, with its dose."""
    family = family_of(case)
    name, description = FAMILIES[family]
    if "synthetic_share" in case:
        share = float(case["synthetic_share"])
        words = SHARES.get(share, f"{share:.0%}")
        return {
            "name": f"{name}, {words} of the rows",
            "family": family,
            "description": f"{description}; {words} of the rows, the others real",
        }
    if "generation" in case:
        name += ", first generation" if case["generation"] == 1 else f", generation {case['generation']}"
    if case.get("planted"):
        start, stop = case["planted"]
        name += f", {(stop - start) / case['rows']:.0%} of the rows"
    return {"name": name, "family": family, "description": description}


def measure(bench: Path, truth: Sequence[Row], log: Path) -> dict[tuple[str, str], Fingerprint]:
    """Fingerprints of all cases by table and key; those that ``log`` holds are taken from it."""
    done = {(row["table"], row["key"]): row["figures"] for row in read_log(log)}
    for case in truth:
        place = (case["table"], case["key"])
        if place in done:
            continue
        started = time.process_time()
        reference = pl.read_parquet(bench / case["table"] / "reference.parquet")
        evidence = evidence_from_frames(pl.read_parquet(bench / case["table"] / f"{case['key']}.parquet"), reference)
        done[place] = fingerprint(evidence, find_regions(evidence))
        seconds = round(time.process_time() - started, 2)
        append(log, {"table": case["table"], "key": case["key"], "figures": done[place], "seconds": seconds})
    return {(case["table"], case["key"]): done[case["table"], case["key"]] for case in truth}


def build(truth: Sequence[Row], figures: Figures, made: str) -> dict[str, Any]:
    """The library's JSON form.

    Raises
    ------
    SystemExit : no damage is there on two tables, so that nobody knows what differs by table and what by damage.
    """
    # Nobody knows how much a figure differs by table that only one table could show.
    shown = {
        table: {name for case in truth if case["table"] == table for name in figures[table, case["key"]]}
        for table in {case["table"] for case in truth}
    }
    names = [name for name in MEANINGS if sum(name in held for held in shown.values()) > 1]
    vectors = np.array([[figures[case["table"], case["key"]].get(name, np.nan) for name in names] for case in truth])
    values, damages = rooted(vectors), np.array([case["key"] for case in truth])
    spreads = _spreads(values, damages)
    if spreads is None:
        raise SystemExit("no damage was measured on two tables, so that the spreads are unknown; give more tables")
    document: dict[str, Any] = {
        "made": made,
        "reach": 1.0,
        "figures": names,
        "spreads": [round(float(spread), 4) for spread in spreads],
        "patterns": {case["key"]: pattern(case) for case in truth},
        "cases": [
            {
                "pattern": case["key"],
                "table": case["table"],
                "harm": case["utility_loss"],
                "values": [None if np.isnan(value) else round(float(value), 4) for value in vector],
            }
            for case, vector in zip(truth, vectors, strict=True)
        ],
    }
    document["reach"] = round(_reach(parse_library(document)), 4)
    return document


def _spreads(values: np.ndarray, damages: np.ndarray) -> np.ndarray | None:
    """How much each rooted figure differs between tables of one damage, shape (figures,)."""
    groups = [values[damages == damage] for damage in dict.fromkeys(damages.tolist())]
    squares, freedom = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for group in groups:
        known = np.isfinite(group).sum(axis=0)
        centre = np.nansum(group, axis=0) / np.maximum(known, 1)
        squares += np.nansum((group - centre) ** 2, axis=0)
        freedom += np.maximum(known - 1, 0)
    if not freedom.any():
        return None
    centre = np.nansum(values, axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1)
    whole = np.sqrt(np.nansum((values - centre) ** 2, axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1))
    return np.asarray(np.sqrt(squares / np.maximum(freedom, 1)) + WHOLE_SPREAD * whole + LEAST_SPREAD)


def _reach(library: Library) -> float:
    nearest = []
    for case in library.cases:
        others = [o for o in library.cases if o.family == case.family and o.source != case.source]
        if others:
            nearest.append(float(np.nanmin(distances(case.figures, others, library.spreads))))
    return float(np.quantile(nearest, REACH))


def look_up(truth: Sequence[Row], figures: Figures, library: Library) -> list[dict[str, Any]]:
    """For each case: the family and key found first, how alike it is, the middle harm of the nearest of that family,
    and how alike the nearest of another family is."""
    found: list[dict[str, Any]] = []
    for case in truth:
        apart = distances(figures[case["table"], case["key"]], library.cases, library.spreads)
        families = nearest_cases(apart, library.cases)
        if not families:
            found.append({"case": case, "family": None, "name": None, "alike": 0.0, "harm": None, "other": 0.0})
            continue
        family, members = next(iter(families.items()))
        strangers = [apart[places[0]] for other, places in families.items() if other != family_of(case)]
        found.append(
            {
                "case": case,
                "family": family,
                "name": library.cases[members[0]].name,
                "alike": similarity(float(apart[members[0]]), library.reach),
                "harm": float(np.median([library.cases[index].harm for index in members])),
                "other": similarity(float(strangers[0]), library.reach) if strangers else 0.0,
            }
        )
    return found


def leave_tables_out(truth: Sequence[Row], figures: Figures) -> list[dict[str, Any]]:
    """``look_up`` of every case in a library made of the other tables."""
    found = []
    for table in dict.fromkeys(case["table"] for case in truth):
        rest = [case for case in truth if case["table"] != table]
        library = parse_library(build(rest, figures, "the other tables"))
        found += look_up([case for case in truth if case["table"] == table], figures, library)
    return found


def show(title: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Right families, what is taken for what, what a left-out family is taken for, and the harm of the nearest.

    Cases of a family that the library does not hold should not be named at all; they are counted apart.
    """
    floor = default_thresholds().least_similarity
    strange = [answer for answer in found if family_of(answer["case"]) not in FAMILIES]
    if strange:
        taken = Counter(
            f"{family_of(answer['case'])} -> {answer['family'] if answer['alike'] >= floor else 'none'}"
            for answer in strange
        )
        what = ", ".join(f"{pair} {count}" for pair, count in taken.most_common())
        print(f"{title}: families that the library does not hold are taken for: {what}")
    found = [answer for answer in found if family_of(answer["case"]) in FAMILIES]
    by_table: dict[str, list[bool]] = defaultdict(list)
    for answer in found:
        by_table[answer["case"]["table"]].append(answer["family"] == family_of(answer["case"]))
    right = [hit for hits in by_table.values() for hit in hits]
    tables = ", ".join(f"{table} {np.mean(hits):.2f}" for table, hits in by_table.items())
    print(f"{title}: right family first {np.mean(right):.3f} of {len(right)} ({tables})")
    wrong = Counter(
        f"{family_of(answer['case'])} -> {answer['family']}"
        for answer in found
        if answer["family"] != family_of(answer["case"])
    )
    print("  taken for another:", ", ".join(f"{what} {count}" for what, count in wrong.most_common()) or "none")
    named = [answer for answer in found if answer["alike"] >= floor]
    exact = np.mean([answer["name"] == pattern(answer["case"])["name"] for answer in found])
    print(f"  alike enough to be named: {len(named) / len(found):.2f}; right dose or generation too: {exact:.2f}")
    if named:
        sure = np.mean([answer["family"] == family_of(answer["case"]) for answer in named])
        apart = [abs(answer["harm"] - answer["case"]["utility_loss"]) for answer in named]
        print(f"  of the named: right family {sure:.3f}; median error of the harm {np.median(apart):.3f}")
    silent = np.mean([answer["other"] < floor for answer in found])
    print(f"  with the own family left out of the library, none is named for {silent:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the library of known collapses.")
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--unseen", type=Path, help="a bench that is only looked up in the library")
    parser.add_argument("--log", type=Path, default=Path("out/benchmarks/signatures.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("synthos/verdict/signatures.json"))
    options = parser.parse_args()
    truth = load_truth(options.bench, options.tables, [])
    figures = measure(options.bench, truth, options.log)
    tables = sorted({case["table"] for case in truth})
    families = {family_of(case) for case in truth}
    made = (
        f"by python -m benchmarks.build_signatures from {len(truth)} tables of {len(families)} families, made from "
        f"{', '.join(tables)} and measured by how much random forests lost on real rows"
    )
    document = build(truth, figures, made)
    options.out.write_text(_compact(document), encoding="utf-8")
    print(f"{options.out}: {len(truth)} cases, reach {document['reach']}")
    if len(tables) > 2:
        show("leaving one table out", leave_tables_out(truth, figures))
    if options.unseen:
        unseen = load_truth(options.unseen, [], [])
        log = options.log.with_stem(f"{options.log.stem}_unseen")
        show("tables never seen", look_up(unseen, measure(options.unseen, unseen, log), parse_library(document)))


def _compact(document: Mapping[str, Any]) -> str:
    """JSON with one line a case and a pattern."""
    parts = []
    for name, value in document.items():
        if name == "cases":
            value = "[\n  " + ",\n  ".join(json.dumps(case) for case in value) + "\n ]"
        elif name == "patterns":
            lines = (f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
            value = "{\n  " + ",\n  ".join(lines) + "\n }"
        else:
            value = json.dumps(value)
        parts.append(f" {json.dumps(name)}: {value}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
