"""The chance of a rare loss rises with what is gone and widens with doubt; that of the loop says what it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import InternalError
from synthos.results import Component, Interval, LoopDrift
from synthos.verdict import harm
from synthos.verdict.chances import (
    FEATURES,
    LOST,
    Chance,
    RareModel,
    default_rare_model,
    error_of,
    loop_chance,
    parse_rare_model,
)

SEEN = {"tables": 4, "cases": 188, "least_rows": 4_000}
DOCUMENT = {
    "weights": {"rare_mass_lost": 0.8, "tail_0.01": 0.3},
    "slope": 4.0,
    "middle": 0.08,
    "shift_error": 0.2,
    "seen": SEEN,
    "made": "by hand",
}
MODEL = parse_rare_model(DOCUMENT)


def gone(name: str, value: float, error: float = 0.005) -> Component:
    return Component(
        name=name, value=value, unit="share", meaning="", null_median=0.0, null_q95=1.645 * error, wreck=1.0
    )


def parts(mass: float, tail: float, error: float = 0.005) -> list[Component]:
    return [gone("rare_mass_lost", mass, error), gone("tail_0.01", tail, error)]


def chance(model: RareModel, components: list[Component], rows: int | None = 8_000) -> tuple[float, Interval]:
    found = model.chance_of(components, rows)
    assert found.probability is not None and found.interval is not None
    return found.probability, found.interval


@pytest.mark.parametrize("model", [MODEL, default_rare_model()], ids=["by hand", "packaged"])
@given(mass=st.floats(-0.05, 1.0), tail=st.floats(-0.05, 1.0), more=st.floats(0.0, 0.5), error=st.floats(0.0, 0.2))
def test_the_chance_rises_with_what_is_gone_and_lies_in_its_interval(
    model: RareModel, mass: float, tail: float, more: float, error: float
) -> None:
    least, interval = chance(model, parts(mass, tail, error))
    assert 0.0 <= interval.low <= least <= interval.high <= 1.0
    assert chance(model, parts(mass + more, tail, error))[0] >= least
    assert chance(model, parts(mass, tail + more, error))[0] >= least


def test_the_packaged_model_tells_lost_from_kept() -> None:
    model = default_rare_model()
    assert set(model.weights) == set(FEATURES)
    assert chance(model, parts(0.005, 0.01, 0.01))[0] < 0.1
    assert chance(model, parts(0.5, 0.5, 0.01))[0] > 0.9


def test_a_doubtful_loss_has_a_wider_interval() -> None:
    clear, doubtful = (chance(MODEL, parts(0.08, 0.08, error))[1] for error in (0.001, 0.05))
    assert doubtful.low < clear.low and doubtful.high > clear.high


def test_the_chance_is_one_half_at_the_middle() -> None:
    assert MODEL.chance(harm.score_of(MODEL.middle)) == 0.5
    assert MODEL.share({"rare_mass_lost": 0.1, "tail_0.01": 0.2}) == pytest.approx(0.14)
    assert MODEL.share({"rare_mass_lost": 0.1}) == pytest.approx(0.11)


def test_lost_is_what_the_figures_of_the_fit_call_collapsed() -> None:
    assert LOST == harm.COLLAPSED


def test_few_rows_and_missing_tails_are_said_and_widen_the_interval() -> None:
    usual = MODEL.chance_of(parts(0.1, 0.1), 8_000)
    small = MODEL.chance_of(parts(0.1, 0.1), 700)
    assert "only 700 rows, and the fewest tried were 4,000" in small.of
    assert usual.interval is not None and small.interval is not None
    assert small.interval.low < usual.interval.low and small.interval.high > usual.interval.high
    assert small.probability == usual.probability
    tailless = MODEL.chance_of(parts(0.1, 0.1)[:1], 8_000)
    assert "tail_0.01 could not be measured" in tailless.of
    assert usual.of == f"chance that more than {LOST:.0%} of the rare mass of real rows is gone".replace("%", " %")


def test_without_an_error_there_is_no_chance() -> None:
    bare = replace(gone("rare_mass_lost", 0.2), null_q95=None)
    assert error_of(bare) is None
    found = MODEL.chance_of([bare])
    assert found.probability is None and found.of.startswith("no chance is stated")


@pytest.mark.parametrize(
    "changed",
    [{"slope": -1.0}, {"shift_error": -0.1}, {"weights": {"rare_mass_lost": -0.1}}, {"weights": {"tail_0.01": 1.0}}],
)
def test_a_model_that_is_not_monotone_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InternalError):
        parse_rare_model(DOCUMENT | changed)


def drift(slope: float, error: float = 0.1) -> LoopDrift:
    interval = Interval(low=slope - 1.96 * error, high=slope + 1.96 * error)
    return LoopDrift(synthetic_bits=(20.0, 21.0), reference_bits=(20.0, 20.4), slope=slope, interval=interval)


def test_the_chance_of_the_loop_is_that_of_its_own_error_and_says_so() -> None:
    assert loop_chance(drift(0.0)).probability == pytest.approx(0.5)
    found = loop_chance(drift(0.1))
    assert found.probability == pytest.approx(0.8413, abs=1e-3)
    assert found.interval is None and "not calibrated" in found.of
    assert loop_chance(drift(-0.1)).probability == pytest.approx(0.1587, abs=1e-3)


def test_a_loop_below_real_rows_or_without_an_error_states_no_chance() -> None:
    spent = loop_chance(drift(-0.3))
    assert spent == Chance(None, None, spent.of) and "little left to lose" in spent.of
    assert loop_chance(drift(0.3, 0.0)).probability is None
