"""How components become one answer, and the views that dimensions share."""

from __future__ import annotations

import numpy as np
import pytest
from damages import ROWS, damaged

from synthos.dimensions.base import Judged, combine, informative, judged
from synthos.dimensions.views import blame, coarse, numeric_columns, numeric_values, reference_of
from synthos.errors import InternalError
from synthos.results import Blame, NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames
from synthos.stats.calibration import judge

NULL = np.linspace(0, 1, 100)


def component(value: float, name: str = "part") -> Judged:
    return judged(name, judge([value - 0.5, value, value + 0.5], NULL, 10.0), unit="bits", meaning="what it is")


def test_the_worst_component_is_the_score() -> None:
    result = combine(
        [component(2.0, "mild"), component(7.0, "bad"), informative("aside", 3.0, unit="1", meaning="shown")]
    )
    assert isinstance(result, Scored)
    assert result.score == min(p.score for p in result.components if p.score is not None)
    assert result.interval.low <= result.score <= result.interval.high
    assert [p.name for p in result.components] == ["mild", "bad", "aside"]


def test_without_a_judged_component_there_is_no_score() -> None:
    result = combine([informative("aside", 3.0, unit="1", meaning="shown")])
    assert isinstance(result, NotApplicable)


def test_a_component_that_could_not_be_judged_says_so() -> None:
    part = judged("part", judge(NULL, NULL, 0.9), unit="bits", meaning="what it is")
    assert part.component.score is None
    assert "not judged" in part.component.meaning


def test_nobody_is_blamed_for_a_table_like_real() -> None:
    who = [Blame(columns=("a",), share=1.0, detail="d")]
    healthy, damaged_ = combine([component(0.5)], blame=who), combine([component(6.0)], blame=who)
    assert isinstance(healthy, Scored)
    assert isinstance(damaged_, Scored)
    assert (healthy.blame, damaged_.blame) == ((), tuple(who))


def test_wide_intervals_are_unresolved() -> None:
    vague = judged("part", judge([1.0, 5.0, 9.0], NULL, 10.0), unit="bits", meaning="what it is")
    result = combine([vague])
    assert isinstance(result, Scored)
    assert not result.resolved


def test_blame_is_shared_out_among_losses_alone() -> None:
    found = blame([("a",), ("b",), ("c",)], np.array([3.0, -5.0, 1.0]), ["x", "y", "z"])
    assert [(b.columns, b.share) for b in found] == [(("a",), 0.75), (("c",), 0.25)]
    assert blame([("a",)], np.array([-1.0]), ["x"]) == ()


@pytest.mark.parametrize("levels", [4, 8, 16])
def test_coarse_codes_are_few_even_and_keep_null_apart(levels: int) -> None:
    evidence = damaged("distribution_fidelity", 0.0, ROWS)
    (ours, theirs), sizes = coarse(evidence, levels)
    assert max(sizes) <= levels
    assert all(side.max(axis=0)[j] < sizes[j] for side in (ours, theirs) for j in range(len(sizes)))
    income = np.bincount(ours[:, evidence.columns.index("income")])
    filled = income[income > 0]
    assert filled.max() < 3 * filled.min()


def test_coarse_codes_keep_columns_that_are_small_enough() -> None:
    evidence = damaged("distribution_fidelity", 0.0, ROWS)
    plan = evidence.columns.index("plan")
    (ours, _), _ = coarse(evidence, 16)
    original = reference_of(evidence).codes[:, plan]
    assert len(set(zip(original.tolist(), ours[:, plan].tolist(), strict=True))) == len(np.unique(original))


def test_numeric_values_are_floats_of_the_numeric_columns() -> None:
    evidence = damaged("distribution_fidelity", 0.0, ROWS)
    names = numeric_columns(evidence)
    assert names == ("age", "income", "spend", "debt")
    values = numeric_values(evidence, evidence.synthetic, names)
    assert values.shape == (ROWS, 4)
    assert (values[:, 0] == evidence.synthetic.frame["age"].to_numpy()).all()


def test_a_reference_that_is_not_there_is_a_bug_of_ours() -> None:
    with pytest.raises(InternalError, match="reference"):
        reference_of(evidence_from_frames(damaged("distribution_fidelity", 0.0, ROWS).synthetic.frame))
