"""Fit ``synthos/verdict/rare_model.json``, the chance of a rare loss, and say what it is worth on tables it never saw.

    python -m benchmarks.fit_outcomes --bench DIR [--tables census bank] [--log out/benchmarks/rare_loss.jsonl]
        [--out synthos/verdict/rare_model.json] [--unseen DIR] [--pictures docs]

For each case ``rare_pattern_handling`` is measured as a validation does, and the share of rare mass that is gone is
counted on the holdout, which no tool sees (``benchmarks.rare_truth``). One JSON line a case is written to the log, so
that a run that was stopped goes on where it was; about 1.3 processor seconds a case of 8,000 x 14.

The share gone is estimated by a weighted sum of components, with weights >= 0 by least squares of relative errors; the
chance that it is above 0.1 is logistic in log(1 + share / 0.02), with slope and middle by maximum likelihood. "Held
out" means what it does in ``benchmarks.fit_risk``: everything is fitted without the case's table and without its family
on the other tables. ``--unseen`` names a second bench of other tables, on which the model
as fitted is judged too. ``--pictures`` draws ``reliability_rare`` there, from the held-out chances.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import nnls

from benchmarks.fit_risk import balanced, figures, with_intervals
from benchmarks.rare_truth import FEWEST, RARE, rare_mass_gone
from benchmarks.truth import Row, append, family_of, load_truth, read_log
from synthos.dimensions import registry
from synthos.results import Scored
from synthos.sampling.assemble import evidence_from_frames
from synthos.verdict.chances import FEATURES, LOST, RARE_COMPONENT, RareModel, SeenRare, parse_rare_model
from synthos.verdict.harm import OFFSET, harm_of

Floats = npt.NDArray[np.float64]
#: Pull of the logistic regression's slope and middle towards 0.
SLOPE_RIDGE = 0.05


def answer(bench: Path, case: Row) -> Row:
    """What the product finds gone of what is rare, and what is; one line of the log."""
    names = ("reference", "holdout", case["key"])
    reference, holdout, synthetic = (pl.read_parquet(bench / case["table"] / f"{name}.parquet") for name in names)
    result = registry.evaluate("rare_pattern_handling", evidence_from_frames(synthetic, reference))
    truth = rare_mass_gone(synthetic, reference, holdout)
    return {
        "table": case["table"],
        "key": case["key"],
        "rows": min(reference.height, synthetic.height),
        "gone": truth.gone,
        "by_order": truth.by_order,
        "cells": truth.cells,
        "components": [asdict(part) for part in result.components] if isinstance(result, Scored) else [],
    }


def answers(bench: Path, cases: Sequence[Row], log: Path) -> list[Row]:
    """The answers of ``cases`` in their order; those that ``log`` does not hold yet are had now."""
    known = {(row["table"], row["key"]): row for row in read_log(log)}
    for case in cases:
        if (case["table"], case["key"]) not in known:
            row = known[case["table"], case["key"]] = answer(bench, case)
            append(log, row)
            print(f"{case['table']:10s}{case['key']:16s}{row['gone']:7.3f}", flush=True)
    return [known[case["table"], case["key"]] for case in cases]


def features(rows: Sequence[Row]) -> Floats:
    """Shape (cases, features): shares >= 0; the rare mass lost where a component could not be measured."""
    found = []
    for row in rows:
        parts = {part["name"]: max(part["value"], 0.0) for part in row["components"]}
        found.append([parts.get(name, parts.get(RARE_COMPONENT, 0.0)) for name in FEATURES])
    return np.array(found)


def score(share: Floats) -> Floats:
    """z of shares, as ``synthos.verdict.harm.score_of``."""
    return np.asarray(np.log1p(np.maximum(share, 0.0) / OFFSET))


def fit_weights(x: Floats, gone: Floats, weights: Floats) -> Floats:
    """Weights >= 0 of the features, shape (features,), with the least squared error relative to ``OFFSET`` + gone."""
    truth = np.maximum(gone, 0.0)
    roots = np.sqrt(weights) / (OFFSET + truth)
    return np.asarray(nnls(x * roots[:, None], truth * roots)[0])


def fit_chance(z: Floats, lost: npt.NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Slope >= 0 of the logistic regression of ``lost`` on z, and the z at which its chance is one half."""
    x, found = np.column_stack([np.ones_like(z), z - z.mean()]), np.zeros(2)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ found, -30.0, 30.0)))
        step = x.T @ (weights * (lost - p)) - SLOPE_RIDGE * found
        hessian = (x * (weights * p * (1.0 - p))[:, None]).T @ x + SLOPE_RIDGE * np.eye(2)
        found = found + np.linalg.solve(hessian, step)
    slope = max(float(found[1]), 1e-6)
    return slope, float(z.mean() - found[0] / slope)


def held_out_answers(
    x: Floats, gone: Floats, tables: npt.NDArray[np.str_], kinds: npt.NDArray[np.str_]
) -> tuple[Floats, Floats]:
    """Scores and chances of every case from fits without its table and its family, shape (cases,) each."""
    scores, chances = np.zeros(len(gone)), np.zeros(len(gone))
    for table, kind in sorted(set(zip(tables.tolist(), kinds.tolist(), strict=True))):
        mine = (tables == table) & (kinds == kind)
        known = (tables != table) & (kinds != kind)
        weights = balanced(tables[known])
        found = fit_weights(x[known], gone[known], weights)
        slope, middle = fit_chance(score(x[known] @ found), gone[known] > LOST, weights)
        scores[mine] = score(x[mine] @ found)
        chances[mine] = 1.0 / (1.0 + np.exp(-slope * (scores[mine] - middle)))
    return scores, chances


def fit(
    x: Floats,
    gone: Floats,
    tables: npt.NDArray[np.str_],
    kinds: npt.NDArray[np.str_],
    held_out: Floats,
    rows: Sequence[Row],
) -> RareModel:
    """Weights, slope and middle on everything; the error that a generator shares from scores that were ``held_out``."""
    weights = balanced(tables)
    found = fit_weights(x, gone, weights)
    slope, middle = fit_chance(score(x @ found), gone > LOST, weights)
    left = held_out - score(gone)
    shifts = np.array([left[kinds == kind].mean() for kind in sorted(set(kinds.tolist()))])
    return RareModel(
        weights=dict(zip(FEATURES, found.tolist(), strict=True)),
        slope=slope,
        middle=harm_of(middle),
        shift_error=float(shifts.std()),
        seen=SeenRare(tables=len(set(tables.tolist())), cases=len(gone), least_rows=min(row["rows"] for row in rows)),
        made=f"benchmarks/fit_outcomes.py on {len(gone)} cases of {len(set(tables.tolist()))} tables; see "
        "benchmarks/LOG.md",
    )


def show(name: str, gone: Floats, scores: Floats, chances: Floats, cases: Sequence[Row]) -> None:
    """The figures of merit with intervals that redraw whole groups of (table, family)."""
    tables = np.array([case["table"] for case in cases])
    groups = np.array([f"{case['table']} {family_of(case)}" for case in cases])
    print(f"\n{name}: {len(cases)} cases, {int((gone > LOST).sum())} of them with more than {LOST:.0%} gone")
    found = with_intervals(lambda at: figures(gone[at], scores[at], chances[at], tables[at]), groups)
    for figure, (value, low, high) in found.items():
        print(f"{figure:40s} {value:6.3f}  ({low:.3f} to {high:.3f})")
    brier = with_intervals(lambda at: {"Brier": float(np.mean((chances[at] - (gone[at] > LOST)) ** 2))}, groups)
    print(f"{'Brier score':40s} {brier['Brier'][0]:6.3f}  ({brier['Brier'][1]:.3f} to {brier['Brier'][2]:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the chance of a rare loss on a bench with holdouts.")
    parser.add_argument("--bench", type=Path, required=True, help="folder with one folder a table")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--log", type=Path, default=Path("out/benchmarks/rare_loss.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("synthos/verdict/rare_model.json"))
    parser.add_argument("--unseen", type=Path, help="a bench of other tables, to judge the fitted model on")
    parser.add_argument("--pictures", type=Path, help="folder to draw the reliability diagram into")
    options = parser.parse_args()
    cases = load_truth(options.bench, options.tables, [])
    rows = answers(options.bench, cases, options.log)
    gone, x = np.array([row["gone"] for row in rows]), features(rows)
    tables, kinds = np.array([case["table"] for case in cases]), np.array([family_of(case) for case in cases])
    scores, chances = held_out_answers(x, gone, tables, kinds)
    show("held out", gone, scores, chances, cases)
    model = fit(x, gone, tables, kinds, scores, rows)
    rounded = json.loads(json.dumps(asdict(model)), parse_float=lambda text: round(float(text), 4))
    model = parse_rare_model(rounded)
    print(json.dumps(rounded, indent=2))
    options.out.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    if options.unseen:
        # In fewer rows than these no cell is both rare and large enough to be counted.
        others = [case for case in load_truth(options.unseen, [], []) if case["rows"] * RARE >= FEWEST]
        theirs = answers(options.unseen, others, options.log.with_stem(options.log.stem + "_unseen"))
        z = score(features(theirs) @ np.array([model.weights[name] for name in FEATURES]))
        chance = np.array([model.chance(value) for value in z.tolist()])
        show("unseen tables", np.array([row["gone"] for row in theirs]), z, chance, others)
    if options.pictures:
        from benchmarks import pictures  # matplotlib, for development only

        stem = options.pictures / "reliability_rare"
        told = {
            "title": "Does the chance of a rare loss mean it?",
            "event": f"> {100 * LOST:.0f} % of rare mass gone",
            "verb": "lost",
        }
        pictures.draw_reliability(chances, gone > LOST, stem, **told)


if __name__ == "__main__":
    main()
