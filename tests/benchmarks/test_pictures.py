"""What the pictures show: every point, in the right panel, with the right figure above it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import pictures

TRUTH: list[dict[str, Any]] = [
    {"table": table, "key": key, "family": family, "utility_loss": harm, "generation": generation}
    for table in ("bank", "census")
    for key, family, harm, generation in (
        ("real", "healthy", -0.004, None),
        ("cart_g2", "cart", 0.2, 2),
        ("cart_g1", "cart", 0.1, 1),
        ("noise_10", "planted_noise", 0.02, None),
    )
]
RISKS: dict[str, list[float | None]] = {
    "Synthos, risk": [0, 30, 20, 5, 0, 30, 20, 5],
    "SDMetrics, 1 − quality": [2, 1, None, 3, 1, 2, 3, 4],
    "SDMetrics, 1 − pair trends": [1, 4, 3, 2, 1, 4, 3, 2],
}


def test_a_tool_is_drawn_at_its_best() -> None:
    assert list(pictures.best_of_each_tool(TRUTH, RISKS)) == ["Synthos, risk", "SDMetrics, 1 − pair trends"]
    silent: dict[str, list[float | None]] = {
        "SDMetrics, 1 − quality": [None] * 8,
        "SDMetrics, 1 − pair trends": [3] * 8,
    }
    assert list(pictures.best_of_each_tool(TRUTH, silent)) == ["SDMetrics, 1 − quality"]


def test_every_panel_holds_its_points_and_its_rank_correlation() -> None:
    figure = pictures.risk_against_harm(TRUTH, {name: RISKS[name] for name in list(RISKS)[:2]})
    titles = [(axes.get_title("left"), axes.get_title("right")) for axes in figure.axes]
    assert titles == [("bank", "ρ 1.00"), ("census", "ρ 1.00"), ("bank", "ρ −0.50"), ("census", "ρ 0.20")]
    assert [len(axes.collections) for axes in figure.axes] == [4, 4, 3, 4]
    low, high = figure.axes[0].get_xlim()
    assert low < -0.004 and high > 0.2
    chain = figure.axes[0].lines[-1]
    assert list(np.asarray(chain.get_xdata())) == [0.1, 0.2], "generations are joined in their order"


def test_a_family_nobody_knows_is_drawn_too() -> None:
    assert pictures.kind("healthy")[0] == "fresh real sample"
    assert pictures.kind("healthy_memorised")[0] == "real rows, drawn again"
    assert pictures.kind("cart_mix")[0] == "refitted trees"
    assert pictures.kind("diffusion")[0] == "other"


def test_the_spread_of_the_axis_can_be_undone() -> None:
    harms = np.array([-0.04, 0.0, 0.01, 1.44])
    assert pictures.spread(harms) == pytest.approx([-0.2, 0.0, 0.1, 1.2])
    assert pictures.gathered(pictures.spread(harms)) == pytest.approx(harms)


@pytest.mark.slow
def test_the_same_figures_give_the_same_files(tmp_path: Path) -> None:
    rows = [{"collapse_probability": chance} for chance in (0.0, 0.9, 0.6, 0.1) * 2]
    first, second = (pictures.draw(TRUTH, RISKS, tmp_path / name, rows) for name in "ab")
    assert [path.name for path in first] == [
        "collapse_bench.png",
        "collapse_bench.svg",
        "reliability.png",
        "reliability.svg",
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
