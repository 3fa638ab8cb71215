"""What training on a million to a billion rows would give, and where that must not be said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from synthos.cascade.curves import LEAST_YARDSTICK, Curves
from synthos.cascade.scaling_law import FORM, Fit, Floats, Points, fit_law, refusal
from synthos.cascade.tiers import TIERS
from synthos.results import CascadeResult, Law, ModelRun, ScalePrediction, Tier
from synthos.stats.bootstrap import percentile_interval

SCALES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
#: Beyond so many times the largest run only the floor and the direction are stated.
REACH = 100
#: Correlation of the arms' errors, which share sizes, test rows and random streams; from the back-tests of rho.
_SHARED = 0.6
#: Sizes whose trend makes the direction.
_TREND = 4

Direction = Literal["closing", "level", "widening"]


def predict(
    synthetic: Sequence[ModelRun], reference: Sequence[ModelRun], curves: Curves, rng: np.random.Generator
) -> tuple[Law, tuple[ScalePrediction, ...]]:
    """The law of both arms, heavy tier, and its predictions."""
    points = [Points.of(arm) for arm in (synthetic, reference)]
    seed = int(rng.integers(2**32))
    s_fit, r_fit = (fit_law(p, np.random.default_rng(seed)) for p in points)
    forecast = partial(
        _forecast, s_fit=s_fit, r_fit=r_fit, apart=fit_law(points[1], rng), independent=float(curves.independent[0])
    )
    reasons = [
        f"{arm} arm: {reason}"
        for arm, fit, p in zip(("synthetic", "reference"), (s_fit, r_fit), points, strict=True)
        if (reason := refusal(fit, p)) is not None
    ]
    error = max(abs(s_fit.surprise) / points[0].bits.min(), abs(r_fit.surprise) / points[1].bits.min())
    law = Law(
        form=FORM,
        synthetic=s_fit.law,
        reference=r_fit.law,
        backtest_error=float(error),
        refused="; ".join(reasons) or None,
    )
    heading = direction(curves)
    if law.refused:
        return law, tuple(_refused(rows, law.refused, heading) for rows in SCALES)
    floor = forecast(math.inf)
    return law, tuple(
        _prediction(rows, forecast(rows), s_fit.largest, heading)
        if rows <= REACH * s_fit.largest
        else _floor(rows, floor, s_fit.largest, heading)
        for rows in SCALES
    )


def predict_at(
    result: CascadeResult, rows: int, tier: Tier = TIERS[-1], *, rng: np.random.Generator
) -> ScalePrediction:
    """What the law of one tier says of ``rows`` training rows, from a cascade that is finished.

    As in ``predict``: refused where the law must not be extrapolated, the floor where it is asked beyond ``REACH``
    times the largest run. ``direction`` is that of the cascade's own predictions.
    """
    points = [Points.of(arm) for arm in (result.models, result.reference_models)]
    heading = result.predictions[0].direction
    size = float(next(model.parameters for model in result.models if model.tier == tier))
    seed = int(rng.integers(2**32))
    fits = [fit_law(arm, np.random.default_rng(seed), parameters=size) for arm in points]
    for arm, fit, known in zip(("synthetic", "reference"), fits, points, strict=True):
        if (reason := refusal(fit, known)) is not None:
            return _refused(rows, f"{arm} arm, {tier} tier: {reason}", heading)
    apart = fit_law(points[1], rng, parameters=size)
    at = rows if rows <= REACH * fits[0].largest else math.inf
    loss = _forecast(at, s_fit=fits[0], r_fit=fits[1], apart=apart, independent=result.independent_bits)
    stated = _prediction if math.isfinite(at) else _floor
    return stated(rows, loss, fits[0].largest, heading, tier)


def direction(curves: Curves) -> Direction:
    """Whether rho falls or grows with more rows, over the largest sizes; "level" where zero is in the interval.

    The slope's error joins that of the test rows (bootstrap) with the scatter of rho around the line (training).
    """
    steps = np.log(curves.rows[-_TREND:])
    steps = steps - steps.mean()
    weights = steps / (steps**2).sum()
    rho = curves.rho[-_TREND:]
    slopes = weights @ rho
    left = rho[:, 0] - rho[:, 0].mean() - steps * slopes[0]
    scatter = float((left**2).sum()) / (_TREND - 2) * float((weights**2).sum())
    half = 1.96 * math.sqrt(float(slopes[1:].var()) + scatter)
    if slopes[0] > half:
        return "widening"
    return "closing" if slopes[0] < -half else "level"


def _refused(rows: int, reason: str, heading: Direction | None) -> ScalePrediction:
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


def _forecast(rows: float, *, s_fit: Fit, r_fit: Fit, apart: Fit, independent: float) -> tuple[Floats, Floats]:
    """Loss of the synthetic arm and rho at ``rows``, by every copy of the laws.

    ``s_fit`` and ``r_fit`` are drawn from the same random numbers, so that their errors go together; ``apart`` is the
    reference's law with draws of its own.
    """
    s, r = s_fit.predict(rows), together(r_fit.predict(rows), apart.predict(rows))
    return s, (s - r) / np.maximum(independent - r, LEAST_YARDSTICK * independent)


def together(shared: Floats, apart: Floats) -> Floats:
    """Copies of a loss whose error goes with the other arm's as much as it does; of ``shared`` it goes wholly.

    Both of shape (1 + copies,), the law's own loss first.
    """
    joined: Floats = shared[0] + _SHARED * (shared - shared[0]) + math.sqrt(1 - _SHARED**2) * (apart - shared[0])
    return joined


def _prediction(
    rows: int, forecast: tuple[Floats, Floats], run: float, heading: Direction | None, tier: Tier = TIERS[-1]
) -> ScalePrediction:
    loss, rho = forecast
    return ScalePrediction(
        rows=rows,
        basis="extrapolated",
        loss_bits=float(loss[0]),
        loss_interval=percentile_interval(loss[1:], float(loss[0])),
        rho=float(rho[0]),
        rho_interval=percentile_interval(rho[1:], float(rho[0])),
        direction=heading,
        note=f"{_times(rows / run)} times the largest run, {tier} tier",
    )


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 1 else f"{ratio:.1g}"


def _floor(
    rows: int, forecast: tuple[Floats, Floats], run: float, heading: Direction | None, tier: Tier = TIERS[-1]
) -> ScalePrediction:
    note = (
        f"more than {REACH} times the largest run ({run:,.0f} rows): loss and rho are the floors that the law states "
        "for endless rows, not figures for this size"
    )
    return replace(_prediction(rows, forecast, run, heading, tier), basis="floor", note=note)
