"""Where a verdict asks for fixes and none can be applied, its reasons say so and name what was tried."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tall_people import advice

from synthos.advice import Advice, Recommendation, RecommendationKind, Tried
from synthos.recommendation.conclusion import say_what_helps
from synthos.results import Decision, Interval, Verdict

WIDE = Interval(low=0.0, high=100.0)
FIRST, LAST = "Fix first: risk 30.", "Forests lose 15 %."


def verdict(decision: Decision = "fix_first") -> Verdict:
    return Verdict(
        risk_score=30.0,
        risk_interval=WIDE,
        risk_level="medium",
        decision=decision,
        reasons=(FIRST, LAST),
        collapse_type=None,
        collapse_probability=0.5,
        probability_interval=WIDE,
        probability_note="",
        outcomes={},
        open_questions=(),
    )


def vain(kind: RecommendationKind, number: int = 1) -> Tried:
    title = f"{kind} number {number}"
    return Tried(
        id=f"{kind}-{number}", kind=kind, title=title, reason="", columns=(), affected_rows=1, measured="", why=""
    )


def gaining(kind: RecommendationKind, gain: float | None = 5.0) -> Recommendation:
    return replace(advice(kind), expected_gain=gain)


def added(*found: Recommendation, tried: tuple[Tried, ...] = ()) -> str:
    first, said, last = say_what_helps(verdict(), Advice(found, tried)).reasons
    assert (first, last) == (FIRST, LAST)
    assert said.startswith("Nothing can be applied to the table by itself: ") and said.endswith(".")
    return said


def test_what_was_tried_in_vain_is_named_and_the_generator_with_it() -> None:
    said = added(tried=(vain("remove_rows", 1), vain("remove_rows", 2)))
    assert "2 fixes were tried in vain (remove_rows number 1; remove_rows number 2)" in said
    assert "mend the generator, or mix in real rows" in said


def test_of_many_trials_three_are_named() -> None:
    said = added(tried=tuple(vain("remove_rows", number) for number in range(5)))
    assert "number 2; and 2 more)" in said and "number 3" not in said


def test_real_rows_that_help_are_named() -> None:
    said = added(gaining("mix_real"), advice("refit_dependence"), tried=(vain("reweight"),))
    assert "one fix was tried in vain (reweight number 1); real rows mixed in do help (mix_real-1)" in said


def test_real_rows_whose_gain_is_not_known_are_offered_as_such() -> None:
    assert "whose gain for models is not known" in added(gaining("regenerate_rare", None))


def test_where_real_rows_do_not_help_either_only_the_generator_is_left() -> None:
    said = added(tried=(vain("remove_rows"), vain("mix_real")))
    assert "one fix was tried in vain" in said
    assert "do not help either: the generator has to be mended." in said


def test_real_rows_are_not_offered_where_models_do_well() -> None:
    copies = replace(verdict(), risk_score=3.0, risk_level="low")
    _, said, _ = say_what_helps(copies, Advice()).reasons
    assert said.endswith("fits what was found: mend the generator.")


def test_where_nothing_fits_it_is_not_said_that_something_was_tried() -> None:
    assert "no fix in the catalogue fits" in added(advice("refit_dependence"))


@pytest.mark.parametrize("gain", [5.0, None])
def test_a_fix_of_the_table_itself_needs_no_further_word(gain: float | None) -> None:
    found = Advice((gaining("remove_rows", gain),), (vain("mix_real"),))
    assert say_what_helps(verdict(), found) == verdict()


@pytest.mark.parametrize("decision", ["approved", "rejected", "inconclusive"])
def test_other_decisions_ask_for_no_fix(decision: Decision) -> None:
    assert say_what_helps(verdict(decision), Advice()) == verdict(decision)
