"""What Synthos answers on tables whose damage was measured: a bench folder in, RESULTS.json out.

    python -m benchmarks.collapse_bench --bench DIR [--tables census bank] [--keys real cart_g4] [--jobs 2] [--quick]
        [--out out/benchmarks/collapse_bench.json]

A bench folder holds one folder a real table: ``reference.parquet`` (the real rows that Synthos is given),
``KEY.parquet`` (tables made from them) and ``truth.json``, a list of {"table", "key", "family", "utility_loss"}, with
the planted row range where there is one. The utility loss was measured on rows that no tool sees; neither does this.

Every table goes through ``synthos.validate`` as a user would call it. One JSON line is written beside the results for
each finished table, so that a run that was stopped goes on where it was; ``--fresh`` starts over. Beside what a scorer
needs, the lines hold the losses and signature figures that ``fit_risk`` and ``build_signatures`` read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import synthos
from synthos.results import CascadeResult
from synthos.verdict.calibration import gather

#: Utility loss above which a table counts as collapsed.
COLLAPSED = 0.1
Row = dict[str, Any]


def load_truth(bench: Path, tables: Sequence[str], keys: Sequence[str]) -> list[Row]:
    """The bench's cases in its own order; all tables or keys where none is named."""
    found: list[Row] = []
    for path in sorted(bench.glob("*/truth.json")):
        found += json.loads(path.read_text(encoding="utf-8"))
    unknown = ({*tables} - {row["table"] for row in found}) | ({*keys} - {row["key"] for row in found})
    if unknown or not found:
        raise SystemExit(f"{bench} holds no {', '.join(sorted(unknown)) or 'truth.json in any folder'}")
    return [row for row in found if row["table"] in (tables or [row["table"]]) and row["key"] in (keys or [row["key"]])]


def judge(folder: Path, table: str, key: str, quick: bool, cache: Path) -> Row:
    """One table through the product; everything that is kept of the answer."""
    started = time.perf_counter()
    answer = synthos.validate(
        folder / table / f"{key}.parquet", folder / table / "reference.parquet", quick=quick, cache=cache
    )
    seconds = time.perf_counter() - started
    verdict = answer.verdict
    cascade = answer.cascade if isinstance(answer.cascade, CascadeResult) else None
    losses = gather(answer.dimensions, cascade)
    return {
        "table": table,
        "key": key,
        "risk_score": verdict.risk_score,
        "risk_interval": [verdict.risk_interval.low, verdict.risk_interval.high],
        "collapse_probability": verdict.collapse_probability,
        "rho": cascade.rho if cascade else None,
        "decision": verdict.decision,
        "collapse_type": verdict.collapse_type,
        "dimensions": {name: result.score for name, result in answer.dimensions.items()},
        "not_scored": {name: str(r) for name, r in answer.dimensions.items() if r.score is None},
        "regions": [asdict(region) for region in answer.regions],
        "signatures": [[found.name, found.similarity] for found in answer.signatures],
        "losses": {name: loss.value for name, loss in losses.items()},
        "figures": answer.signature_figures,
        "seconds": seconds,
        "quick": quick,
    }


def run(truth: Sequence[Row], bench: Path, log: Path, *, quick: bool, jobs: int) -> list[Row]:
    """Answer every case that ``log`` does not hold yet, ``jobs`` at a time; all answers in the bench's order."""
    done = {(row["table"], row["key"]): row for row in read_log(log) if row["quick"] == quick}
    open_cases = [(row["table"], row["key"]) for row in truth if (row["table"], row["key"]) not in done]
    log.parent.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with log.open("a", encoding="utf-8") as lines, ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = {
            pool.submit(judge, bench, table, key, quick, log.parent / "cache"): (table, key)
            for table, key in open_cases
        }
        for count, future in enumerate(as_completed(waiting), 1):
            row = future.result()
            done[waiting[future]] = row
            lines.write(json.dumps(row, allow_nan=False) + "\n")
            lines.flush()
            print(f"{count:4d}/{len(waiting)} {row['table']:10s}{row['key']:16s} {row['seconds']:6.1f} s", flush=True)
    return [done[row["table"], row["key"]] for row in truth]


def read_log(log: Path) -> Iterable[Row]:
    """The finished lines; a last line that was cut short by a kill is left out."""
    if not log.exists():
        return
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Intersection over union of two row ranges, in [0, 1]."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(shared, 0) / max(max(one[1], other[1]) - min(one[0], other[0]), 1)


def figures_of_merit(truth: Sequence[Row], rows: Sequence[Row]) -> dict[str, float]:
    """Rank correlations, detection, healthy controls, regions and seconds; what cannot be had is left out."""
    found: dict[str, float] = {}
    harm = np.array([row["utility_loss"] for row in truth])
    tables = np.array([row["table"] for row in truth])
    measures = {"risk": [row["risk_score"] for row in rows], "rho": [row["rho"] for row in rows]}
    for name, values in measures.items():
        known = np.array([value if value is not None else np.nan for value in values], float)
        for table in dict.fromkeys(tables.tolist()):
            mask = (tables == table) & np.isfinite(known)
            if mask.sum() > 2 and np.ptp(known[mask]) > 0:
                found[f"rank correlation of {name}, {table}"] = float(spearmanr(known[mask], harm[mask]).statistic)
    chance, collapsed = np.array([row["collapse_probability"] for row in rows]), harm > COLLAPSED
    if 0 < collapsed.sum() < len(collapsed):
        found["AUROC of the collapse probability"] = float(roc_auc_score(collapsed, chance))
        spread = float(np.mean((collapsed.mean() - collapsed) ** 2))
        found["Brier skill"] = 1.0 - float(np.mean((chance - collapsed) ** 2)) / spread
    healthy = [row for known, row in zip(truth, rows, strict=True) if known["family"] == "healthy"]
    if healthy:
        scores = [score for row in healthy for score in row["dimensions"].values() if score is not None]
        found["highest risk of a fresh real sample"] = max(row["risk_score"] for row in healthy)
        found["lowest dimension of a fresh real sample"] = min(scores)
        found["regions blamed in fresh real samples"] = float(sum(len(row["regions"]) for row in healthy))
    planted = [(known, row) for known, row in zip(truth, rows, strict=True) if known.get("planted")]
    hits = [max([overlap(r["row_range"], known["planted"]) for r in row["regions"]] or [0.0]) for known, row in planted]
    sound = [overlap(r["row_range"], known["planted"]) >= 0.5 for known, row in planted for r in row["regions"]]
    if planted:
        found["planted regions found (recall)"] = float(np.mean(np.array(hits) >= 0.5))
    if sound:
        found["regions reported that were planted (precision)"] = float(np.mean(sound))
    found["median seconds a table"] = float(np.median([row["seconds"] for row in rows]))
    return found


def show(truth: Sequence[Row], rows: Sequence[Row]) -> None:
    """Every case, by table and measured loss, then the figures of merit."""
    names = list(rows[0]["dimensions"])
    print(
        f"\n{'table':10s}{'key':16s}{'u':>7s}{'risk':>6s}{'p':>6s}{'rho':>7s} " + "".join(f"{n[:8]:>9s}" for n in names)
    )
    for known, row in sorted(
        zip(truth, rows, strict=True), key=lambda pair: (pair[0]["table"], pair[0]["utility_loss"])
    ):
        rho = "" if row["rho"] is None else f"{row['rho']:.2f}"
        scores = "".join(
            f"{'' if row['dimensions'][n] is None else format(row['dimensions'][n], '.1f'):>9s}" for n in names
        )
        print(
            f"{row['table']:10s}{row['key']:16s}{known['utility_loss']:7.3f}{row['risk_score']:6.1f}"
            f"{row['collapse_probability']:6.2f}{rho:>7s} {scores}"
        )
    print()
    for name, value in figures_of_merit(truth, rows).items():
        print(f"{name:52s} {value:8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer a bench of tables whose damage was measured.")
    parser.add_argument("--bench", type=Path, required=True, help="folder with one folder a table")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--keys", nargs="*", default=[], help="only these synthetic tables")
    parser.add_argument("--jobs", type=int, default=1, help="tables judged side by side")
    parser.add_argument("--quick", action="store_true", help="leave the cascade out")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has finished")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks/collapse_bench.json"))
    options = parser.parse_args()
    truth = load_truth(options.bench, options.tables, options.keys)
    log = options.out.with_suffix(".jsonl")
    if options.fresh:
        log.unlink(missing_ok=True)
    rows = run(truth, options.bench, log, quick=options.quick, jobs=options.jobs)
    options.out.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    show(truth, rows)


if __name__ == "__main__":
    main()
