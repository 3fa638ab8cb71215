"""What the reasons say: the fault that makes a score, and nothing that chance may have made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from answers import ROWS, lost, scored, sound

from synthos.results import Component, Failed, NotApplicable, Region, Scored, Utility, Verdict
from synthos.verdict import reasons as say
from synthos.verdict.aggregate import decide


def component(name: str, value: float, score: float, chance: float = 0.0) -> Component:
    return Component(
        name=name, value=value, unit="share of rows", meaning=name, null_median=chance, null_q95=chance, score=score
    )


def verdict(**changed: Scored) -> Verdict:
    answers = sound(scale_robustness=NotApplicable(reason="no cascade"), **changed)
    return decide(answers, None, quick=True, has_reference=True, rows=ROWS)


@pytest.mark.parametrize(
    ("name", "value", "chance", "sentence"),
    [
        (
            "copies",
            1.0,
            0.0,
            "100 % of its rows are copies of reference rows: the generator memorised them; remove them",
        ),
        ("copies", 0.9996, 0.01, "99.96 % of its rows are copies of reference rows (chance gives 1.00 %)"),
        ("duplicates", 0.4, 0.0, "40 % of its rows repeat another one"),
        ("near_duplicates", 0.4, 0.0, "40 % of its distinct rows agree with another one in most columns"),
        ("nulls", 0.05, 0.0, "in one column the share of missing values is off by 5.00 %"),
        ("domain", 0.2, 0.0, "in one column 20 % of the values are outside what real rows have"),
        ("impossible", 0.2, 0.0, "20 % of its rows have a negative value where no real row has one"),
    ],
)
def test_the_worst_component_of_the_integrity_is_named(name: str, value: float, chance: float, sentence: str) -> None:
    others = [component(other, 0.3, 60.0) for other in ("copies", "duplicates", "nulls") if other != name]
    parts = (*others, component(name, value, 10.0, chance))
    reasons = verdict(statistical_integrity=scored(10.0, components=parts)).reasons
    (reason,) = (reason for reason in reasons if reason.startswith("Statistical integrity"))
    assert f": {sentence}" in reason


def test_what_chance_may_have_made_is_not_stated_as_a_fact() -> None:
    doubtful = scored(70.8, margin=80.0)
    reasons = verdict(semantic_coherence=doubtful).reasons
    assert not any("rows break rules" in reason for reason in reasons)
    assert any("semantic coherence with 70.8 (0 to 100; it cannot be told from chance)" in reason for reason in reasons)
    assert any("the lowest is" in reason and "semantic" not in reason for reason in reasons)


def test_a_loss_of_unsure_size_is_still_named() -> None:
    reasons = verdict(semantic_coherence=scored(40.0, margin=20.0)).reasons
    assert any(reason.startswith("Semantic coherence scores 40.0") for reason in reasons)
    assert any("semantic coherence with 40.0 (20 to 60)" in reason for reason in reasons)


def test_where_every_score_is_doubtful_none_is_called_the_lowest() -> None:
    answers = {
        name: replace(scored(60.0), interval=scored(50.0, margin=50.0).interval, resolved=False) for name in sound()
    }
    reasons = decide(answers, None, quick=True, has_reference=True, rows=ROWS).reasons
    assert "No dimension could be told from chance." in reasons


@pytest.mark.parametrize("cascade", [Failed(error="broken"), NotApplicable(reason="too few rows")])
def test_the_floor_is_not_called_open_where_forests_told_it(cascade: Failed | NotApplicable) -> None:
    def asked(forests: Utility | None) -> list[str]:
        found = say.open_questions({}, cascade, forests, quick=False, has_reference=True, has_holdout=False, notes=())
        return [text for text in found if "loop" in text.lower()]

    (without,), (with_forests,) = asked(None), asked(lost(0.1))
    assert without.startswith("Floor and loop are") and with_forests.startswith("Loop and scale are")


@pytest.mark.parametrize(
    ("loss", "error", "sentence"),
    [
        (
            0.01,
            0.01,
            "predict rows of the reference as well as forests trained on as many real rows (utility loss",
        ),
        (0.30, 0.153, "it cannot be told from chance (utility loss 0.30, 95 % interval 0.00 to 0.60)"),
        (0.30, 0.02, "lose 30 % of what real rows teach about the reference (utility loss 0.30"),
    ],
    ids=["none", "unresolved", "some"],
)
def test_a_loss_that_chance_may_have_made_is_called_neither_none_nor_one(loss: float, error: float, sentence: str):
    text = say.about_forests(lost(loss, error))
    assert sentence in text
    assert ("as well as" in text) == (loss < 0.1) and ("cannot be told" in text) == (error > 0.1)


def region(first: int, end: int) -> Region:
    columns = ("age", "job", "sex", "race")
    return Region(row_range=(first, end), columns=columns, issue="tailcut", impact=0.5, detail="", boundary_error=3)


@pytest.mark.parametrize("has_reference", [True, False])
def test_regions_are_a_reason_whether_or_not_there_is_a_reference(has_reference: bool) -> None:
    answers = sound(scale_robustness=NotApplicable(reason="no cascade"))
    found = decide(
        answers,
        None,
        quick=True,
        has_reference=has_reference,
        rows=ROWS,
        regions=[region(10, 60), region(1_000, 2_000)],
    )
    (reason,) = (reason for reason in found.reasons if "from the rest of the table" in reason)
    assert reason.startswith("Rows 1,000 to 1,999 (tails cut off, in age × job × sex and 1 more) and 10 to 59 (")


def test_only_the_largest_of_many_regions_are_named() -> None:
    sentence = say.about_regions([region(at, at + 100 + at) for at in (0, 1_000, 5_000, 20_000, 50_000)])
    assert "50,000 to 100,099" in sentence and "1,000 to" not in sentence and "2 smaller regions do too" in sentence
