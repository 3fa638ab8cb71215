"""What the commands of a service say."""

from __future__ import annotations

from typing import Any

import pytest

from synthos.cli.remote import _outcome, _verdict

RESULTS: dict[str, Any] = {
    "decision": "fix_first",
    "risk_score": 31.4,
    "risk_bound": "at_least",
    "risk_level": None,
    "interval": {"low": 20.2, "high": 48.9, "level": 0.95},
    "reasons": ["no reference was given", "a tenth of the rows repeat"],
}


def test_the_verdict_begins_as_that_of_a_validation_on_this_machine() -> None:
    first, *reasons = _verdict(RESULTS)
    assert first == "Fix first: risk at least 31 of 100 (20 to 49), level of risk not known"
    assert reasons == ["  No reference was given.", "  A tenth of the rows repeat."]


@pytest.mark.parametrize(("decision", "said"), [("approved", "Approved"), ("inconclusive", "Inconclusive")])
def test_every_decision_has_its_word(decision: str, said: str) -> None:
    known = RESULTS | {"decision": decision, "risk_level": "low", "risk_bound": "exact"}
    assert next(_verdict(known)) == f"{said}: risk 31 of 100 (20 to 49), low risk"


def test_a_pipeline_says_what_it_came_to() -> None:
    repair = {"applied": ["remove_rows-1"], "rows_before": 1_200, "rows_after": 801}
    results = {"decision": "approved", "risk_score_before": 32.3, "risk_score_after": 6.2}
    assert list(_outcome({"repair": repair, "results": results, "repaired_dataset_id": "ds_1"})) == [
        "Approved: risk 32 of 100 before, 6 after (remove_rows-1)",
        "  ds_1: 801 rows from 1,200",
    ]
    nothing = {"repair": {"reason": "there is nothing to apply"}, "results": results | {"risk_score_after": None}}
    assert list(_outcome(nothing)) == ["Approved: risk 32 of 100; nothing was repaired: there is nothing to apply"]
