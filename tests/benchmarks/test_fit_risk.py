"""The fit of the chance: it finds the slope that made the cases, and no case has a say in its own held-out answer."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fit_risk import (
    features,
    fit_score,
    fit_slope,
    held_out_answers,
    with_intervals,
)
from benchmarks.merit import brier_skill, calibration_slope
from benchmarks.truth import family_of
from synthos.verdict.harm import OFFSET, score_of

TABLES = np.repeat(["a", "b", "c"], 40)
KINDS = np.tile(np.repeat(["tree", "copula", "noise", "mode"], 10), 3)


def made_cases(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of one feature, and harms scattered about them."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.0, 4.0, len(TABLES))
    return scores[:, None], OFFSET * np.expm1(np.maximum(scores + rng.normal(scale=0.3, size=len(scores)), 0.0))


def test_the_slope_is_found_again() -> None:
    rng = np.random.default_rng(1)
    logit = rng.uniform(-2.0, 2.0, 20_000)
    happened = rng.random(len(logit)) < 1.0 / (1.0 + np.exp(-3.0 * logit))
    assert fit_slope(logit, happened, np.ones(len(logit))) == pytest.approx(3.0, rel=0.05)


def test_chances_that_are_right_have_slope_one_and_skill() -> None:
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.02, 0.98, 20_000)
    happened = rng.random(len(chance)) < chance
    assert calibration_slope(chance, happened) == pytest.approx(1.0, abs=0.05)
    assert 0.2 < brier_skill(chance, happened) < 0.5
    assert brier_skill(np.full(len(chance), happened.mean()), happened) == pytest.approx(0.0, abs=1e-9)


def test_no_case_of_a_table_or_a_family_has_a_say_in_its_held_out_answer() -> None:
    x, harm = made_cases()
    scores, chances = held_out_answers(x, harm, TABLES, KINDS)
    assert scores == pytest.approx(x[:, 0])
    turned = harm.copy()
    related = (TABLES == "a") | (KINDS == "tree")
    turned[related] = harm[related][::-1]
    again = held_out_answers(x, turned, TABLES, KINDS)[1]
    mine = (TABLES == "a") & (KINDS == "tree")
    assert again[mine] == pytest.approx(chances[mine])
    assert np.abs(again[~related] - chances[~related]).max() > 1e-6


def test_coefficients_are_never_negative() -> None:
    x, harm = made_cases()
    against = np.column_stack([x[:, 0], -x[:, 0] + 4.0])
    assert (fit_score(against, harm, np.ones(len(harm))) >= 0.0).all()


def test_mixtures_go_with_what_they_dilute() -> None:
    assert family_of({"family": "cart_mix"}) == family_of({"family": "cart"}) == "cart"


def test_a_utility_loss_becomes_a_score() -> None:
    answers = [{"utility": {"loss": 0.3, "interval": [0.3, 0.3]}, "losses": {"rare_pattern_handling": 0.2}}]
    assert features(answers, ["rare_pattern_handling"]).tolist() == [[score_of(0.3), 0.2]]


def test_intervals_redraw_whole_groups() -> None:
    values = np.repeat([0.0, 1.0], 50)
    found = with_intervals(lambda at: {"mean": float(values[at].mean())}, np.repeat(["one", "other"], 50))
    assert found["mean"] == (0.5, 0.0, 1.0)
