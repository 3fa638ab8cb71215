"""Likeness to known collapses: bounded, exact for the case itself, one of a family, silent where nothing fits."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from answers import cascade, scored, sound
from hypothesis import given
from hypothesis import strategies as st

from synthos.results import DIMENSIONS, Component, Issue, NotApplicable, Region
from synthos.verdict.signatures import Library, Signature, default_library, distance, figures, match
from synthos.verdict.thresholds import default_thresholds, parse_thresholds

shares = st.floats(0.0, 1.0)
vectors = st.fixed_dictionaries({f"dimension:{name}": shares for name in DIMENSIONS} | {"rho": shares})


def region(issue: Issue, impact: float = 0.8) -> Region:
    return Region(
        row_range=(100, 900), columns=("age",), issue=issue, impact=impact, detail="differs", boundary_error=10
    )


def library(*cases: tuple[str, str, dict[str, float]]) -> Library:
    signatures = [
        Signature(name=name, family=family, description=f"what {name} is", outcome="lost 10%", figures=vector)
        for name, family, vector in cases
    ]
    return Library(signatures=tuple(signatures), scale=0.2, made="here")


@given(vectors, vectors)
def test_distance_is_symmetric_and_within_0_and_1(one: dict[str, float], other: dict[str, float]) -> None:
    there, back = distance(one, other), distance(other, one)
    assert there is not None and back is not None
    assert there == pytest.approx(back)
    assert 0.0 <= there <= 1.0 + 1e-9
    assert distance(one, one) == 0.0


def test_all_lost_against_nothing_lost_is_as_far_as_can_be() -> None:
    names = [f"dimension:{name}" for name in DIMENSIONS]
    assert distance(dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0)) == 1.0


def test_small_losses_are_told_apart_better_than_large_ones() -> None:
    def gap(one: float, other: float) -> float:
        return distance({"rho": one}, {"rho": other}) or 0.0

    assert gap(0.0, 0.1) > 2 * gap(0.8, 0.9)


def test_figures_are_losses_and_leave_out_what_was_not_measured() -> None:
    parts = (
        Component(name="js", value=0.1, unit="bits", meaning="", score=70.0),
        Component(name="shown", value=0.1, unit="bits", meaning=""),
    )
    dimensions = sound(
        temporal_stability=NotApplicable(reason="exchangeable"), distribution_fidelity=scored(70.0, components=parts)
    )
    vector = figures(dimensions, [region("noise", 0.4), region("noise", 0.6)], cascade(rho=0.25))
    assert vector["dimension:distribution_fidelity"] == pytest.approx(0.3)
    assert vector["component:distribution_fidelity.js"] == pytest.approx(0.3)
    assert vector["rho"] == 0.25
    assert vector["region:noise"] == 0.6
    assert "dimension:temporal_stability" not in vector
    assert "component:distribution_fidelity.shown" not in vector
    assert sum(name.startswith("region:") for name in vector) == len(get_args(Issue))


def test_issues_that_could_not_be_seen_are_left_out() -> None:
    absent = dict.fromkeys(DIMENSIONS, NotApplicable(reason="give a reference table"))
    blind = figures(absent | {"statistical_integrity": scored(90.0)}, [region("noise")])
    assert "region:copied" not in blind
    assert blind["region:noise"] > 0.0 and blind["region:drift"] == 0.0
    narrow = figures(sound(correlation_preservation=NotApplicable(reason="one column")), [])
    assert not {"region:shuffled", "region:rule_break", "region:label_flip"} & set(narrow)
    assert narrow["region:copied"] == 0.0


def test_a_case_matches_itself_wholly() -> None:
    dimensions, regions, models = sound(correlation_preservation=scored(40.0)), [region("shuffled")], cascade(0.3)
    known = library(("self", "self", figures(dimensions, regions, models)))
    (found,) = match(dimensions, regions, models, library=known)
    assert found.name == "self"
    assert found.similarity == 1.0
    assert found.description == "what self is" and found.outcome == "lost 10%"


def test_the_nearest_comes_first_and_a_family_comes_once() -> None:
    dimensions = sound(correlation_preservation=scored(40.0))
    exact = figures(dimensions, [])
    near = exact | {"dimension:diversity_retention": 0.02}
    further = exact | {"dimension:diversity_retention": 0.05}
    known = library(("further", "b", further), ("near", "a", near), ("exact", "a", exact))
    assert [found.name for found in match(dimensions, [], library=known)] == ["exact", "further"]


def test_nothing_is_named_where_nothing_is_like_it() -> None:
    wreck = figures({name: scored(0.0) for name in DIMENSIONS}, [])
    assert match(sound(), [], library=library(("wreck", "wreck", wreck))) == ()


def test_at_most_so_many_are_named() -> None:
    vector = figures(sound(), [])
    known = library(*((f"n{index}", f"f{index}", vector) for index in range(6)))
    limits = parse_thresholds({"signatures": {"most_matches": 2}}, where="here", base=default_thresholds())
    assert len(match(sound(), [], library=known)) == 3
    assert len(match(sound(), [], library=known, thresholds=limits)) == 2


def test_too_little_in_common_is_no_likeness() -> None:
    vector = figures(sound(), [])
    few = {name: NotApplicable(reason="give a reference table") for name in DIMENSIONS}
    assert distance({"rho": 0.0}, vector) is None
    assert match(few, [], library=library(("healthy", "healthy", {"rho": 0.0}))) == ()


def test_a_case_that_cannot_be_compared_is_left_out_however_low_the_floor() -> None:
    limits = parse_thresholds({"signatures": {"least_similarity": 0.0}}, where="here", base=default_thresholds())
    known = library(("apart", "apart", {"rho": 0.0}), ("near", "near", figures(sound(), [])))
    found = match(sound(), [], library=known, thresholds=limits)
    assert [item.name for item in found] == ["near"]


@given(st.lists(st.floats(0.0, 100.0), min_size=8, max_size=8), st.sampled_from(get_args(Issue)), shares)
def test_similarity_lies_within_the_floor_and_1(scores: list[float], issue: Issue, impact: float) -> None:
    dimensions = {name: scored(score) for name, score in zip(DIMENSIONS, scores, strict=True)}
    for found in match(dimensions, [region(issue, impact)]):
        assert default_thresholds().least_similarity <= found.similarity <= 1.0


def test_the_packaged_library_holds_the_planted_defects_and_the_generators() -> None:
    known = default_library()
    families = {signature.family for signature in known.signatures}
    planted = {f"planted_{issue}" for issue in ("duplicates", "shuffled", "mode", "tailcut", "noise", "drift")}
    assert planted | {"healthy", "healthy_memorised", "copula", "cart", "narrow", "ctgan", "tvae"} <= families
    assert known.made and 0.0 < known.scale < 1.0
    for signature in known.signatures:
        assert signature.description and "lost" in signature.outcome
        assert all(0.0 <= value <= 1.0 and math.isfinite(value) for value in signature.figures.values())


@pytest.mark.parametrize("signature", default_library().signatures, ids=lambda signature: signature.name)
def test_every_packaged_signature_is_nearest_to_itself(signature: Signature) -> None:
    apart = {other.name: distance(signature.figures, other.figures) for other in default_library().signatures}
    assert apart[signature.name] == 0.0
    assert [name for name, value in apart.items() if value == 0.0] == [signature.name]
