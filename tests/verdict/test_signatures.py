"""Likeness to known collapses: bounded, exact for the case itself, one of a family, silent where nothing fits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthos
from synthos.verdict.fingerprint import MEANINGS, Fingerprint
from synthos.verdict.known import Case, Library, add, packaged_library
from synthos.verdict.signatures import AT_REACH, MOST_SPREADS, distances, match, outcome, similarity
from synthos.verdict.thresholds import default_thresholds, parse_thresholds

NAMES = ("new_values", "tails", "loosened_mixed", "region_noise")
vectors = st.fixed_dictionaries({name: st.floats(-8.0, 8.0) for name in NAMES})


def case(name: str, family: str, figures: Fingerprint, harm: float = 0.1) -> Case:
    return Case(
        name=name, family=family, description=f"what {name} is", harm=harm, source="here", figures=dict(figures)
    )


def library(*cases: Case, reach: float = 1.0) -> Library:
    return Library(cases=cases, spreads=dict.fromkeys(NAMES, 0.2), reach=reach, made="here")


def figures(new: float = 0.0, tails: float = 0.0, loosened: float = 0.0, noise: float = 0.0) -> Fingerprint:
    return dict(zip(NAMES, (new, tails, loosened, noise), strict=True))


@given(vectors, vectors)
def test_distance_is_symmetric_and_bounded(one: Fingerprint, other: Fingerprint):
    known = library()
    (there,), (back,) = (distances(a, [case("b", "b", b)], known.spreads) for a, b in ((one, other), (other, one)))
    assert there == pytest.approx(back)
    assert 0.0 <= there <= MOST_SPREADS
    assert distances(one, [case("b", "b", one)], known.spreads)[0] == 0.0


def test_direction_counts_and_small_figures_are_told_apart_better_than_large_ones():
    seen, spreads = {"tails": 0.1}, {"tails": 1.0}
    lost, more, far = (case("x", "x", {"tails": value}) for value in (-0.1, 0.2, 4.0))
    apart = distances(seen, [lost, more, far], spreads)
    assert apart[0] > 3 * apart[1]
    assert distances({"tails": 3.9}, [far], spreads)[0] < apart[1]


def test_one_odd_figure_does_not_decide():
    seen = figures(new=5.0)
    near, elsewhere = (
        case("near", "a", figures()),
        case("off", "b", figures(new=5.0, tails=-1.0, loosened=1.0, noise=1)),
    )
    apart = distances(seen, [near, elsewhere], dict.fromkeys(NAMES, 0.2))
    assert apart[0] < apart[1]


def test_a_case_with_too_little_in_common_has_no_distance():
    known = [case("a", "a", figures()), case("b", "b", {"tails": 0.0})]
    apart = distances({"tails": 0.0}, known, library().spreads)
    assert math.isnan(apart[0]) and apart[1] == 0.0
    assert np.isnan(distances({}, known, library().spreads)).all()
    assert np.isnan(distances({"strange": 1.0}, [case("c", "c", {"strange": 1.0})], library().spreads)).all()
    assert distances(figures(), [], library().spreads).shape == (0,)


def test_similarity_is_1_at_0_and_the_floor_at_the_reach():
    assert similarity(0.0, 0.7) == 1.0
    assert similarity(0.7, 0.7) == pytest.approx(AT_REACH)
    assert default_thresholds().least_similarity <= AT_REACH


def test_the_case_itself_comes_first_with_what_became_of_its_family():
    kin = [case(f"k{i}", "kin", figures(tails=1.1 + 0.01 * i), harm) for i, harm in enumerate((0.3, 0.1, 0.2))]
    (found,) = match(figures(tails=1.0), library=library(*kin))
    assert (found.name, found.family) == ("k0", "kin") and 0.6 < found.similarity < 1.0
    assert (found.cases, found.harm, found.harm_range) == (3, 0.2, (0.1, 0.3))
    assert "10% to 30%" in found.outcome and found.description == "what k0 is"


def test_only_the_nearest_of_a_family_say_what_became_of_it():
    many = [case(f"n{i}", "a", figures(new=0.5), 0.1) for i in range(6)]
    (found,) = match(figures(new=0.5), library=library(*many))
    assert found.cases == 5
    far = case("far", "a", figures(new=0.3), 0.9)
    (found,) = match(figures(new=0.49), library=library(far, *many[:2]))
    assert found.cases == 2 and found.harm_range == (0.1, 0.1)
    (itself,) = match(figures(new=0.3), library=library(far, *many))
    assert (itself.cases, itself.similarity, itself.harm) == (1, 1.0, 0.9)


def test_families_come_once_each_by_their_nearest():
    cases = [
        case("further", "b", figures(tails=0.05)),
        case("near", "a", figures(tails=0.02)),
        case("exact", "a", figures()),
    ]
    assert [found.name for found in match(figures(), library=library(*cases))] == ["exact", "further"]


def test_nothing_is_named_where_nothing_is_like_it():
    wreck = case("wreck", "wreck", figures(1.0, 3.0, 1.0, 1.0))
    assert match(figures(), library=library(wreck)) == ()
    assert match({}, library=library(wreck)) == ()


def test_at_most_so_many_are_named():
    known = library(*(case(f"n{index}", f"f{index}", figures()) for index in range(6)))
    limits = parse_thresholds({"signatures": {"most_matches": 2}}, where="here", base=default_thresholds())
    assert len(match(figures(), library=known)) == 3
    assert len(match(figures(), library=known, thresholds=limits)) == 2


@pytest.mark.parametrize(
    ("harms", "words"),
    [
        ([0.12], "models trained on the one known case lost 12% of what real rows teach"),
        ([0.12, 0.121], "models trained on the 2 nearest known cases lost 12% of what real rows teach, all alike"),
        ([-0.03, 0.02, 0.9], "lost 0% to 90% of what real rows teach, 2% in the middle"),
        ([0.8, 1.3, 1.5], "lost 80% to 100% of what real rows teach, 100% in the middle"),
    ],
)
def test_harm_is_told_in_words(harms: list[float], words: str):
    assert words in outcome(harms)


def test_the_packaged_library_holds_the_planted_defects_and_the_generators():
    known = packaged_library()
    families = {item.family for item in known.cases}
    planted = {f"planted_{issue}" for issue in ("duplicates", "shuffled", "mode", "tailcut", "noise", "drift")}
    assert planted | {"healthy", "healthy_memorised", "copula", "cart", "narrow", "ctgan", "tvae"} == families
    assert "benchmarks.build_signatures" in known.made and known.reach > 0.0
    assert set(known.spreads) <= set(MEANINGS) and min(known.spreads.values()) > 0.0
    assert len(known.spreads) > 30
    for item in known.cases:
        assert item.description and not {"_", "mix"} & set(item.name.split())
        assert all(math.isfinite(value) for value in item.figures.values())


def test_leaving_a_table_out_of_the_packaged_library_most_families_are_found():
    """The figure of the log is made with spreads of the other tables too; here they are those of all."""
    known = packaged_library()
    hits = []
    for item in known.cases:
        others = [other for other in known.cases if other.source != item.source]
        apart = distances(item.figures, others, known.spreads)
        hits.append(others[int(np.nanargmin(apart))].family == item.family)
    assert np.mean(hits) >= 0.9


@pytest.mark.slow
def test_a_memorised_table_is_told_from_fresh_rows_and_its_case_can_be_added(
    real: pl.DataFrame, fresh: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    copied = synthos.validate(real.sample(real.height, with_replacement=True, seed=3), real, quick=True)
    assert copied.signatures[0].family == "healthy_memorised"
    healthy = synthos.validate(fresh, real, quick=True)
    assert all(found.family != "healthy_memorised" for found in healthy.signatures)

    copied.to_json(tmp_path / "r.json")
    own = tmp_path / "own.json"
    monkeypatch.setenv("SYNTHOS_SIGNATURES", str(own))
    add(tmp_path / "r.json", name="our sampler", family="sampler", harm=0.25)
    again = synthos.validate(real.sample(real.height, with_replacement=True, seed=3), real, quick=True)
    assert (again.signatures[0].name, again.signatures[0].similarity) == ("our sampler", pytest.approx(1.0))
    assert again.signatures[0].outcome.startswith("models trained on the one known case lost 25%")
