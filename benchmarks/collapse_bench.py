"""What Synthos answers on tables whose damage was measured: a bench folder in, RESULTS.json out.

    python -m benchmarks.collapse_bench --bench DIR [--tables census bank] [--keys real cart_g4] [--jobs 2] [--quick]
        [--out out/benchmarks/collapse_bench.json] [--peers out/benchmarks/peers.jsonl] [--held-out FILE]
        [--answered-only] [--pictures docs]

A bench folder holds one folder a real table: ``reference.parquet`` (the real rows that Synthos is given),
``KEY.parquet`` (tables made from them) and ``truth.json``, a list of {"table", "key", "family", "utility_loss"}, with
the planted row range where there is one. The utility loss was measured on rows that no tool sees; neither does this.

Every table goes through ``synthos.validate`` as a user would call it. One JSON line is written beside the results for
each finished table, so that a run that was stopped goes on where it was; ``--fresh`` starts over, ``--answered-only``
runs nothing and shows what is there. A table that breaks the product is told, left out, and makes the exit code 1.
Beside what a scorer needs, the lines hold the losses and signature figures that ``fit_risk`` and ``build_signatures``
read.

The risk model was itself fitted on bench tables. ``--held-out`` names JSON lines {"table", "key", "risk_score",
"collapse_probability"} from fits that saw neither the case's table nor its generator; they take the place of the
product's own figures in what is written, shown and drawn, and every case must be among them.

Our figures are shown beside those of other tools, as far as ``benchmarks.peers`` has asked them. ``--pictures`` draws
``collapse_bench`` (risk against harm, ours and theirs) and ``reliability`` (the probability against what came) there,
as PNG and SVG.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import synthos
from benchmarks import peers
from benchmarks.merit import comparison, figures_of_merit, lead
from benchmarks.truth import COLLAPSED, Row, append, load_truth, read_log
from synthos.results import CascadeResult, Utility
from synthos.verdict.calibration import gather

__all__ = ["COLLAPSED", "OURS", "Row", "figures_of_merit", "judge", "load_truth", "main", "read_log", "run", "show"]

#: What our risk is called beside those of the peers.
OURS = "Synthos, risk"


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
    utility = answer.utility if isinstance(answer.utility, Utility) else None
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
        "utility": None if utility is None else _utility_figures(utility),
        "seconds": seconds,
        "quick": quick,
    }


def _utility_figures(utility: Utility) -> Row:
    return {
        "loss": utility.loss,
        "interval": [utility.interval.low, utility.interval.high],
        "hidden": utility.hidden,
        "copied": utility.copied,
        "columns": {column.column: [column.learnable, column.apparent, column.hidden] for column in utility.columns},
    }


def run(truth: Sequence[Row], bench: Path, log: Path, *, quick: bool, jobs: int) -> list[Row]:
    """Answer every case that ``log`` does not hold yet, ``jobs`` at a time; the answers in the bench's order.

    A case that breaks is told and left out; the others go on.
    """
    done = answered(log, quick=quick)
    open_cases = [(row["table"], row["key"]) for row in truth if (row["table"], row["key"]) not in done]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = {
            pool.submit(judge, bench, table, key, quick, log.parent / "cache"): (table, key)
            for table, key in open_cases
        }
        for count, future in enumerate(as_completed(waiting), 1):
            table, key = waiting[future]
            told = f"{count:4d}/{len(waiting)} {table:10s}{key:16s}"
            if (error := future.exception()) is not None:
                print(f"{told} BROKE\n{''.join(traceback.format_exception(error))}", flush=True)
                continue
            row = done[table, key] = future.result()
            append(log, row)
            print(f"{told} {row['seconds']:6.1f} s", flush=True)
    return [done[row["table"], row["key"]] for row in truth if (row["table"], row["key"]) in done]


def answered(log: Path, *, quick: bool) -> dict[tuple[str, str], Row]:
    """The finished cases of this mode by (table, key); the latest where there are several."""
    return {(row["table"], row["key"]): row for row in read_log(log) if row["quick"] == quick}


def held_out(rows: Sequence[Row], path: Path) -> list[Row]:
    """The answers with risk and probability from fits that had not seen the case's table or generator."""
    known = {(row["table"], row["key"]): row for row in read_log(path)}
    missing = [f"{row['table']}/{row['key']}" for row in rows if (row["table"], row["key"]) not in known]
    if missing:
        raise SystemExit(f"{path} holds no line of {', '.join(missing[:5])}; write it anew from these results")
    figures = ("risk_score", "collapse_probability")
    return [row | {name: known[row["table"], row["key"]][name] for name in figures} for row in rows]


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


def all_risks(truth: Sequence[Row], rows: Sequence[Row], asked: Path) -> dict[str, Sequence[float | None]]:
    """Our risks and those of the peers, in the bench's order, all as points of 100."""
    theirs = {
        label: [None if risk is None else 100.0 * risk for risk in risks]
        for label, risks in peers.columns(asked, truth).items()
    }
    own = {OURS: [row["risk_score"] for row in rows]} if rows else {}
    return {**own, **theirs}


def show_peers(truth: Sequence[Row], risks: dict[str, Sequence[float | None]]) -> None:
    """The figures that can be compared, a line a figure and a column a tool, and how far we lead by table."""
    compared = comparison(truth, risks)
    print(f"\n{'':38s}" + "".join(f"{label.split(', ')[0]:>17s}" for label in risks))
    print(f"{'':38s}" + "".join(f"{label.split(', ')[1]:>17s}" for label in risks))
    for figure, values in compared.items():
        cells = (
            "–" if values[label] is None else f"{values[label]:.{'0' if 'cases' in figure else '3'}f}"
            for label in risks
        )
        print(f"{figure:38s}" + "".join(f"{cell:>17s}" for cell in cells))
    for table, value in lead(compared, OURS).items():
        print(f"{'ahead of the best peer, ' + table:38s}{value:>17.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer a bench of tables whose damage was measured.")
    parser.add_argument("--bench", type=Path, required=True, help="folder with one folder a table")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--keys", nargs="*", default=[], help="only these synthetic tables")
    parser.add_argument("--jobs", type=int, default=1, help="tables judged side by side")
    parser.add_argument("--quick", action="store_true", help="leave the cascade out")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has finished")
    parser.add_argument("--answered-only", action="store_true", help="run nothing; show and draw what is finished")
    parser.add_argument("--held-out", type=Path, help="risks and probabilities from fits that had not seen the case")
    parser.add_argument("--peers", type=Path, default=Path("out/benchmarks/peers.jsonl"), help="answers of other tools")
    parser.add_argument("--pictures", type=Path, help="folder to draw the pictures into")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks/collapse_bench.json"))
    options = parser.parse_args()
    asked = load_truth(options.bench, options.tables, options.keys)
    log = options.out.with_suffix(".jsonl")
    if options.fresh:
        log.unlink(missing_ok=True)
    if not options.answered_only:
        run(asked, options.bench, log, quick=options.quick, jobs=options.jobs)
    done = answered(log, quick=options.quick)
    truth = [row for row in asked if (row["table"], row["key"]) in done]
    rows = [done[row["table"], row["key"]] for row in truth]
    if rows:
        rows = held_out(rows, options.held_out) if options.held_out else rows
        options.out.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        show(truth, rows)
    compared = truth or asked  # nothing of ours yet: the peers alone
    risks = all_risks(compared, rows, options.peers)
    show_peers(compared, risks)
    if options.pictures:
        from benchmarks import pictures  # matplotlib, for development only

        pictures.draw(compared, risks, options.pictures, rows)
    if missing := len(asked) - len(rows):
        raise SystemExit(f"{missing} of {len(asked)} cases have no answer")


if __name__ == "__main__":
    main()
