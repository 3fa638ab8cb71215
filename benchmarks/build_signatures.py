"""Build the library of known collapses from answered bench tables: figures travel, rows do not.

    python -m benchmarks.build_signatures --bench DIR --results out/benchmarks/collapse_bench.jsonl
        [--out synthos/verdict/signatures.json]

Reads what ``collapse_bench`` wrote (its ``figures``) and the bench's ``truth.json`` (family and measured utility loss).
One signature a kind of damage (``cart_g4``, ``noise_30``), its figures averaged over the tables that answered. The
scale of the distances is the median distance of the same damage on two tables, set to read as a similarity of 0.8; with
one table alone, where that cannot be had, ``--scale`` must give it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.collapse_bench import Row, load_truth, read_log
from synthos.verdict.signatures import Figures, distance

#: How alike the same damage on another table shall read.
SAME_DAMAGE = 0.8
#: What each family is, by the ``family`` of the bench's truth.
FAMILIES = {
    "healthy": "fresh real rows: what a perfect generator would give",
    "healthy_memorised": "the reference drawn with replacement: a generator that memorised its training rows",
    "copula": "a Gaussian copula: every column right, dependence kept only between ranks of pairs",
    "cart": "sequential decision trees (CART), refitted on their own output",
    "narrow": "sampling narrowed towards the likely values, as at a low temperature, and refitted",
    "ctgan": "a conditional tabular GAN trained for a short time",
    "tvae": "a tabular variational auto-encoder trained for a short time",
    "planted_duplicates": "a block of rows that repeats a few rows",
    "planted_shuffled": "a block of rows whose columns were shuffled independently",
    "planted_mode": "a block of rows drawn around one single mode",
    "planted_tailcut": "a block of rows without tails and rare values",
    "planted_noise": "a block of rows with noise added",
    "planted_drift": "a block of rows that drifts away steadily",
}


def describe(case: Mapping[str, Any]) -> str:
    """One sentence on what was done, with its dose."""
    family = str(case["family"])
    text = FAMILIES[family.removesuffix("_mix")]
    if "synthetic_share" in case:
        return f"{text}; {case['synthetic_share']:.0%} of the rows, the others real"
    if "generation" in case:
        return f"{text}; generation {case['generation']}"
    if "planted" in case:
        start, stop = case["planted"]
        return f"{text}; {(stop - start) / case['rows']:.0%} of the rows"
    return text


def outcome(cases: Sequence[Mapping[str, Any]]) -> str:
    """What models trained on such tables lost, over the tables where it was measured."""
    losses = [case["utility_loss"] for case in cases]
    tables = ", ".join(case["table"] for case in cases)
    low, high = (f"{max(loss, 0.0):.0%}" for loss in (min(losses), max(losses)))
    span = low if low == high else f"{low} to {high}"
    return f"models trained on it lost {span} of what real rows teach (measured on {tables})"


def build(truth: Sequence[Row], answers: Mapping[tuple[str, str], Row], scale: float | None = None) -> dict[str, Any]:
    """The library's JSON form. Cases that were not answered are left out."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for case in truth:
        if (case["table"], case["key"]) in answers:
            groups[case["key"]].append(case)
    signatures, apart = [], []
    for key, cases in groups.items():
        vectors = [answers[case["table"], key]["figures"] for case in cases]
        apart += [d for one, other in itertools.combinations(vectors, 2) if (d := distance(one, other)) is not None]
        signatures.append(
            {
                "name": key,
                "family": cases[0]["family"],
                "description": describe(cases[0]),
                "outcome": outcome(cases),
                "figures": mean_figures(vectors),
            }
        )
    if not apart and scale is None:
        raise SystemExit("no damage was answered on two tables, so that the scale is unknown; give --scale")
    tables = ", ".join(sorted({case["table"] for cases in groups.values() for case in cases}))
    count = sum(len(cases) for cases in groups.values())
    return {
        "made": f"by benchmarks/build_signatures.py from {count} answers on {tables}",
        "scale": round(scale if scale is not None else float(np.median(apart)) / -math.log(SAME_DAMAGE), 4),
        "signatures": signatures,
    }


def mean_figures(vectors: Sequence[Figures]) -> Figures:
    """The mean of every figure over the vectors that have it; those that most lack are left out."""
    names = sorted({name for vector in vectors for name in vector})
    held = {name: [vector[name] for vector in vectors if name in vector] for name in names}
    return {name: round(float(np.mean(values)), 4) for name, values in held.items() if 2 * len(values) >= len(vectors)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the library of known collapses.")
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="the .jsonl that collapse_bench wrote")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--scale", type=float, help="scale of the distances, instead of the measured one")
    parser.add_argument("--out", type=Path, default=Path("synthos/verdict/signatures.json"))
    options = parser.parse_args()
    truth = load_truth(options.bench, options.tables, [])
    answers = {(row["table"], row["key"]): row for row in read_log(options.results)}
    library = build(truth, answers, options.scale)
    options.out.write_text(json.dumps(library, indent=1) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(library['signatures'])} signatures, scale {library['scale']}")


if __name__ == "__main__":
    main()
