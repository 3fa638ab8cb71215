"""Fit ``synthos/verdict/harm_model.json`` on answered bench tables, and say what it is worth on tables it never saw.

    python -m benchmarks.fit_risk --bench DIR --results out/benchmarks/collapse_bench.jsonl
        [--out synthos/verdict/harm_model.json] [--held-out out/benchmarks/held_out.jsonl] [--dimensions]

The product's harm score is log(1 + u / 0.02) of the utility loss u, so that all there is to fit is the slope of the
chance and the size of the errors. ``--dimensions`` tries more: the losses of dimensions as further features, with
coefficients >= 0 by least squares (Lawson & Hanson 1974), every table having the same say and small coefficients pulled
to 0. It only prints what that would be worth.

Held out means: for each case, everything is fitted without its table and without its generator family on the other
tables (mixtures go with the family that they dilute, planted damage with its kind). The figures of that are printed
with 95 % intervals that redraw whole groups of (table, family), and ``--held-out`` writes these risks and chances as
JSON lines, for ``collapse_bench --held-out``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from benchmarks.merit import brier_skill, calibration_slope
from benchmarks.truth import Row, append, family_of, load_truth, read_log
from synthos.verdict.harm import (
    COLLAPSED,
    MIDDLE,
    OFFSET,
    HarmModel,
    Seen,
    harm_of,
    parse_harm_model,
    risk_of,
    score_of,
    shrunk,
)

Floats = npt.NDArray[np.float64]
#: Dimensions that --dimensions tries: each should rise with harm, and none needs the cascade.
DIMENSIONS = (
    "distribution_fidelity",
    "correlation_preservation",
    "diversity_retention",
    "rare_pattern_handling",
    "semantic_coherence",
)
#: Pull of the coefficients towards 0, as that many cases would have it.
RIDGE = 1.0
#: Pull of the logistic regression's slope towards 0.
SLOPE_RIDGE = 0.05
REDRAWS = 1_000


def features(answers: Sequence[Row], dimensions: Sequence[str]) -> Floats:
    """Shape (cases, 1 + dimensions): log(1 + shrunk utility loss / offset), then the losses of ``dimensions``."""
    rows = []
    for row in answers:
        low, high = row["utility"]["interval"]
        loss = shrunk(row["utility"]["loss"], (high - low) / 2.0 / 1.96)
        rows.append([score_of(loss), *(row["losses"].get(name, 0.0) for name in dimensions)])
    return np.array(rows)


def fit_score(x: Floats, harm: Floats, weights: Floats) -> Floats:
    """Coefficients >= 0, shape (features,); that of the utility loss alone is 1."""
    if x.shape[1] == 1:
        return np.ones(1)
    roots = np.sqrt(weights / weights.mean())
    pulled = np.vstack([x * roots[:, None], np.sqrt(RIDGE) * np.eye(x.shape[1])[1:]])
    wanted = np.concatenate([np.log1p(np.maximum(harm, 0.0) / OFFSET) * roots, np.zeros(x.shape[1] - 1)])
    return np.asarray(nnls(pulled, wanted)[0])


def fit_slope(logit: Floats, collapsed: npt.NDArray[np.bool_], weights: Floats) -> float:
    """Slope >= 0 of the logistic regression of ``collapsed`` on ``logit`` through the origin, by Newton's method."""
    slope = 1.0
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(slope * logit, -30.0, 30.0)))
        step = np.sum(weights * logit * (collapsed - p)) - SLOPE_RIDGE * slope
        slope += step / (np.sum(weights * logit**2 * p * (1.0 - p)) + SLOPE_RIDGE)
    return max(float(slope), 0.0)


def balanced(tables: npt.NDArray[np.str_]) -> Floats:
    """Every table has the same say; mean 1."""
    counts = {name: int((tables == name).sum()) for name in set(tables.tolist())}
    weights = np.array([1.0 / counts[name] for name in tables.tolist()])
    return np.asarray(weights / weights.mean())


def held_out_answers(
    x: Floats, harm: Floats, tables: npt.NDArray[np.str_], kinds: npt.NDArray[np.str_]
) -> tuple[Floats, Floats]:
    """Scores and chances of every case from fits without its table and its family, shape (cases,) each."""
    scores, chances = np.zeros(len(harm)), np.zeros(len(harm))
    for table, kind in sorted(set(zip(tables.tolist(), kinds.tolist(), strict=True))):
        mine = (tables == table) & (kinds == kind)
        known = (tables != table) & (kinds != kind)
        weights = balanced(tables[known])
        coefficients = fit_score(x[known], harm[known], weights)
        scores[mine] = x[mine] @ coefficients
        middle = score_of(MIDDLE)
        slope = fit_slope(x[known] @ coefficients - middle, harm[known] > COLLAPSED, weights)
        chances[mine] = 1.0 / (1.0 + np.exp(-slope * (scores[mine] - middle)))
    return scores, chances


def figures(harm: Floats, scores: Floats, chances: Floats, tables: npt.NDArray[np.str_]) -> dict[str, float]:
    """Everything that is reported of held-out answers."""
    collapsed = harm > COLLAPSED
    found = {
        f"rank correlation, {name}": float(spearmanr(scores[tables == name], harm[tables == name]).statistic)
        for name in sorted(set(tables.tolist()))
        if (tables == name).sum() > 2
    }
    if collapsed.any() and not collapsed.all():
        found["AUROC"] = float(roc_auc_score(collapsed, chances))
        judged = {
            "Brier skill": brier_skill(chances, collapsed),
            "calibration slope": calibration_slope(chances, collapsed),
        }
        found |= {name: value for name, value in judged.items() if value is not None}
    return found


def with_intervals(
    measure: Callable[[npt.NDArray[np.intp]], dict[str, float]], groups: npt.NDArray[np.str_]
) -> dict[str, tuple[float, ...]]:
    """Each figure with the 95 % interval of redrawing whole groups."""
    point = measure(np.arange(len(groups)))
    names, rng = sorted(set(groups.tolist())), np.random.default_rng(1)
    places = {name: np.flatnonzero(groups == name) for name in names}
    copies: dict[str, list[float]] = {name: [] for name in point}
    for _ in range(REDRAWS):
        drawn = np.concatenate([places[name] for name in rng.choice(names, len(names))])
        for name, value in measure(drawn).items():
            copies.setdefault(name, []).append(value)
    return {
        name: (value, *(float(q) for q in np.nanquantile(copies[name], [0.025, 0.975])))
        for name, value in point.items()
    }


def fit(scores: Floats, harm: Floats, tables: npt.NDArray[np.str_], seen: Seen) -> HarmModel:
    """The slope on everything; the errors of the score, of which nothing was fitted, from all cases."""
    weights = balanced(tables)
    left = scores - np.log1p(np.maximum(harm, 0.0) / OFFSET)
    shared = np.array([left[tables == name].mean() for name in sorted(set(tables.tolist()))])
    return HarmModel(
        slope=fit_slope(scores - score_of(MIDDLE), harm > COLLAPSED, weights),
        error=float(np.sqrt(np.average(left**2, weights=weights))),
        offset_error=float(np.sqrt(np.mean(shared**2))),
        seen=seen,
        made=f"benchmarks/fit_risk.py on {len(harm)} cases of {len(shared)} tables; see benchmarks/LOG.md",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the harm model on answered bench tables.")
    parser.add_argument("--bench", type=Path, required=True, nargs="+", help="folders with the measured harm")
    parser.add_argument("--results", type=Path, required=True, nargs="+", help="answers of collapse_bench, as .jsonl")
    parser.add_argument("--out", type=Path, default=Path("synthos/verdict/harm_model.json"))
    parser.add_argument("--held-out", type=Path, help="write the answers with held-out risks and chances")
    parser.add_argument("--dimensions", action="store_true", help="only print what dimensions would add")
    options = parser.parse_args()
    known = {(row["table"], row["key"]): row for path in options.results for row in read_log(path)}
    truth = [case for bench in options.bench for case in load_truth(bench, [], [])]
    cases = [case for case in truth if known.get((case["table"], case["key"]), {}).get("utility")]
    answers = [known[case["table"], case["key"]] for case in cases]
    print(f"{len(cases)} of {len(truth)} cases were answered with a utility loss")
    harm = np.array([case["utility_loss"] for case in cases])
    tables, kinds = np.array([case["table"] for case in cases]), np.array([family_of(case) for case in cases])
    x = features(answers, DIMENSIONS if options.dimensions else ())
    scores, chances = held_out_answers(x, harm, tables, kinds)
    groups = np.array([f"{table} {kind}" for table, kind in zip(tables, kinds, strict=True)])
    reported = with_intervals(lambda at: figures(harm[at], scores[at], chances[at], tables[at]), groups)
    for name, (value, low, high) in reported.items():
        print(f"{name:40s} {value:6.3f}  ({low:.3f} to {high:.3f})")
    if options.dimensions:
        return
    columns = min(len(answer["utility"]["columns"]) for answer in answers)
    seen = Seen(
        tables=len(set(tables.tolist())),
        cases=len(cases),
        least_rows=min(case["rows"] for case in cases),
        least_columns=columns,
    )
    model = fit(x[:, 0], harm, tables, seen)
    document = {name: getattr(model, name) for name in HarmModel.__dataclass_fields__}
    document["seen"] = {name: getattr(seen, name) for name in Seen.__dataclass_fields__}
    rounded = json.loads(json.dumps(document), parse_float=lambda text: round(float(text), 4))
    parse_harm_model(rounded)
    print(json.dumps(rounded, indent=2))
    options.out.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    if options.held_out:
        options.held_out.unlink(missing_ok=True)
        for case, score, chance in zip(cases, scores, chances, strict=True):
            figures_of_case = {"risk_score": risk_of(harm_of(score)), "collapse_probability": float(chance)}
            append(options.held_out, {"table": case["table"], "key": case["key"]} | figures_of_case)


if __name__ == "__main__":
    main()
