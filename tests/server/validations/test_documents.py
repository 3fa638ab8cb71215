from __future__ import annotations

import pytest

from synthos.server.validations import documents
from synthos.server.validations.documents import Document
from synthos.server.validations.schemas import CascadeView, CollapseDetails, Recommendations, Results

pytestmark = pytest.mark.slow


def test_the_verdict_is_passed_on_as_it_is(document: Document) -> None:
    shown = documents.results_of(document)
    assert Results(**shown).risk_score == document["risk_score"]
    assert shown["interval"] == document["risk_interval"] and shown["decision"] == "rejected"
    assert set(shown["dimensions"]) == set(document["dimensions"]) and len(shown["dimensions"]) == 8
    assert list(shown["scale_predictions"]) == ["1000000", "10000000", "100000000", "1000000000"]
    assert not shown["warranty_eligible"]


def test_what_is_not_known_is_null_with_a_reason(quick_document: Document) -> None:
    shown = Results(**documents.results_of(quick_document))
    assert shown.rho is None and shown.n_eff is None and shown.risk_level is None
    scale = shown.dimensions["scale_robustness"]
    assert scale.score is None and scale.reason
    models = CascadeView(**documents.cascade_of(quick_document))
    assert models.models == [] and models.reason
    advice = Recommendations(**documents.recommendations_of(quick_document))
    assert advice.combined_impact.improvement is None and advice.combined_impact.expected_risk_score is None


def test_collapse_names_the_worst_dimensions_first(document: Document) -> None:
    found = CollapseDetails(**documents.collapse_of(document))
    assert found.collapse_detected and found.severity == document["risk_level"]
    scores = [item.score for item in found.affected_dimensions]
    assert found.affected_dimensions[0].dimension == "correlation_preservation" and scores == sorted(scores)
    assert all(score < documents.SOUND for score in scores)


def test_the_cascade_has_eighteen_models_with_their_curves(document: Document) -> None:
    shown = CascadeView(**documents.cascade_of(document))
    assert len(shown.models) == 18 == len({(model["tier"], model["size"]) for model in shown.models})
    first = shown.models[0]
    assert [point["epoch"] for point in first["loss_curve"]] == list(range(1, len(first["loss_curve"]) + 1))
    assert len(first["gradient"]["norms"]) == len(first["loss_curve"])


def fix(number: int, gain: float | None, *beside: str) -> Document:
    return {
        "id": f"fix-{number}",
        "kind": "remove_rows",
        "title": "t",
        "reason": "r",
        "columns": [],
        "affected_rows": 1,
        "expected_gain": gain,
        "gain_note": "n",
        "parameters": {},
        "snippet": "s",
        "prediction": {"beside": list(beside)},
    }


@pytest.mark.parametrize(
    ("fixes", "improvement"),
    [
        ([], None),
        ([fix(1, None)], None),
        ([fix(1, 20.0), fix(2, 5.0, "fix-1")], 25.0),
        ([fix(1, 20.0), fix(2, 5.0)], 20.0),
        ([fix(1, 50.0), fix(2, 30.0, "fix-1")], 60.0),
    ],
)
def test_together_fixes_are_worth_what_was_measured_one_on_the_other(
    document: Document, fixes: list[Document], improvement: float | None
) -> None:
    shown = Recommendations(**documents.recommendations_of(document | {"recommendations": fixes, "risk_score": 60.0}))
    assert shown.combined_impact.improvement == improvement
    left = shown.combined_impact.expected_risk_score
    assert left == (None if improvement is None else 60.0 - improvement)
