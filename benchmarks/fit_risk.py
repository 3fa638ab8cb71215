"""Fit the figures of ``synthos/verdict/risk_model.json`` on answered bench tables.

    python -m benchmarks.fit_risk --bench DIR --results out/benchmarks/collapse_bench.jsonl
        [--tables census] [--out synthos/verdict/risk_model.json] [--held-out]

What is fitted is one ceiling and one power a part, within bounds that keep the model monotone and every part heard:
a part that is wholly lost reads at least medium risk on its own (ceiling >= 20). The target is a fixed curve of the
measured utility loss u,

    target(u) = 100 (1 - exp(-2.3 max(u, 0))),      0.1 -> 20 (medium), 0.3 -> 50 (high), 1 -> 90,

by least squares on the square roots (mild cases count as much as wrecks), with a small pull of every figure towards its
start so that parts that the bench never wrecks stay where they were set by hand. The search is a deterministic pattern
search: each figure in turn up and down by a step that shrinks. The probability is a logistic regression on the fitted
risk, slope not negative, by Newton's method with a weak ridge.

``--held-out`` also prints what the same fit gives leaving whole tables and whole generator families out, which is what
a new table may expect; the figures in the file are fitted on everything that was given.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from benchmarks.collapse_bench import COLLAPSED, Row, load_truth, read_log
from synthos.verdict.calibration import parse_risk_model

Floats = npt.NDArray[np.float64]
#: Where the search starts, and what it is pulled towards: ceiling and power a part.
START = {
    "distribution_fidelity": (70.0, 1.5),
    "correlation_preservation": (70.0, 1.5),
    "diversity_retention": (50.0, 1.5),
    "rare_pattern_handling": (50.0, 1.5),
    "temporal_stability": (25.0, 1.5),
    "semantic_coherence": (50.0, 1.5),
    "scale_robustness": (80.0, 1.0),
    "statistical_integrity": (25.0, 1.5),
    "rho": (90.0, 1.0),
}
CEILINGS, POWERS = (20.0, 100.0), (0.7, 4.0)
DEAD = 0.02
ORDER = 4.0
PULL = 0.02
RIDGE = 0.05


def target(loss: Floats) -> Floats:
    """Risk points that a measured utility loss deserves."""
    return np.asarray(100.0 * (1.0 - np.exp(-2.3 * np.maximum(loss, 0.0))))


def matrix(answers: Sequence[Row]) -> Floats:
    """Losses by case and part, 0 where a part was not measured (it then adds no harm), shape (cases, parts)."""
    return np.array([[row["losses"].get(name, 0.0) for name in START] for row in answers])


def risks(figures: Floats, losses: Floats) -> Floats:
    """The risk of every case; ``figures`` holds ceilings and powers, shape (2, parts). As ``RiskModel.risk``."""
    clear = np.clip((losses - DEAD) / (1.0 - DEAD), 0.0, 1.0)
    harms = figures[0] * clear ** figures[1]
    return np.asarray(np.minimum((harms**ORDER).sum(axis=1) ** (1.0 / ORDER), 100.0))


def fit(losses: Floats, harm: Floats, weights: Floats) -> Floats:
    """Ceilings and powers that bring the risks closest to their targets, shape (2, parts)."""
    start = np.array(list(START.values())).T
    bounds = np.array([CEILINGS, POWERS])
    wanted = np.sqrt(target(harm))

    def cost(figures: Floats) -> float:
        misfit = float(np.average((np.sqrt(risks(figures, losses)) - wanted) ** 2, weights=weights))
        return misfit + PULL * float(np.mean(np.log(figures / start) ** 2))

    best, lowest, step = start.copy(), cost(start), 0.5
    while step > 0.01:
        before = lowest
        for place in np.ndindex(*best.shape):
            for factor in (1.0 + step, 1.0 / (1.0 + step)):
                trial = best.copy()
                trial[place] = np.clip(trial[place] * factor, *bounds[place[0]])
                if (value := cost(trial)) < lowest:
                    best, lowest = trial, value
        if before - lowest < 1e-5:
            step /= 2.0
    return best


def fit_probability(risk: Floats, collapsed: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Intercept and slope of the logistic model on log((risk + 5) / (105 - risk))."""
    x = np.column_stack([np.ones_like(risk), np.log((risk + 5.0) / (105.0 - risk))])
    w = np.array([0.0, 1.0])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-x @ w))
        slope = x.T @ (collapsed - p) - RIDGE * w
        w = w + np.linalg.solve((x * (p * (1.0 - p))[:, None]).T @ x + RIDGE * np.eye(2), slope)
    return float(w[0]), max(float(w[1]), 0.0)


def balanced(truth: Sequence[Row]) -> Floats:
    """Every table has the same say."""
    names = [case["table"] for case in truth]
    return np.array([1.0 / names.count(name) for name in names])


def held_out(truth: Sequence[Row], losses: Floats, harm: Floats) -> dict[str, float]:
    """Figures on cases whose table and generator family the fit did not see."""
    tables = np.array([case["table"] for case in truth])
    families = np.array([str(case["family"]).removesuffix("_mix") for case in truth])
    weights, risk, chance = balanced(truth), np.zeros(len(truth)), np.zeros(len(truth))
    several = len(set(tables)) > 1
    for table in sorted(set(tables)):
        for family in sorted(set(families)):
            out = (tables == table) & (families == family)
            seen = (families != family) & ((tables != table) if several else True)
            figures = fit(losses[seen], harm[seen], weights[seen])
            intercept, slope = fit_probability(risks(figures, losses[seen]), harm[seen] > COLLAPSED)
            risk[out] = risks(figures, losses[out])
            chance[out] = 1.0 / (1.0 + np.exp(-intercept - slope * np.log((risk[out] + 5.0) / (105.0 - risk[out]))))
    return summary(tables, risk, chance, harm)


def summary(tables: npt.NDArray[Any], risk: Floats, chance: Floats, harm: Floats) -> dict[str, float]:
    """Rank correlation by table, and detection over all."""
    found = {
        f"rank correlation, {table}": float(spearmanr(risk[tables == table], harm[tables == table]).statistic)
        for table in sorted(set(tables))
    }
    collapsed = harm > COLLAPSED
    found["AUROC"] = float(roc_auc_score(collapsed, chance))
    spread = float(np.mean((collapsed.mean() - collapsed) ** 2))
    found["Brier skill"] = 1.0 - float(np.mean((chance - collapsed) ** 2)) / spread
    return found


def document(figures: Floats, intercept: float, slope: float, made: str) -> dict[str, Any]:
    """The model's JSON form; checked for monotonicity by the reader that the product uses."""
    parts = {
        name: {"ceiling": round(float(ceiling), 1), "dead": DEAD, "power": round(float(power), 2)}
        for name, ceiling, power in zip(START, *figures, strict=True)
    }
    probability = {"intercept": round(intercept, 3), "slope": round(slope, 3)}
    model = {"made": made, "order": ORDER, "parts": parts, "probability": probability}
    parse_risk_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the risk model on answered bench tables.")
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="the .jsonl that collapse_bench wrote")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--held-out", action="store_true", help="print what held-out tables and families get")
    parser.add_argument("--out", type=Path, default=Path("synthos/verdict/risk_model.json"))
    options = parser.parse_args()
    answers = {(row["table"], row["key"]): row for row in read_log(options.results)}
    truth = [case for case in load_truth(options.bench, options.tables, []) if (case["table"], case["key"]) in answers]
    losses = matrix([answers[case["table"], case["key"]] for case in truth])
    harm = np.array([case["utility_loss"] for case in truth])
    tables = np.array([case["table"] for case in truth])
    figures = fit(losses, harm, balanced(truth))
    risk = risks(figures, losses)
    intercept, slope = fit_probability(risk, harm > COLLAPSED)
    made = f"fitted by benchmarks/fit_risk.py on {len(truth)} answered cases of {', '.join(sorted(set(tables)))}"
    model = document(figures, intercept, slope, made)
    options.out.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    chance = 1.0 / (1.0 + np.exp(-intercept - slope * np.log((risk + 5.0) / (105.0 - risk))))
    for title, found in (("fitted", summary(tables, risk, chance, harm)),) + (
        (("held out", held_out(truth, losses, harm)),) if options.held_out else ()
    ):
        print(title, *(f"  {name:34s} {value:.3f}" for name, value in found.items()), sep="\n")


if __name__ == "__main__":
    main()
