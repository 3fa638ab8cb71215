"""Learning curves: bits per row on real rows against training rows, both arms, with the law and what it predicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from synthos.reporting import numbers
from synthos.reporting.charts.scale import Scale, Tick, area, decades, padded, path, steps
from synthos.results import Arm, ArmLaw, CascadeResult, ModelRun, ScalePrediction, Tier

SHAPES: dict[Tier, str] = {"light": "circle", "medium": "square", "heavy": "triangle"}
TIERS: tuple[Tier, ...] = ("light", "medium", "heavy")
STEPS = 48
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 22.0, 40.0


@dataclass(frozen=True, slots=True)
class Point:
    """A trained model. ``low`` and ``high`` are the ends of its 95 % error bar in pixels."""

    x: float
    y: float
    low: float
    high: float
    arm: Arm
    shape: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted law. ``measured`` runs to the largest training size, ``beyond`` from there on."""

    arm: Arm
    strong: bool
    measured: str
    beyond: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted loss with its interval in pixels; ``is_floor`` where only the floor is stated."""

    x: float
    y: float
    low: float
    high: float
    is_floor: bool
    title: str


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Positions of everything in the learning-curve chart. ``frontier`` is where the measured sizes end."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    predictions: tuple[Prediction, ...]
    band: str
    independent: float | None
    frontier: float | None


def curves(result: CascadeResult, width: float, height: float) -> CurveChart:
    """The chart of one cascade in ``width`` x ``height`` pixels."""
    runs = (*result.models, *result.reference_models)
    stated = [p for p in result.predictions if p.loss_bits is not None]
    sizes = [run.rows for run in runs] or [1]
    largest = max(sizes)
    far = max([largest, *(p.rows for p in stated)])
    x = Scale(min(sizes) / 1.25, far * 1.25, LEFT, width - RIGHT, log=True)
    y = _vertical(result, runs, stated, height)
    return CurveChart(
        width=width,
        height=height,
        left=LEFT,
        right=width - RIGHT,
        top=TOP,
        bottom=height - BOTTOM,
        x_ticks=tuple(Tick(x(value), numbers.compact(value)) for value in decades(x.low, x.high)),
        y_ticks=tuple(Tick(y(value), numbers.number(value)) for value in steps(y.low, y.high, 5)),
        points=tuple(_point(run, x, y) for run in runs if math.isfinite(run.loss_bits)),
        lines=_lines(result, x, y, largest, stated),
        predictions=tuple(_prediction(p, x, y) for p in stated),
        band=_band(result, stated, x, y, largest),
        independent=y(result.independent_bits) if math.isfinite(result.independent_bits) else None,
        frontier=x(largest) if far > largest else None,
    )


def _vertical(
    result: CascadeResult, runs: Sequence[ModelRun], stated: Sequence[ScalePrediction], height: float
) -> Scale:
    values = [run.loss_bits for run in runs] + [result.independent_bits]
    for prediction in stated:
        values.append(prediction.loss_bits or math.nan)
        if prediction.loss_interval:
            values += [prediction.loss_interval.low, prediction.loss_interval.high]
    law, heavy = result.law.reference, _heavy(result.reference_models)
    if law is not None and result.law.refused is None and heavy is not None:
        reach = max((p.rows for p in stated if p.basis == "extrapolated"), default=1)
        values.append(_law(law, heavy, max(reach, *(run.rows for run in runs))))
    low, high = padded(values)
    return Scale(low, high, height - BOTTOM, TOP)


def _point(run: ModelRun, x: Scale, y: Scale) -> Point:
    reach = 1.96 * run.loss_error if math.isfinite(run.loss_error) else 0.0
    kind = "real" if run.arm == "reference" else "synthetic"
    title = (
        f"{run.tier} model trained on {numbers.count(run.rows)} {kind} rows: "
        f"{numbers.fixed(run.loss_bits)} ± {numbers.fixed(reach)} bits per row"
    )
    low, high = y.inside(run.loss_bits - reach), y.inside(run.loss_bits + reach)
    return Point(x(run.rows), y(run.loss_bits), y(low), y(high), run.arm, SHAPES[run.tier], title)


def _prediction(item: ScalePrediction, x: Scale, y: Scale) -> Prediction:
    assert item.loss_bits is not None
    interval = item.loss_interval
    low = y(interval.low) if interval else y(item.loss_bits)
    high = y(interval.high) if interval else y(item.loss_bits)
    what = "floor only" if item.basis == "floor" else "extrapolated"
    bounds = f" ({numbers.span(interval)})" if interval else ""
    title = f"{numbers.compact(item.rows)} rows, {what}: {numbers.fixed(item.loss_bits)}{bounds} bits per row"
    return Prediction(x(item.rows), y(item.loss_bits), low, high, item.basis == "floor", title)


def _law(law: ArmLaw, parameters: float, rows: float) -> float:
    """``E + A / N^a + B / D^b``."""
    model = law.model_coefficient * math.exp(-law.model_exponent * math.log(parameters))
    return law.floor + model + law.data_coefficient * math.exp(-law.data_exponent * math.log(rows))


def _heavy(runs: Sequence[ModelRun]) -> float | None:
    """Parameters of the largest heavy model, the one that predictions are made for."""
    found = [run.parameters for run in runs if run.tier == "heavy"]
    return max(found) if found else None


def _lines(
    result: CascadeResult, x: Scale, y: Scale, largest: float, stated: Sequence[ScalePrediction]
) -> tuple[Line, ...]:
    if result.law.refused is not None:
        return ()
    reach = max([largest, *(p.rows for p in stated if p.basis == "extrapolated")])
    lines: list[Line] = []
    arms: tuple[tuple[Arm, ArmLaw | None, tuple[ModelRun, ...]], ...] = (
        ("reference", result.law.reference, result.reference_models),
        ("synthetic", result.law.synthetic, result.models),
    )
    for arm, law, runs in arms:
        if law is None:
            continue
        for tier in TIERS:
            chosen = [run for run in runs if run.tier == tier]
            if not chosen:
                continue
            parameters = median(run.parameters for run in chosen)
            start = min(run.rows for run in chosen)
            strong = tier == "heavy"
            measured = _sampled(law, parameters, start, largest, x, y)
            beyond = _sampled(law, parameters, largest, reach, x, y) if strong and reach > largest else ""
            lines.append(Line(arm, strong, measured, beyond))
    return tuple(lines)


def _sampled(law: ArmLaw, parameters: float, start: float, stop: float, x: Scale, y: Scale) -> str:
    """The law as a path, broken off where it leaves the chart."""
    points: list[tuple[float, float]] = []
    for k in range(STEPS + 1):
        rows = start * (stop / start) ** (k / STEPS)
        value = _law(law, parameters, rows)
        if y.low <= value <= y.high:
            points.append((x(rows), y(value)))
    return path(points)


def _band(result: CascadeResult, stated: Sequence[ScalePrediction], x: Scale, y: Scale, largest: float) -> str:
    """The extrapolation's interval, opening from the largest run on; empty where the law was refused."""
    chosen = [p for p in stated if p.basis == "extrapolated" and p.loss_interval is not None and p.rows > largest]
    law = result.law.synthetic
    heavy = _heavy(result.models)
    if not chosen or law is None or result.law.refused is not None or heavy is None:
        return ""
    start = _law(law, heavy, largest)
    upper = [(x(largest), y(y.inside(start + 1.96 * law.error)))]
    lower = [(x(largest), y(y.inside(start - 1.96 * law.error)))]
    for item in sorted(chosen, key=lambda p: p.rows):
        assert item.loss_interval is not None
        upper.append((x(item.rows), y(item.loss_interval.high)))
        lower.append((x(item.rows), y(item.loss_interval.low)))
    return area(upper, lower)
