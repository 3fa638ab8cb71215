"""What training on a million to a billion rows would give, and where that must not be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthos.cascade.scaling_law import DATA_FORM, FULL_FORM, Fit, Floats, Points, fit_law, refusal
from synthos.results import Interval, Law, ModelRun, ScalePrediction

if TYPE_CHECKING:
    from synthos.cascade.summary import Curves

SCALES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
#: Beyond so many times the largest run only the floor and the direction are stated.
REACH = 100
#: Sizes whose trend makes the direction.
_TREND = 4

Direction = Literal["closing", "level", "widening"]


def predict(
    synthetic: Sequence[ModelRun], reference: Sequence[ModelRun], curves: Curves, rng: np.random.Generator
) -> tuple[Law, tuple[ScalePrediction, ...]]:
    """The law of both arms in the form that back-tests better, and its predictions."""
    largest = max(run.parameters for run in reference)
    candidates = []
    for form in (FULL_FORM, DATA_FORM):
        whole = form == FULL_FORM
        points = [Points.of([run for run in arm if whole or run.tier == "heavy"]) for arm in (synthetic, reference)]
        fits = [fit_law(p, rng, with_model=whole) for p in points]
        candidates.append((max(abs(fit.surprise) for fit in fits), form, points, fits))
    _, form, points, (s_fit, r_fit) = min(candidates, key=lambda item: item[0])
    reasons = [
        f"{arm} arm: {reason}"
        for arm, fit, p in zip(("synthetic", "reference"), (s_fit, r_fit), points, strict=True)
        if (reason := refusal(fit, p)) is not None
    ]
    error = max(abs(s_fit.surprise) / points[0].bits.min(), abs(r_fit.surprise) / points[1].bits.min())
    law = Law(
        form=form,
        synthetic=s_fit.law,
        reference=r_fit.law,
        backtest_error=float(error),
        refused="; ".join(reasons) or None,
    )
    heading = direction(curves)
    if law.refused:
        return law, tuple(_refused(rows, law.refused, heading) for rows in SCALES)
    return law, tuple(
        _prediction(rows, largest, s_fit, r_fit, float(curves.independent[0]), heading, rng) for rows in SCALES
    )


def direction(curves: Curves) -> Direction:
    """Whether rho falls or grows with more rows, over the largest sizes; "level" where zero is in the interval."""
    steps = np.log(curves.rows[-_TREND:])
    steps = steps - steps.mean()
    slopes = steps @ curves.rho[-_TREND:] / (steps**2).sum()
    low, high = np.quantile(slopes[1:], [0.025, 0.975])
    if min(low, slopes[0]) > 0:
        return "widening"
    if max(high, slopes[0]) < 0:
        return "closing"
    return "level"


def _refused(rows: int, reason: str, heading: Direction) -> ScalePrediction:
    return ScalePrediction(
        rows=rows,
        basis="refused",
        loss_bits=None,
        loss_interval=None,
        rho=None,
        rho_interval=None,
        direction=heading,
        note=reason,
    )


def _prediction(
    rows: int, parameters: int, s_fit: Fit, r_fit: Fit, independent: float, heading: Direction, rng: np.random.Generator
) -> ScalePrediction:
    within = rows <= REACH * s_fit.largest
    at = float(rows) if within else np.inf
    s, r = s_fit.predict(parameters, at, rng), r_fit.predict(parameters, at, rng)
    # Interpolated noise may carry the reference's loss past the independent one, where rho means nothing.
    rho = (s - r) / np.maximum(independent - r, 0.02 * independent)
    if within:
        note = f"{rows / s_fit.largest:.0f} times the largest run, heavy tier"
    else:
        note = (
            f"more than {REACH} times the largest run ({s_fit.largest:,.0f} rows): loss and rho are the floors that "
            "the law states for endless rows, not figures for this size"
        )
    return ScalePrediction(
        rows=rows,
        basis="extrapolated" if within else "floor",
        loss_bits=float(s[0]),
        loss_interval=_interval(s),
        rho=float(rho[0]),
        rho_interval=_interval(rho),
        direction=heading,
        note=note,
    )


def _interval(values: Floats) -> Interval:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Interval(low=float(min(low, values[0])), high=float(max(high, values[0])))
