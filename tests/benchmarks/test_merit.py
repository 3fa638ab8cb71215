"""Figures of merit against answers that can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import merit

Row = dict[str, Any]


def cases(*harms: float, table: str = "census", family: str = "cart") -> list[Row]:
    return [
        {"table": table, "key": f"k{place}", "family": family, "utility_loss": harm} for place, harm in enumerate(harms)
    ]


def floats(*values: float) -> np.ndarray:
    return np.array(values, float)


@pytest.mark.parametrize(
    ("risk", "rho"),
    [
        ((1, 2, 3, 4), 1.0),
        ((4, 3, 2, 1), -1.0),
        ((1, 3, 2, 4), 0.8),  # 1 - 6 * 2 / (4 * 15)
        ((5, 5, 6, 9), 0.9487),  # a tie: ranks 1.5, 1.5, 3, 4
    ],
)
def test_rank_correlation(risk: tuple[float, ...], rho: float) -> None:
    assert merit.rank_correlation(floats(*risk), floats(0.0, 0.1, 0.2, 0.3)) == pytest.approx(rho, abs=1e-4)


def test_no_rank_correlation_of_two_cases_or_of_a_constant() -> None:
    assert merit.rank_correlation(floats(1, 2), floats(0, 1)) is None
    assert merit.rank_correlation(floats(1, 1, 1), floats(0, 1, 2)) is None
    assert merit.rank_correlation(floats(0, 1, 2), floats(1, 1, 1)) is None


def test_detection_counts_the_pairs_in_the_right_order() -> None:
    collapsed = np.array([False, False, True, True])
    assert merit.detection(floats(1, 3, 2, 4), collapsed) == 0.75
    assert merit.detection(floats(1, 2, 2, 3), collapsed) == 0.875  # a tie is half a pair
    assert merit.detection(floats(1, 2, 3, 4), np.array([True] * 4)) is None


def test_brier_skill() -> None:
    collapsed = np.array([False, False, True, True])
    assert merit.brier_skill(collapsed.astype(float), collapsed) == 1.0
    assert merit.brier_skill(floats(0.5, 0.5, 0.5, 0.5), collapsed) == 0.0
    assert merit.brier_skill(floats(0.2, 0.2, 0.8, 0.8), collapsed) == pytest.approx(0.84)  # 1 - 0.04 / 0.25
    assert merit.brier_skill(1.0 - collapsed, collapsed) == pytest.approx(-3.0)
    assert merit.brier_skill(floats(0.5, 0.5), np.array([False, False])) is None


@pytest.mark.parametrize(("low", "high", "slope"), [(0.2, 0.8, 1.0), (1 / 3, 2 / 3, 2.0), (1 / 17, 16 / 17, 0.5)])
def test_calibration_slope(low: float, high: float, slope: float) -> None:
    """Shares of 0.2 and 0.8 have logits of -ln 4 and ln 4; half and twice these were predicted in the other cases."""
    collapsed = np.repeat([True, False, True, False], [20, 80, 80, 20])
    assert merit.calibration_slope(np.repeat([low, high], 100), collapsed) == pytest.approx(slope, rel=1e-3)


def test_calibration_slope_stays_finite_where_classes_are_apart_and_is_none_where_there_is_none() -> None:
    collapsed = np.array([False, False, True, True])
    apart = merit.calibration_slope(floats(0.0, 0.3, 0.7, 1.0), collapsed)
    assert apart is not None and 1.0 < apart < 100.0
    assert merit.calibration_slope(floats(0.4, 0.4, 0.4, 0.4), collapsed) is None
    assert merit.calibration_slope(floats(0.1, 0.2), np.array([True, True])) is None


def test_reliability_counts_every_case_once_with_exact_intervals() -> None:
    chance = floats(0.0, 0.05, 0.1, 0.5, 0.55, 1.0)
    found = merit.reliability(chance, np.array([False, False, False, True, False, True]))
    assert [(each.cases, each.collapsed) for each in found] == [(3, 0), (2, 1), (1, 1)]
    assert [each.predicted for each in found] == pytest.approx([0.05, 0.525, 1.0])
    assert [each.observed for each in found] == [0.0, 0.5, 1.0]
    assert (found[0].low, found[0].high) == pytest.approx((0.0, 1 - 0.025 ** (1 / 3)))  # none of three
    assert (found[2].low, found[2].high) == pytest.approx((0.025, 1.0))  # one of one
    assert found[1].low == pytest.approx(1 - found[1].high) and 0 < found[1].low < 0.5


def test_the_comparison_uses_the_cases_that_each_answered() -> None:
    truth = cases(0.0, 0.05, 0.2, 0.3) + cases(0.0, 0.2, 0.4, table="bank", family="healthy")
    found = merit.comparison(
        truth, {"ours": [1, 2, 3, 4, 5, 6, 7], "theirs": [4, None, 2, 1, None, None, 3], "silent": [None] * 7}
    )
    assert found["rank correlation, census"] == {"ours": pytest.approx(1), "theirs": pytest.approx(-1), "silent": None}
    assert found["rank correlation, bank"] == {"ours": pytest.approx(1), "theirs": None, "silent": None}
    assert found["rank correlation, mean"]["theirs"] == pytest.approx(-1)
    assert found[merit.DETECTION] == {"ours": pytest.approx(10 / 12), "theirs": 0.0, "silent": None}
    assert found[merit.HEALTHY] == {"ours": 7, "theirs": 3, "silent": None}
    assert found["cases answered"] == {"ours": 7, "theirs": 4, "silent": 0}


def test_the_lead_is_over_the_best_peer_of_each_table() -> None:
    compared: dict[str, dict[str, float | None]] = {
        "rank correlation, census": {"ours": 0.9, "one": 0.5, "two": 0.7},
        "rank correlation, bank": {"ours": 0.6, "one": 0.8, "two": None},
        "rank correlation, lone": {"ours": 0.6, "one": None, "two": None},
        "rank correlation, mean": {"ours": 0.7, "one": 0.65, "two": 0.7},
        merit.DETECTION: {"ours": 0.9, "one": 0.5, "two": 0.5},
    }
    assert merit.lead(compared, "ours") == {"census": pytest.approx(0.2), "bank": pytest.approx(-0.2)}
    assert merit.lead(compared, "nobody") == {}


@pytest.mark.parametrize(("other", "share"), [((0, 100), 1.0), ((50, 150), 1 / 3), ((100, 200), 0.0), ((25, 75), 0.5)])
def test_overlap_of_row_ranges(other: tuple[int, int], share: float) -> None:
    assert merit.overlap((0, 100), other) == pytest.approx(share)
