"""The verdict: never approved on missing parts or without a reference, and always in plain sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from answers import ROWS, cascade, lost, rare_mass, scored, sound
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import ConfigError, InternalError
from synthos.results import (
    DIMENSIONS,
    Bound,
    Failed,
    Interval,
    LoopDrift,
    NotApplicable,
    Outcome,
    Region,
    Verdict,
)
from synthos.verdict.aggregate import collapse_type, decide
from synthos.verdict.thresholds import default_thresholds, parse_thresholds

FAILED = Failed(error="ValueError: boom")
NO_CASCADE = {"scale_robustness": NotApplicable(reason="no cascade")}


def judge(dimensions: dict[str, Any] | None = None, models: Any = None, **changed: Any) -> Verdict:
    """A full run against a reference on sound answers, unless told otherwise."""
    settings: dict[str, Any] = {"quick": False, "has_reference": True, "rows": ROWS, **changed}
    return decide(sound() if dimensions is None else dimensions, models or cascade(), **settings)


def quick(dimensions: dict[str, Any] | None = None, **changed: Any) -> Verdict:
    settings: dict[str, Any] = {"quick": True, "has_reference": True, "rows": ROWS, **changed}
    return decide(sound(**NO_CASCADE) if dimensions is None else dimensions, None, **settings)


def test_a_fresh_real_sample_is_approved() -> None:
    verdict = judge()
    assert verdict.decision == "approved"
    assert verdict.risk_score < 10
    assert verdict.risk_level == "low"
    assert verdict.collapse_type is None
    assert verdict.collapse_probability < 0.2


def test_a_wreck_is_rejected() -> None:
    verdict = judge({name: scored(2.0) for name in DIMENSIONS}, cascade(rho=1.1))
    assert verdict.decision == "rejected"
    assert verdict.risk_level == "high"
    assert verdict.collapse_probability > 0.8


@given(st.lists(st.floats(0.0, 100.0), min_size=8, max_size=8), st.floats(-0.1, 1.3), st.data())
def test_risk_and_probability_never_fall_where_a_score_falls_or_rho_rises(
    scores: list[float], rho: float, data: st.DataObject
) -> None:
    dimensions = {name: scored(score) for name, score in zip(DIMENSIONS, scores, strict=True)}
    name = data.draw(st.sampled_from(DIMENSIONS))
    lower = data.draw(st.floats(0.0, dimensions[name].score))
    more = data.draw(st.floats(rho, 1.5))
    before = judge(dimensions, cascade(rho))
    for after in (judge(dimensions | {name: scored(lower)}, cascade(rho)), judge(dimensions, cascade(more))):
        assert after.risk_score >= before.risk_score - 1e-9
        assert after.collapse_probability >= before.collapse_probability - 1e-12


@given(st.lists(st.floats(0.0, 100.0), min_size=8, max_size=8), st.floats(0.0, 30.0))
def test_intervals_hold_their_points(scores: list[float], margin: float) -> None:
    verdict = judge({name: scored(score, margin) for name, score in zip(DIMENSIONS, scores, strict=True)})
    assert 0 <= verdict.risk_interval.low <= verdict.risk_score <= verdict.risk_interval.high <= 100
    interval = verdict.probability_interval
    assert 0 <= interval.low < verdict.collapse_probability < interval.high <= 1


@pytest.mark.parametrize("name", DIMENSIONS)
def test_a_dimension_that_failed_or_is_missing_makes_it_inconclusive(name: str) -> None:
    failed = judge(sound(**{name: FAILED}))
    missing = judge({key: value for key, value in sound().items() if key != name})
    assert failed.decision == missing.decision == "inconclusive"
    assert any(name.replace("_", " ") in reason.lower() and "boom" in reason for reason in failed.reasons)


def test_a_failed_part_leaves_a_wreck_inconclusive_too() -> None:
    verdict = judge({name: scored(2.0) for name in DIMENSIONS} | {"semantic_coherence": FAILED})
    assert verdict.decision == "inconclusive"
    assert verdict.risk_level == "high"


@pytest.mark.parametrize("models", [FAILED, NotApplicable(reason="too few rows to train on")])
def test_models_that_failed_or_did_not_run_make_it_inconclusive(models: Failed | NotApplicable) -> None:
    verdict = judge(models=models)
    assert verdict.decision == "inconclusive"
    assert verdict.outcomes["floor"] == verdict.outcomes["loop"] == models
    assert any("cascade" in reason for reason in verdict.reasons)


def test_models_that_were_never_asked_for_need_the_quick_flag() -> None:
    verdict = decide(sound(), None, quick=False, has_reference=True, rows=ROWS)
    assert verdict.decision == "inconclusive"


def test_nothing_measured_is_no_verdict() -> None:
    with pytest.raises(InternalError, match=r"nothing could be measured.*boom"):
        judge(dict.fromkeys(DIMENSIONS, FAILED), FAILED)


@pytest.mark.parametrize(("has_reference", "advice"), [(False, "reference table"), (True, "more rows")])
def test_tables_that_nothing_applies_to_are_the_users_to_mend(has_reference: bool, advice: str) -> None:
    silent = dict.fromkeys(DIMENSIONS, NotApplicable(reason="constant columns"))
    with pytest.raises(ConfigError, match=advice):
        decide(silent, None, quick=True, has_reference=has_reference, rows=ROWS)


def test_quick_leaves_floor_and_loop_open_and_says_so() -> None:
    verdict = quick()
    assert verdict.decision == "approved"
    for outcome in ("floor", "loop"):
        assert isinstance(verdict.outcomes[outcome], NotApplicable)
    assert any("Loop and scale are left open" in question for question in verdict.open_questions)


def test_quick_without_scale_robustness_at_all_is_no_failure() -> None:
    assert quick({name: scored(99.0) for name in DIMENSIONS if name != "scale_robustness"}).decision == "approved"


def test_the_floor_of_a_quick_run_is_what_forests_lost() -> None:
    floor = quick(utility=lost(0.2)).outcomes["floor"]
    assert isinstance(floor, Outcome)
    assert (floor.value, floor.unit) == (0.2, "utility loss")


@given(st.floats(0.0, 1.5), st.floats(0.0, 1.5), st.floats(0.0, 0.1))
def test_risk_and_chance_rise_with_what_forests_lost(one: float, other: float, error: float) -> None:
    low, high = (quick(utility=lost(loss, error)) for loss in sorted((one, other)))
    assert low.risk_score <= high.risk_score + 1e-9
    assert low.collapse_probability <= high.collapse_probability + 1e-12
    for verdict in (low, high):
        assert verdict.risk_interval.low - 1e-9 <= verdict.risk_score <= verdict.risk_interval.high + 1e-9
        ends = verdict.probability_interval
        assert 0.0 <= ends.low <= verdict.collapse_probability <= ends.high <= 1.0


def test_forests_that_lose_much_reject_a_table_that_looks_real() -> None:
    verdict = quick(utility=lost(0.6))
    assert verdict.decision == "rejected"
    assert verdict.expected_loss is not None and verdict.expected_loss > 0.4
    assert any("Forests trained on 8,000 of its rows lose 60 %" in reason for reason in verdict.reasons)


def test_forests_that_lose_nothing_clear_a_table_of_its_odd_looks_but_not_of_its_faults() -> None:
    odd = sound(**NO_CASCADE, statistical_integrity=scored(40.0))
    verdict = quick(odd, utility=lost(0.0))
    assert verdict.risk_score < 20
    assert verdict.decision == "fix_first"
    assert "statistical integrity scores 40.0" in verdict.reasons[0]


def test_a_region_is_mended_before_the_table_is_approved() -> None:
    region = Region(row_range=(10, 60), columns=("age",), issue="noise", impact=0.5, detail="noisy", boundary_error=3)
    assert quick(utility=lost(0.0)).decision == "approved"
    verdict = quick(utility=lost(0.0), regions=(region,))
    assert verdict.decision == "fix_first"
    assert "50 of its rows stand out" in verdict.reasons[0]


def test_forests_that_failed_leave_the_verdict_inconclusive() -> None:
    verdict = quick(utility=FAILED)
    assert verdict.decision == "inconclusive"
    assert "the forests failed (ValueError: boom)" in verdict.reasons[1].replace("The", "the")


def test_a_small_table_widens_the_chance_and_says_so() -> None:
    small = replace(lost(0.1), rows=700)
    usual, unusual = quick(utility=lost(0.1)), quick(utility=small)
    assert "only 700 rows" in unusual.probability_note
    assert unusual.probability_interval.high > usual.probability_interval.high


def test_a_full_run_reports_all_three_outcomes() -> None:
    rare = scored(80.0, components=(rare_mass(0.2),))
    verdict = judge(sound(rare_pattern_handling=rare), cascade(rho=0.3))
    floor, loss, loop = (verdict.outcomes[name] for name in ("floor", "rare_loss", "loop"))
    assert isinstance(floor, Outcome) and isinstance(loss, Outcome) and isinstance(loop, Outcome)
    assert floor.value == 0.3 and loop.value == 0.6 and loss.value == 0.2
    assert loss.interval.low < 0.2 < loss.interval.high


def test_the_chance_of_the_floor_is_the_verdicts_own() -> None:
    for verdict in (judge(models=cascade(rho=0.3), utility=lost(0.2)), quick(utility=lost(0.2))):
        floor = verdict.outcomes["floor"]
        assert isinstance(floor, Outcome)
        assert floor.probability == verdict.collapse_probability
        assert floor.probability_interval == verdict.probability_interval
        assert floor.probability_of == verdict.probability_note
    guessed = judge(models=cascade(rho=0.3)).outcomes["floor"]
    assert isinstance(guessed, Outcome) and guessed.probability is None
    assert "no forest could be judged" in guessed.probability_of


def test_the_chance_of_a_rare_loss_comes_with_its_outcome() -> None:
    found = []
    for value in (0.0, 0.5):
        rare = scored(80.0, components=(rare_mass(value), replace(rare_mass(value), name="tail_0.01")))
        loss = judge(sound(rare_pattern_handling=rare)).outcomes["rare_loss"]
        assert isinstance(loss, Outcome) and loss.probability is not None and loss.probability_interval is not None
        assert "rare mass of real rows is gone" in loss.probability_of
        found.append(loss.probability)
    assert found[0] < 0.1 and found[1] > 0.9


def test_a_loop_that_starts_far_behind_is_not_praised_for_losing_less() -> None:
    spent = replace(
        cascade(),
        loop=LoopDrift(
            synthetic_bits=(34.0, 34.1),
            reference_bits=(20.0, 20.4),
            slope=-0.3,
            interval=Interval(low=-0.4, high=-0.2),
        ),
    )
    loop = judge(models=spent).outcomes["loop"]
    assert isinstance(loop, Outcome)
    assert loop.probability is None and "little left to lose" in loop.probability_of
    assert "already loses 14.00 bits a row more" in loop.meaning
    usual = judge(models=cascade()).outcomes["loop"]
    assert isinstance(usual, Outcome) and usual.probability is not None and usual.probability > 0.99
    assert "already loses" not in usual.meaning


@pytest.mark.parametrize("value", [-0.02, 0.0, 0.01, 0.5, 1.0])
def test_the_interval_of_the_rare_loss_holds_it(value: float) -> None:
    rare = scored(80.0, components=(rare_mass(value),))
    loss = judge(sound(rare_pattern_handling=rare)).outcomes["rare_loss"]
    assert isinstance(loss, Outcome)
    assert loss.interval.low <= value <= loss.interval.high
    assert 0.0 < loss.interval.high - loss.interval.low < 0.1


def test_an_outcome_that_could_not_be_had_says_why() -> None:
    assert isinstance(judge(models=cascade(loop=False)).outcomes["loop"], NotApplicable)
    for result in (scored(90.0), scored(90.0, components=(rare_mass(0.1, null_q95=None),))):
        assert isinstance(judge(sound(rare_pattern_handling=result)).outcomes["rare_loss"], NotApplicable)
    assert judge(sound(rare_pattern_handling=FAILED)).outcomes["rare_loss"] == FAILED


@given(st.lists(st.floats(0.0, 100.0), min_size=8, max_size=8), st.booleans())
def test_without_a_reference_nothing_is_approved(scores: list[float], is_quick: bool) -> None:
    dimensions = {name: scored(score) for name, score in zip(DIMENSIONS, scores, strict=True)}
    verdict = decide(dimensions, None, quick=is_quick, has_reference=False, rows={"synthetic": 8_000})
    assert verdict.decision != "approved"
    assert verdict.risk_interval.high == 100.0
    assert verdict.collapse_probability is None and verdict.probability_interval is None
    assert "not known without real rows" in verdict.probability_note


def without_reference(integrity: float) -> Verdict:
    blind: dict[str, Any] = {name: NotApplicable(reason="give a reference table") for name in DIMENSIONS}
    seen = {"statistical_integrity": scored(integrity), "semantic_coherence": scored(integrity)}
    return decide(blind | seen, None, quick=False, has_reference=False, rows={"synthetic": 8_000})


def test_without_a_reference_what_looks_sound_is_inconclusive_and_what_is_bad_is_not() -> None:
    fine, bad = without_reference(99.0), without_reference(0.0)
    assert fine.decision == "inconclusive"
    assert bad.decision in ("fix_first", "rejected")
    assert bad.risk_score > fine.risk_score
    for verdict in (fine, bad):
        assert any("cannot be known" in question for question in verdict.open_questions)


def test_no_column_compared_with_the_reference_is_inconclusive() -> None:
    verdict = judge(sound(distribution_fidelity=NotApplicable(reason="all constant")))
    assert verdict.decision == "inconclusive"


def test_order_that_makes_no_sense_is_an_open_question_only() -> None:
    verdict = judge(sound(temporal_stability=NotApplicable(reason="rows are exchangeable")))
    assert verdict.decision == "approved"
    assert any("rows are exchangeable" in question for question in verdict.open_questions)


@pytest.mark.parametrize(
    "verdict",
    [without_reference(99.0), judge(sound(semantic_coherence=FAILED)), judge(models=FAILED)],
    ids=["no reference", "a dimension failed", "the cascade failed"],
)
def test_a_low_risk_that_is_only_a_lower_bound_has_no_level(verdict: Verdict) -> None:
    assert verdict.risk_score < 20 and verdict.risk_interval.high == 100.0
    assert verdict.risk_bound == "at_least"
    assert verdict.risk_level is None and verdict.collapse_type is None
    assert f"risk at least {verdict.risk_score:.0f} of 100" in verdict.reasons[0]
    stated = verdict.collapse_probability is not None
    assert ("may be higher" in verdict.probability_note) == stated


def test_a_lower_bound_that_is_bad_enough_keeps_its_level() -> None:
    bad = without_reference(30.0)
    assert bad.risk_bound == "at_least" and bad.risk_level == "medium"
    assert "risk at least" in bad.reasons[0] and "below 50" not in bad.reasons[0]


def test_a_risk_that_was_measured_whole_is_no_bound() -> None:
    for verdict in (judge(), quick()):
        assert verdict.risk_bound == "exact" and verdict.risk_level == "low"
        assert "at least" not in verdict.reasons[0] and "may be higher" not in verdict.probability_note


def test_models_judged_on_rows_that_the_generator_may_have_seen_are_an_open_question() -> None:
    def questions(verdict: Verdict) -> list[str]:
        return [question for question in verdict.open_questions if "--holdout" in question]

    (question,) = questions(judge())
    assert question.endswith(".") and "rho" in question
    assert not questions(judge(rows={**ROWS, "holdout": 2_000}))
    assert not questions(quick()) and not questions(judge(models=FAILED))


def test_an_interval_that_reaches_high_risk_is_not_approved() -> None:
    verdict = judge(sound(correlation_preservation=scored(90.0, margin=90.0)))
    assert verdict.risk_level == "low"
    assert verdict.decision == "inconclusive"
    assert any("Unresolved" in reason and "correlation preservation" in reason for reason in verdict.reasons)


def test_reasons_name_dimension_figure_and_columns_worst_first() -> None:
    verdict = judge(
        sound(
            distribution_fidelity=scored(60.0, columns=("income",)),
            correlation_preservation=scored(20.0, columns=("age", "job", "sex", "race")),
        ),
        cascade(rho=0.4),
    )
    first, second = (reason for reason in verdict.reasons if " scores " in reason)
    assert first.startswith("Correlation preservation scores 20.0 (95 % interval 19.0 to 21.0)")
    assert "age × job × sex and 1 more (60% of the loss)" in first
    assert second.startswith("Distribution fidelity scores 60.0") and "income" in second
    models = next(reason for reason in verdict.reasons if "rho" in reason)
    assert "6,000 of its 8,000 rows go 40% of the way" in models and "1,234 real ones" in models
    assert all(reason.endswith(".") for reason in verdict.reasons)


def test_only_a_bound_replaces_the_rows_that_a_table_is_worth() -> None:
    def about(bound: Bound, note: str) -> str:
        models = replace(cascade(rho=0.4), n_eff_bound=bound, n_eff_note=note)
        return next(reason for reason in judge(models=models).reasons if "worth:" in reason)

    remark = "from 9,000 synthetic rows; more of them may be worth somewhat more"
    assert f"worth: as many as 1,234 real ones teach, {remark}." in about("exact", remark)
    assert "worth: as many as 1,234 real ones teach." in about("exact", "")
    assert "worth: fewer than 1,234 real rows." in about("fewer_than", "fewer than 1,234 real rows")


def test_models_as_good_as_real_ones_are_said_to_be_so() -> None:
    reasons = judge(models=cascade(rho=-0.01)).reasons
    assert any("cannot be told from models trained on as many real ones (rho -0.01" in reason for reason in reasons)


def test_models_worse_than_shuffled_rows_are_said_to_be_so() -> None:
    assert any(
        "worse on real rows than if its columns had been shuffled" in r for r in judge(models=cascade(3.3)).reasons
    )


def test_no_more_dimensions_are_named_than_asked() -> None:
    limits = parse_thresholds({"reasons": {"most_named": 2}}, where="here", base=default_thresholds())
    verdict = judge({name: scored(30.0) for name in DIMENSIONS}, thresholds=limits)
    assert sum(" scores " in reason and "interval" in reason for reason in verdict.reasons) == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("distribution_fidelity", "distribution"),
        ("correlation_preservation", "correlation"),
        ("diversity_retention", "rare_pattern"),
        ("rare_pattern_handling", "rare_pattern"),
        ("semantic_coherence", "semantic"),
    ],
)
def test_the_type_is_that_of_the_worst_dimension(name: str, kind: str) -> None:
    verdict = judge(sound(**{name: scored(0.0)}), cascade(rho=0.2))
    assert verdict.risk_level != "low"
    assert verdict.collapse_type == kind


def test_what_only_the_models_see_takes_the_kind_of_a_part_that_is_bad_too() -> None:
    assert collapse_type({"rho": 60.0, "scale_robustness": 70.0, "temporal_stability": 20.0}) == "temporal"
    assert collapse_type({"rho": 60.0, "temporal_stability": 15.0}) == "temporal"


def test_no_kind_is_named_for_a_share_of_the_harm_that_means_nothing() -> None:
    assert collapse_type({"rho": 61.0, "temporal_stability": 0.09}) is None
    assert collapse_type({"rho": 60.0, "statistical_integrity": 0.0}) is None
    assert collapse_type({"rho": 60.0, "temporal_stability": 14.9}) is None
    assert collapse_type({"rho": 0.0, "temporal_stability": 0.0}) is None


def test_harm_that_only_the_models_see_has_no_kind_and_says_so() -> None:
    alone, explained, fine = judge(models=cascade(0.6)), judge(sound(semantic_coherence=scored(0.0))), judge()
    assert alone.risk_level == "high" and alone.collapse_type is None
    assert any("no dimension shows why" in reason for reason in alone.reasons)
    assert explained.collapse_type == "semantic"
    for verdict in (explained, fine):
        assert not any("no dimension shows why" in reason for reason in verdict.reasons)


def test_a_prediction_that_was_refused_is_an_open_question() -> None:
    verdict = judge(models=cascade(refused="the curve rises"))
    assert any("the curve rises" in question for question in verdict.open_questions)


def test_notes_are_passed_on_among_the_open_questions() -> None:
    assert "Column x is missing." in judge(notes=["Column x is missing."]).open_questions


def test_the_probability_says_that_it_is_not_calibrated() -> None:
    verdict = judge()
    assert "not calibrated" in verdict.probability_note
    assert verdict.probability_interval.high - verdict.probability_interval.low > 0.02


def test_thresholds_move_the_decision() -> None:
    limits = parse_thresholds({"levels": {"medium": 1, "high": 2}}, where="here", base=default_thresholds())
    dimensions, models = sound(correlation_preservation=scored(80.0)), cascade(rho=0.1)
    assert judge(dimensions, models).decision == "approved"
    assert judge(dimensions, models, thresholds=limits).decision == "rejected"
