"""Geometry of the charts against the values that they stand for."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest
import report_factory
from hypothesis import given
from hypothesis import strategies as st

from synthos.reporting.charts import bars
from synthos.reporting.charts.curves import BOTTOM, LEFT, RIGHT, TOP, curves
from synthos.reporting.charts.heatmap import heatmap
from synthos.reporting.charts.overlay import overlay
from synthos.reporting.charts.rowmap import MAX_LANES, rowmap
from synthos.reporting.charts.scale import Scale, area, decades, padded, path, steps
from synthos.reporting.material import PairMap
from synthos.results import Interval

SIZE = (900.0, 420.0)


# --- scales ---


def test_scales_map_ends_to_ends() -> None:
    scale = Scale(10, 1_000, 0, 100, log=True)
    assert [scale(10), scale(100), scale(1_000)] == [0, 50, 100]
    assert Scale(0, 4, 100, 0)(1) == 75
    assert Scale(3, 3, 0, 10)(3) == 5
    assert scale.inside(1) == 10 and scale.inside(5_000) == 1_000


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 9))
def test_steps_are_round_ascending_and_inside(low: float, reach: float, count: int) -> None:
    high = low + reach
    ticks = steps(low, high, count)
    assert list(ticks) == sorted(set(ticks))
    assert len(ticks) <= count + 2
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert all(low - slack <= tick <= high + slack for tick in ticks)


def test_steps_of_a_point_and_of_shares() -> None:
    assert steps(5, 5) == (5,)
    assert steps(0.0, 0.34, 3) == (0.0, 0.2)
    assert steps(0, 20_000, 5) == (0, 5_000, 10_000, 15_000, 20_000)


def test_decades() -> None:
    assert decades(400, 2e6) == (1e3, 1e4, 1e5, 1e6)
    assert decades(150, 900) == (200, 500)


def test_padding_and_paths() -> None:
    assert padded([]) == (0.0, 1.0) and padded([math.nan]) == (0.0, 1.0)
    low, high = padded([20.0, math.inf, 24.0])
    assert low < 20 and 24 < high < 25
    assert padded([3.0])[0] < 3.0
    assert path([(1, 2)]) == "" and path([(1, 2), (3.5, 4)]) == "M1 2L3.5 4"
    assert area([(0, 1), (2, 1)], [(0, 3), (2, 3)]) == "M0 1L2 1L2 3L0 3Z"
    assert area([(0, 1)], [(0, 3)]) == ""


def test_strips() -> None:
    assert (bars.clip(-3), bars.clip(120)) == (0, 100)
    assert (bars.track(0), bars.track(100)) == (2, 98)
    assert (bars.ratio_at(0), bars.ratio_at(1), bars.ratio_at(9)) == (4, 50, 96)
    assert [bars.tone(score) for score in (95, 75, 20)] == ["good", "middling", "bad"]


# --- learning curves ---


def test_points_stand_at_their_rows_and_bits() -> None:
    result = report_factory.cascade()
    chart = curves(result, *SIZE)
    assert len(chart.points) == 36
    runs = (*result.models, *result.reference_models)
    by_rows = sorted(zip(runs, chart.points, strict=True), key=lambda pair: pair[0].rows)
    assert [point.x for _, point in by_rows] == sorted(point.x for point in chart.points)
    by_loss = sorted(zip(runs, chart.points, strict=True), key=lambda pair: -pair[0].loss_bits)
    assert [point.y for _, point in by_loss] == sorted(point.y for point in chart.points), "lower losses lie lower"
    for run, point in zip(runs, chart.points, strict=True):
        assert point.arm == run.arm and f"{run.loss_bits:.2f}" in point.title
        assert point.high < point.y < point.low


def test_everything_lies_within_the_frame() -> None:
    chart = curves(report_factory.cascade(), *SIZE)
    drawn = [line.measured + line.beyond for line in chart.lines] + [chart.band]
    for text in drawn:
        for x, y in re.findall(r"[ML](\S+) ([\d.]+)", text):
            assert LEFT <= float(x) <= SIZE[0] - RIGHT and TOP <= float(y) <= SIZE[1] - BOTTOM
    for item in chart.predictions:
        assert TOP <= item.high <= item.y <= item.low <= SIZE[1] - BOTTOM
    assert chart.independent is not None and chart.frontier is not None


def test_the_law_meets_its_own_points() -> None:
    result = report_factory.cascade()
    exact = replace(
        result,
        models=tuple(
            replace(run, loss_bits=20.62 + 12 / run.parameters**0.35 + 95 / run.rows**0.55) for run in result.models
        ),
    )
    chart = curves(exact, *SIZE)
    line = next(item for item in chart.lines if item.arm == "synthetic" and item.strong)
    start = re.match(r"M(\S+) ([\d.]+)", line.measured)
    first = next(point for point in chart.points if point.shape == "triangle")
    assert start is not None
    assert (float(start[1]), float(start[2])) == pytest.approx((first.x, first.y), abs=0.2)


def test_the_band_opens_from_the_largest_run_to_the_last_extrapolation() -> None:
    result = report_factory.cascade()
    chart = curves(result, *SIZE)
    xs = [float(x) for x in re.findall(r"[ML](\S+) ", chart.band)]
    last = next(item for item in chart.predictions if not item.is_floor)
    assert min(xs) == chart.frontier and max(xs) == last.x
    assert [item.is_floor for item in chart.predictions] == [False, True, True, True]


def test_refused_laws_draw_points_only() -> None:
    chart = curves(report_factory.cascade("too noisy"), *SIZE)
    assert len(chart.points) == 36
    assert (chart.lines, chart.predictions, chart.band, chart.frontier) == ((), (), "", None)


def test_losses_that_are_not_finite_are_left_out() -> None:
    result = report_factory.cascade()
    broken = replace(result, models=(replace(result.models[0], loss_bits=math.nan), *result.models[1:]))
    assert len(curves(broken, *SIZE).points) == 35


def test_one_arm_alone_can_be_drawn() -> None:
    result = report_factory.cascade()
    alone = replace(result, reference_models=(), law=replace(result.law, reference=None))
    assert {line.arm for line in curves(alone, *SIZE).lines} == {"synthetic"}


# --- columns ---


def test_bars_and_steps_stand_at_their_shares() -> None:
    item = report_factory.overlays()[3]
    chart = overlay(item)
    unit = (chart.bars[0].height) / item.reference[0]
    for bar, real, ours in zip(chart.bars, item.reference, item.synthetic, strict=True):
        assert bar.height == pytest.approx(real * unit, abs=0.2)
        assert chart.bottom - bar.level == pytest.approx(ours * unit, abs=0.2)
    assert chart.steps.count("L") == 2 * len(item.labels) - 1
    assert f"{100 * item.reference[0]:.1f}".rstrip("0").rstrip(".") in chart.bars[0].title


def test_columns_within_chance_say_so() -> None:
    item = report_factory.overlays()[0]
    assert overlay(item).beyond_noise and "chance explains" in overlay(item).caption
    calm = overlay(replace(item, distance=0.001))
    assert not calm.beyond_noise and calm.caption.startswith("no further apart than chance")


@pytest.mark.parametrize("count", [0, 1, 2, 5, 24])
def test_labels_fit_however_many_there_are(count: int) -> None:
    item = replace(
        report_factory.overlays()[0],
        labels=tuple(f"a rather long label {k}" for k in range(count)),
        reference=(1 / max(1, count),) * count,
        synthetic=(1 / max(1, count),) * count,
    )
    chart = overlay(item)
    assert len(chart.x_ticks) == min(count, 3)
    assert count <= 2 or all(len(label) <= 16 for _, _, label in chart.x_ticks)
    short = overlay(replace(item, labels=tuple("ab"[k % 2] for k in range(count))))
    assert len(short.x_ticks) == count


# --- pairs ---


def pairs(change: float) -> PairMap:
    matrix = ((0.0, change, 0.005), (change, 0.0, -0.2), (0.005, -0.2, 0.0))
    return PairMap(columns=("a", "b", "c"), change=matrix, noise=((0.01,) * 3,) * 3, rows=100, left_out=0)


def test_only_pairs_beyond_chance_are_drawn_worst_first() -> None:
    chart = heatmap(pairs(0.05))
    assert (chart.changed, chart.pairs, chart.strongest) == (2, 3, 0.2)
    assert [(w.first, w.second, w.change) for w in chart.worst] == [("c", "b", -0.2), ("b", "a", 0.05)]
    worst, mild = chart.cells
    assert worst.lost and worst.strength == 1 and (worst.x, worst.y) == (chart.side, 2 * chart.side)
    assert not mild.lost and 0.18 <= mild.strength < 1
    assert "lost" in worst.title and "invented" in mild.title


def test_a_calm_map_is_empty() -> None:
    calm = replace(pairs(0.0), change=((0.0,) * 3,) * 3)
    chart = heatmap(calm)
    assert (chart.cells, chart.worst, chart.strongest, chart.pairs) == ((), (), 0.0, 3)


# --- rows ---


def test_regions_lie_over_their_rows_and_never_over_each_other() -> None:
    chart = rowmap(report_factory.row_map(), report_factory.regions())
    first, second, third = chart.marks
    assert (first.x, first.width, first.lane) == (40, 15, 0)
    assert (second.x, second.width, second.lane) == (52.5, 12.5, 1)
    assert third.width == 0.8 and not third.is_inside and third.text > third.x
    assert first.slack == pytest.approx(0.4)
    assert "8,000 to 10,999" in first.title and "tails cut off" in first.title


def test_many_regions_are_bounded() -> None:
    many = report_factory.wide().regions
    chart = rowmap(report_factory.row_map(), many)
    assert chart.lanes <= MAX_LANES and chart.left_out == len(many) - len(chart.marks) > 0
    for lane in range(chart.lanes):
        marks = [mark for mark in chart.marks if mark.lane == lane]
        assert all(a.x + a.width <= b.x for a, b in pairwise(marks))


def test_strength_follows_the_excess() -> None:
    chart = rowmap(report_factory.row_map(), ())
    rows = report_factory.row_map().bins
    assert sum(item.width for item in chart.stretches) == pytest.approx(100, abs=1)
    assert all((item.strength > 0) == (bin_.excess > 0) for item, bin_ in zip(chart.stretches, rows, strict=True))
    calm = replace(report_factory.row_map(), bins=tuple(replace(b, excess=0.001, column="a") for b in rows))
    assert max(item.strength for item in rowmap(calm, ()).stretches) < 0.3, "a faint departure must look faint"


def test_predictions_without_interval_are_points() -> None:
    result = report_factory.cascade()
    bare = tuple(replace(item, loss_interval=None) for item in result.predictions)
    chart = curves(replace(result, predictions=bare), *SIZE)
    assert all(item.low == item.y == item.high for item in chart.predictions)
    assert chart.band == ""
    wide = tuple(replace(item, loss_interval=Interval(low=1, high=60)) for item in result.predictions)
    assert all(item.high >= TOP for item in curves(replace(result, predictions=wide), *SIZE).predictions)
