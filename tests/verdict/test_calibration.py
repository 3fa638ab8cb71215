"""The risk model: monotone, dominated by its worst part, bounded; and the losses it is fed."""

from __future__ import annotations

import math

import pytest
from answers import cascade, scored, sound
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import InternalError
from synthos.results import DIMENSIONS, Failed, Interval, NotApplicable
from synthos.verdict.calibration import (
    RHO,
    Loss,
    Part,
    RiskModel,
    default_risk_model,
    gather,
    logistic,
    parse_risk_model,
)

MODEL = default_risk_model()
shares = st.floats(0.0, 1.0)
some_losses = st.dictionaries(st.sampled_from([*DIMENSIONS, RHO]), shares, min_size=1)


@given(some_losses, st.data())
def test_risk_never_falls_where_a_loss_rises(losses: dict[str, float], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(losses)))
    higher = data.draw(st.floats(losses[name], 1.0))
    assert MODEL.risk(losses | {name: higher}) >= MODEL.risk(losses) - 1e-9


@given(some_losses, st.sampled_from([*DIMENSIONS, RHO]), shares)
def test_risk_never_falls_where_a_part_is_added(losses: dict[str, float], name: str, loss: float) -> None:
    without = {key: value for key, value in losses.items() if key != name} or {"rho": 0.0}
    assert MODEL.risk(without | {name: loss}) >= MODEL.risk(without) - 1e-9


@given(some_losses)
def test_risk_lies_between_its_worst_harm_and_a_little_above(losses: dict[str, float]) -> None:
    worst = max(MODEL.harms(losses).values())
    most = worst * len(losses) ** (1.0 / MODEL.order)
    assert worst - 1e-9 <= MODEL.risk(losses) <= min(100.0, most) + 1e-9


@given(st.dictionaries(st.sampled_from([*DIMENSIONS, RHO]), st.tuples(shares, shares, shares), min_size=1))
def test_the_interval_holds_the_risk(triples: dict[str, tuple[float, float, float]]) -> None:
    ordered = {name: sorted(triple) for name, triple in triples.items()}
    losses = {name: Loss(value, low, high) for name, (low, value, high) in ordered.items()}
    risk = MODEL.risk({name: loss.value for name, loss in losses.items()})
    interval = MODEL.risk_interval(losses)
    assert 0.0 <= interval.low <= risk <= interval.high <= 100.0


def test_the_interval_of_one_part_is_that_parts_own() -> None:
    interval = MODEL.risk_interval({RHO: Loss(0.3, 0.2, 0.5)})
    assert interval.low == pytest.approx(MODEL.risk({RHO: 0.2}))
    assert interval.high == pytest.approx(MODEL.risk({RHO: 0.5}))


def test_one_failed_dimension_is_not_averaged_away() -> None:
    alone = dict.fromkeys(DIMENSIONS, 0.0) | {"correlation_preservation": 1.0}
    assert MODEL.risk(alone) >= MODEL.parts["correlation_preservation"].ceiling


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_probability_never_falls_where_risk_rises(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 < logistic(MODEL.logit(low)) <= logistic(MODEL.logit(high)) < 1.0


@pytest.mark.parametrize("logit", [-1e4, -3.0, 0.0, 3.0, 1e4])
def test_logistic_is_symmetric_and_never_overflows(logit: float) -> None:
    assert logistic(logit) + logistic(-logit) == pytest.approx(1.0)


def test_a_part_alone_is_read_off_its_formula() -> None:
    part = Part(ceiling=80.0, dead=0.1, power=2.0)
    assert [part.harm(loss) for loss in (0.0, 0.1, 0.55, 1.0)] == pytest.approx([0.0, 0.0, 20.0, 80.0])


def test_two_equal_harms_add_by_the_norm() -> None:
    part = Part(ceiling=30.0, dead=0.0, power=1.0)
    model = RiskModel(parts={"a": part, "b": part}, order=2.0, intercept=0.0, slope=1.0, made="here")
    assert model.risk({"a": 1.0, "b": 1.0}) == pytest.approx(30.0 * math.sqrt(2.0))


def test_risk_refuses_nothing_and_nan() -> None:
    for losses in ({}, {RHO: math.nan}):
        with pytest.raises(InternalError, match="risk needs"):
            MODEL.risk(losses)


def test_losses_come_from_scored_parts_alone() -> None:
    dimensions = sound(
        temporal_stability=NotApplicable(reason="exchangeable"),
        semantic_coherence=Failed(error="boom"),
        distribution_fidelity=scored(80.0, 5.0),
    )
    losses = gather(dimensions, cascade(rho=0.4, margin=0.1))
    assert set(losses) == {*DIMENSIONS, RHO} - {"temporal_stability", "semantic_coherence"}
    assert losses["distribution_fidelity"] == Loss(*map(pytest.approx, (0.2, 0.15, 0.25)))
    assert losses[RHO] == Loss(*map(pytest.approx, (0.4, 0.3, 0.5)))


def test_rho_is_clipped_and_absent_without_models() -> None:
    assert gather({}, cascade(rho=-0.05))[RHO] == Loss(0.0, 0.0, 0.0)
    assert gather({}, cascade(rho=1.5))[RHO] == Loss(1.0, 1.0, 1.0)
    assert gather({}, None) == gather({}, Failed(error="boom")) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"order": 0.5},
        {"probability": {"intercept": 0.0, "slope": -1.0}},
        {"parts": {"rho": {"ceiling": -1.0, "dead": 0.0, "power": 1.0}}},
    ],
)
def test_a_model_that_is_not_monotone_is_refused(change: dict[str, object]) -> None:
    sound_document = {
        "parts": {"rho": {"ceiling": 90.0, "dead": 0.0, "power": 1.0}},
        "order": 4.0,
        "probability": {"intercept": 0.0, "slope": 1.0},
        "made": "here",
    }
    assert parse_risk_model(sound_document).order == 4.0
    with pytest.raises(InternalError, match="not monotone"):
        parse_risk_model(sound_document | change)


def test_the_packaged_model_knows_every_part_and_says_how_it_was_made() -> None:
    assert set(MODEL.parts) == {*DIMENSIONS, RHO}
    assert MODEL.made


def test_intervals_of_dimensions_turn_into_losses_the_right_way_round() -> None:
    loss = gather({"rare_pattern_handling": scored(50.0, 20.0)}, None)["rare_pattern_handling"]
    assert loss.low < loss.value < loss.high
    assert Interval(low=loss.low, high=loss.high) == Interval(low=pytest.approx(0.3), high=pytest.approx(0.7))
