"""Fit ``synthos/verdict/harm_model.json`` on answered bench tables, and say what it is worth on tables it never saw.

    python -m benchmarks.fit_risk --bench DIR --results out/benchmarks/collapse_bench.jsonl
        [--out synthos/verdict/harm_model.json] [--held-out out/benchmarks/held_out.json]

The harm score is linear in features that are 0 where nothing is lost, so that its coefficients come from least squares
with none of them negative (Lawson & Hanson 1974), on log(1 + harm / 0.02); every table has the same say, and small
coefficients are pulled to 0. The chance of a harm above 0.1 is a logistic regression on the score of cases that the
fit of the score did not see, with a weak ridge.

Held out means: for each case, everything is fitted without its table and without its generator family on the other
tables (mixtures go with the family that they dilute, planted damage with its kind). The figures of that are printed
with 95 % intervals that redraw whole groups of (table, family), and ``--held-out`` writes the answers with these risks
and chances in place of the product's, for a scorer. The errors of the model in the file are the held-out ones too.
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

from benchmarks.truth import Row, load_truth, read_log
from synthos.verdict.harm import COLLAPSED, OFFSET, HarmModel, Seen, harm_of, parse_harm_model, risk_of, shrunk

Floats = npt.NDArray[np.float64]
#: Dimensions that may add to the score: each is monotone in harm, and none needs the cascade.
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


def features(answers: Sequence[Row]) -> Floats:
    """Shape (cases, 1 + dimensions): log(1 + shrunk utility loss / offset), then the losses of the dimensions."""
    rows = []
    for row in answers:
        low, high = row["utility"]["interval"]
        loss = shrunk(row["utility"]["loss"], (high - low) / 2.0 / 1.96)
        rows.append([np.log1p(loss / OFFSET), *(row["losses"].get(name, 0.0) for name in DIMENSIONS)])
    return np.array(rows)


def fit_score(x: Floats, harm: Floats, weights: Floats) -> Floats:
    """Coefficients >= 0, shape (features,)."""
    roots = np.sqrt(weights / weights.mean())
    pulled = np.vstack([x * roots[:, None], np.sqrt(RIDGE) * np.eye(x.shape[1])[1:]])
    wanted = np.concatenate([np.log1p(np.maximum(harm, 0.0) / OFFSET) * roots, np.zeros(x.shape[1] - 1)])
    return np.asarray(nnls(pulled, wanted)[0])


def fit_chance(score: Floats, collapsed: npt.NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Intercept and slope (>= 0) of the logistic regression of ``collapsed`` on ``score``, by Newton's method."""
    x = np.column_stack([np.ones_like(score), score])
    found = np.zeros(2)
    pull = SLOPE_RIDGE * np.eye(2)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ found, -30.0, 30.0)))
        step = x.T @ (weights * (collapsed - p)) - pull @ found
        found = found + np.linalg.solve((x * (weights * p * (1.0 - p))[:, None]).T @ x + pull, step)
    return float(found[0]), max(float(found[1]), 0.0)


def family(case: Row) -> str:
    """Generator family or kind of damage, without how much of it there is."""
    return str(case["family"]).removesuffix("_mix")


def balanced(tables: npt.NDArray[np.str_]) -> Floats:
    """Every table has the same say; mean 1."""
    counts = {name: int((tables == name).sum()) for name in set(tables.tolist())}
    weights = np.array([1.0 / counts[name] for name in tables.tolist()])
    return np.asarray(weights / weights.mean())


def held_out_scores(x: Floats, harm: Floats, tables: npt.NDArray[np.str_], kinds: npt.NDArray[np.str_]) -> Floats:
    """Score of every case from a fit without its table and its family."""
    scores = np.zeros(len(harm))
    for table, kind in sorted(set(zip(tables.tolist(), kinds.tolist(), strict=True))):
        mine = (tables == table) & (kinds == kind)
        known = (tables != table) & (kinds != kind)
        scores[mine] = x[mine] @ fit_score(x[known], harm[known], balanced(tables[known]))
    return scores


def held_out_chances(
    x: Floats, harm: Floats, tables: npt.NDArray[np.str_], kinds: npt.NDArray[np.str_]
) -> tuple[Floats, Floats]:
    """Scores and chances of every case from fits without its table and its family, shape (cases,) each."""
    scores, chances = np.zeros(len(harm)), np.zeros(len(harm))
    for table, kind in sorted(set(zip(tables.tolist(), kinds.tolist(), strict=True))):
        mine = (tables == table) & (kinds == kind)
        known = (tables != table) & (kinds != kind)
        weights = balanced(tables[known])
        scores[mine] = x[mine] @ fit_score(x[known], harm[known], weights)
        inner = held_out_scores(x[known], harm[known], tables[known], kinds[known])
        intercept, slope = fit_chance(inner, harm[known] > COLLAPSED, weights)
        chances[mine] = 1.0 / (1.0 + np.exp(-(intercept + slope * scores[mine])))
    return scores, chances


def brier_skill(chance: Floats, collapsed: npt.NDArray[np.bool_]) -> float:
    """1 - Brier score over that of the base rate; 1 is perfect, 0 no better than the base rate."""
    return float(1.0 - np.mean((chance - collapsed) ** 2) / np.mean((collapsed.mean() - collapsed) ** 2))


def calibration_slope(chance: Floats, collapsed: npt.NDArray[np.bool_]) -> float:
    """Slope of the logistic regression of the outcome on the logit of its chance; 1 is perfect."""
    logit = np.log(np.clip(chance, 1e-3, 1 - 1e-3) / (1 - np.clip(chance, 1e-3, 1 - 1e-3)))
    return fit_chance(logit, collapsed, np.ones(len(chance)))[1]


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
        found["Brier skill"] = brier_skill(chances, collapsed)
        found["calibration slope"] = calibration_slope(chances, collapsed)
    return found


def with_intervals(
    measure: Callable[[npt.NDArray[np.intp]], dict[str, float]], groups: npt.NDArray[np.str_]
) -> dict[str, tuple[float, float, float]]:
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


def fit(x: Floats, harm: Floats, tables: npt.NDArray[np.str_], kinds: npt.NDArray[np.str_], seen: Seen) -> HarmModel:
    """The model on everything, its errors from fits that left out tables and families."""
    weights = balanced(tables)
    coefficients = fit_score(x, harm, weights)
    scores = held_out_scores(x, harm, tables, kinds)
    intercept, slope = fit_chance(scores, harm > COLLAPSED, weights)
    left = scores - np.log1p(np.maximum(harm, 0.0) / OFFSET)
    shared = np.array([left[tables == name].mean() for name in sorted(set(tables.tolist()))])
    return HarmModel(
        utility=float(coefficients[0]),
        dimensions={name: float(c) for name, c in zip(DIMENSIONS, coefficients[1:], strict=True) if c > 0.0},
        slope=slope,
        intercept=intercept,
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
    options = parser.parse_args()
    known = {(row["table"], row["key"]): row for path in options.results for row in read_log(path)}
    truth = [case for bench in options.bench for case in load_truth(bench, [], [])]
    cases = [case for case in truth if known.get((case["table"], case["key"]), {}).get("utility")]
    answers = [known[case["table"], case["key"]] for case in cases]
    print(f"{len(cases)} of {len(truth)} cases were answered with a utility loss")
    harm = np.array([case["utility_loss"] for case in cases])
    tables, kinds = np.array([case["table"] for case in cases]), np.array([family(case) for case in cases])
    x = features(answers)
    scores, chances = held_out_chances(x, harm, tables, kinds)
    groups = np.array([f"{table} {kind}" for table, kind in zip(tables, kinds, strict=True)])
    reported = with_intervals(lambda at: figures(harm[at], scores[at], chances[at], tables[at]), groups)
    for name, (value, low, high) in reported.items():
        print(f"{name:40s} {value:6.3f}  ({low:.3f} to {high:.3f})")
    columns = min(len(answer["utility"]["columns"]) for answer in answers)
    seen = Seen(
        tables=len(set(tables.tolist())),
        cases=len(cases),
        least_rows=min(case["rows"] for case in cases),
        least_columns=columns,
    )
    model = fit(x, harm, tables, kinds, seen)
    document = {name: getattr(model, name) for name in HarmModel.__dataclass_fields__}
    document["seen"] = {name: getattr(seen, name) for name in Seen.__dataclass_fields__}
    rounded = json.loads(json.dumps(document), parse_float=lambda text: round(float(text), 4))
    parse_harm_model(rounded)
    print(json.dumps(rounded, indent=2))
    options.out.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    if options.held_out:
        rows = [
            answer | {"risk_score": risk_of(harm_of(score)), "collapse_probability": float(chance)}
            for answer, score, chance in zip(answers, scores, chances, strict=True)
        ]
        options.held_out.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
