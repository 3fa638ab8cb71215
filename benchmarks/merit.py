"""Figures of merit of answers to a bench: ranks, detection, calibration, regions; ours, and beside those of the peers.

Nothing here reads files. A figure that cannot be had (one class only, no spread, no answers) is left out or None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, spearmanr
from sklearn.metrics import roc_auc_score

from benchmarks.truth import COLLAPSED, Row

Floats = npt.NDArray[np.float64]
#: Risks by what gives them, in the order of the cases; None where there is no answer.
Risks = Mapping[str, Sequence[float | None]]
HEALTHY = "highest risk of a fresh real sample"
DETECTION = f"AUROC of u > {COLLAPSED}"


def rank_correlation(risk: Floats, harm: Floats) -> float | None:
    """Spearman's, in [-1, 1], 1 is best; None for fewer than three cases or where one side does not vary."""
    if len(risk) < 3 or np.ptp(risk) == 0 or np.ptp(harm) == 0:
        return None
    return float(spearmanr(risk, harm).statistic)


def detection(risk: Floats, collapsed: npt.NDArray[np.bool_]) -> float | None:
    """AUROC, in [0, 1], 0.5 is chance; None where only one class is there."""
    return float(roc_auc_score(collapsed, risk)) if 0 < collapsed.sum() < len(collapsed) else None


def brier_skill(chance: Floats, collapsed: npt.NDArray[np.bool_]) -> float | None:
    """1 is perfect, 0 as good as the overall share, negative worse; None where only one class is there."""
    spread = float(np.mean((collapsed.mean() - collapsed) ** 2))
    return 1.0 - float(np.mean((chance - collapsed) ** 2)) / spread if spread else None


def calibration_slope(chance: Floats, collapsed: npt.NDArray[np.bool_]) -> float | None:
    """Slope b of ``logit P(collapsed) = a + b logit(chance)``: 1 is best, below it the chances are too bold.

    Chances are kept within [0.001, 0.999], and a ridge of 0.001 keeps separable cases finite. None where only one class
    is there or all chances are equal.
    """
    kept = np.clip(chance, 1e-3, 1.0 - 1e-3)
    logit = np.log(kept / (1.0 - kept))
    if not 0 < collapsed.sum() < len(collapsed) or np.ptp(logit) == 0:
        return None
    x, w = np.column_stack([np.ones_like(logit), logit]), np.zeros(2)
    for _ in range(200):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ w, -30.0, 30.0)))
        step = np.linalg.solve(
            (x * (p * (1.0 - p))[:, None]).T @ x + 1e-3 * np.eye(2), x.T @ (collapsed - p) - 1e-3 * w
        )
        w = w + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
    return float(w[1])


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases whose predicted chance lies together: how many, what was predicted and what came, with a 95 % interval."""

    cases: int
    collapsed: int
    predicted: float
    low: float
    high: float

    @property
    def observed(self) -> float:
        return self.collapsed / self.cases


def reliability(chance: Floats, collapsed: npt.NDArray[np.bool_], bins: int = 8) -> list[Bin]:
    """Cases in ``bins`` equal ranges of the predicted chance, empty ones left out; Clopper-Pearson intervals."""
    place = np.minimum((chance * bins).astype(int), bins - 1)
    found = []
    for index in np.unique(place):
        inside = place == index
        n, k = int(inside.sum()), int(collapsed[inside].sum())
        low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
        high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
        found.append(Bin(n, k, float(chance[inside].mean()), low, high))
    return found


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Intersection over union of two row ranges, in [0, 1]."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(shared, 0) / max(max(one[1], other[1]) - min(one[0], other[0]), 1)


def comparison(truth: Sequence[Row], risks: Risks) -> dict[str, dict[str, float | None]]:
    """Figure by figure, then by who gives the risk: what can be compared between tools whose risks differ in scale.

    Each is judged on the cases that it answered, and ``cases answered`` says how many these are.
    """
    harm = np.array([row["utility_loss"] for row in truth], float)
    tables = np.array([row["table"] for row in truth])
    healthy = np.array([row["family"] == "healthy" for row in truth])
    found: dict[str, dict[str, float | None]] = {}

    def put(figure: str, label: str, value: float | None) -> None:
        found.setdefault(figure, {})[label] = value

    for label, given in risks.items():
        risk = np.array([np.nan if value is None else value for value in given], float)
        known = np.isfinite(risk)
        each = []
        for table in dict.fromkeys(tables.tolist()):
            here = known & (tables == table)
            each.append(rank_correlation(risk[here], harm[here]))
            put(f"rank correlation, {table}", label, each[-1])
        ranked = [value for value in each if value is not None]
        put("rank correlation, mean", label, float(np.mean(ranked)) if ranked else None)
        put(DETECTION, label, detection(risk[known], harm[known] > COLLAPSED))
        put(HEALTHY, label, float(risk[known & healthy].max()) if (known & healthy).any() else None)
        put("cases answered", label, float(known.sum()))
    return found


def lead(compared: Mapping[str, Mapping[str, float | None]], ours: str) -> dict[str, float]:
    """By table: our rank correlation less that of the best peer there; left out where either is missing."""
    found = {}
    for figure, values in compared.items():
        peers = [value for label, value in values.items() if label != ours and value is not None]
        own = values.get(ours)
        if figure.startswith("rank correlation, ") and not figure.endswith(" mean") and peers and own is not None:
            found[figure.removeprefix("rank correlation, ")] = own - max(peers)
    return found


def figures_of_merit(truth: Sequence[Row], rows: Sequence[Row]) -> dict[str, float]:
    """Rank correlations, detection, calibration, healthy controls, regions, seconds; what cannot be had is left out."""
    harm = np.array([row["utility_loss"] for row in truth], float)
    collapsed = harm > COLLAPSED
    compared = comparison(
        truth, {name: [row[key] for row in rows] for name, key in (("risk", "risk_score"), ("rho", "rho"))}
    )
    found: dict[str, float | None] = {
        f"rank correlation of {name}, {figure.removeprefix('rank correlation, ')}": values[name]
        for name in ("risk", "rho")
        for figure, values in compared.items()
        if figure.startswith("rank correlation, ")
    }
    chance = np.array([row["collapse_probability"] for row in rows], float)
    found["AUROC of the collapse probability"] = detection(chance, collapsed)
    found["Brier skill"] = brier_skill(chance, collapsed)
    found["calibration slope"] = calibration_slope(chance, collapsed)
    healthy = [row for known, row in zip(truth, rows, strict=True) if known["family"] == "healthy"]
    if healthy:
        scores = [score for row in healthy for score in row["dimensions"].values() if score is not None]
        found[HEALTHY] = max(row["risk_score"] for row in healthy)
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
    return {name: value for name, value in found.items() if value is not None}
