"""What the verdict says of copies: flagged, a few, none, or open; and that surely many are to be mended first."""

from __future__ import annotations

from typing import Any

import pytest
from answers import ROWS, cascade, lost, sound

from synthos.dimensions.memorisation import HIDDEN, NO_REFERENCE, Copies, Memorisation
from synthos.results import Interval, NotApplicable, Verdict
from synthos.verdict.aggregate import decide
from synthos.verdict.thresholds import default_thresholds, parse_thresholds


def found(share: float, low: float, high: float, *, flagged: bool, **changed: Any) -> Memorisation:
    count = Copies(
        seen=share + 0.01,
        usual=0.01,
        share=share,
        interval=Interval(low=low, high=high),
        surely=low,
        rows=8_000,
        real_rows=8_000,
    )
    given: dict[str, Any] = {"against": "holdout", "exact": count, "near": count, **changed}
    return Memorisation(share=share, interval=count.interval, flagged=flagged, **given)


def verdict(memorised: Memorisation | NotApplicable, **changed: Any) -> Verdict:
    settings: dict[str, Any] = {"quick": False, "has_reference": True, "rows": ROWS, **changed}
    return decide(sound(), cascade(), lost(0.0), memorised=memorised, **settings)


def test_many_copies_are_stated_with_their_interval_and_are_mended_before_the_table_passes() -> None:
    answer = verdict(found(0.2, 0.18, 0.22, flagged=True))
    assert answer.decision == "fix_first"
    assert "20 % of its rows are copies of reference rows" in answer.reasons[0]
    (reason,) = (text for text in answer.reasons if text.startswith("Memorised"))
    assert "20 % of its rows (95 % interval 18 % to 22 %)" in reason
    assert "beyond what rows of the holdout show" in reason and "usual 1.0 %" in reason
    assert not any("memorised is left open" in text for text in answer.open_questions)


def test_copies_leave_the_risk_as_it_is() -> None:
    many, none = verdict(found(0.9, 0.88, 0.92, flagged=True)), verdict(found(0.0, 0.0, 0.01, flagged=False))
    assert many.risk_score == none.risk_score and many.collapse_probability == none.collapse_probability
    assert none.decision == "approved"


def test_a_few_flagged_copies_are_stated_and_do_not_hold_the_table_back() -> None:
    answer = verdict(found(0.04, 0.03, 0.05, flagged=True))
    assert answer.decision == "approved" and any(text.startswith("Memorised: 4.0 %") for text in answer.reasons)
    strict = parse_thresholds({"approval": {"most_copied": 0.02}}, where="here", base=default_thresholds())
    assert verdict(found(0.04, 0.03, 0.05, flagged=True), thresholds=strict).decision == "fix_first"


def test_what_is_not_sure_is_not_called_memorised() -> None:
    (reason,) = (
        text for text in verdict(found(0.02, 0.004, 0.04, flagged=False)).reasons if "copies of reference" in text
    )
    assert reason.startswith("A few copies") and "not surely enough" in reason


def test_none_found_states_how_many_there_may_be() -> None:
    answer = verdict(found(0.0, 0.0, 0.013, flagged=False))
    assert any("No memorised rows" in text and "at most 1.3 %" in text for text in answer.reasons)
    assert not any("memorised is left open" in text for text in answer.open_questions)


def test_a_wide_interval_leaves_it_open_and_says_how_many_there_may_be() -> None:
    answer = verdict(found(0.0, 0.0, 0.3, flagged=False))
    assert not any("memorised" in text.lower() for text in answer.reasons)
    assert any("left open: up to 30 %" in text for text in answer.open_questions)


def test_without_a_holdout_it_says_by_what_copies_were_judged() -> None:
    answer = verdict(found(0.0, 0.0, 0.01, flagged=False, against="reference"))
    assert any("reference rows show among themselves" in text for text in answer.reasons)
    assert any("--holdout" in text and "usual" in text for text in answer.open_questions)


@pytest.mark.parametrize("absent", [HIDDEN, NO_REFERENCE])
def test_what_could_not_be_judged_is_no_clearance(absent: NotApplicable) -> None:
    answer = verdict(absent)
    assert not any("memorised" in text.lower() for text in answer.reasons)
    assert any("memorised is left open" in text for text in answer.open_questions) == (absent == HIDDEN)
