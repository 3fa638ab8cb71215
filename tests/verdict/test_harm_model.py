"""The harm model: monotone, nothing where nothing is lost, wide where it was never tried."""

from __future__ import annotations

import pytest
from answers import lost
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import InternalError
from synthos.verdict.harm import (
    COLLAPSED,
    MIDDLE,
    HarmModel,
    Seen,
    default_harm_model,
    harm_of,
    parse_harm_model,
    risk_of,
    score_of,
    shrunk,
)

MODEL = HarmModel(
    slope=4.0,
    error=0.3,
    offset_error=0.1,
    seen=Seen(tables=4, cases=188, least_rows=8_000, least_columns=8),
    made="for these tests",
)
shares = st.floats(0.0, 1.0)


@given(shares, shares, st.floats(0.0, 0.2))
def test_shrinking_keeps_the_order_and_never_adds(one: float, other: float, error: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= shrunk(low, error) <= shrunk(high, error) + 1e-12
    assert shrunk(high, error) <= high + 1e-12


def test_shrinking_halves_what_chance_may_give_and_leaves_what_is_clear() -> None:
    assert shrunk(0.02, 0.01) == pytest.approx(0.01)
    assert shrunk(0.5, 0.01) == pytest.approx(0.5, rel=0.01)
    assert shrunk(-0.1, 0.01) == 0.0


def test_risk_meets_its_levels() -> None:
    assert risk_of(COLLAPSED) == pytest.approx(20.5, abs=0.1)
    assert risk_of(0.3) == pytest.approx(50.0, abs=0.2)
    assert risk_of(1.0) == pytest.approx(90.0, abs=0.1)
    assert risk_of(0.0) == risk_of(-1.0) == 0.0


def test_nothing_lost_is_no_harm() -> None:
    found = default_harm_model().expect(lost(0.0, 0.005))
    assert found.harm == 0.0
    assert found.chance < 0.05
    assert found.unlike == ()


@given(shares, shares, st.floats(0.0, 0.1))
def test_harm_and_chance_never_fall_where_more_is_lost(one: float, other: float, error: float) -> None:
    low, high = (default_harm_model().expect(lost(loss, error)) for loss in sorted((one, other)))
    assert low.harm <= high.harm + 1e-12
    assert low.chance <= high.chance + 1e-12


def test_the_chance_is_even_at_the_harm_that_counts_as_collapse() -> None:
    assert MODEL.chance(score_of(MIDDLE)) == pytest.approx(0.5)
    assert default_harm_model().expect(lost(0.3)).chance > 0.95


def test_a_table_like_none_before_is_said_to_be_and_less_sure() -> None:
    few = MODEL.expect(lost(0.1))
    # Twelve columns are more than the eight that were tried; three rows' worth of error is not.
    fewer = HarmModel(
        **{name: getattr(MODEL, name) for name in HarmModel.__dataclass_fields__}
        | {"seen": Seen(tables=4, cases=188, least_rows=9_000, least_columns=20)}
    ).expect(lost(0.1))
    assert few.unlike == ()
    assert len(fewer.unlike) == 2
    assert fewer.interval.high > few.interval.high
    assert fewer.chance_interval.high > few.chance_interval.high
    assert fewer.harm == few.harm


@given(shares)
def test_harm_and_score_agree(harm: float) -> None:
    assert harm_of(score_of(harm)) == pytest.approx(harm, abs=1e-12)


def test_a_model_that_is_not_monotone_is_refused() -> None:
    document = {name: getattr(MODEL, name) for name in HarmModel.__dataclass_fields__}
    document["seen"] = {"tables": 4, "cases": 188, "least_rows": 8_000, "least_columns": 8}
    assert parse_harm_model(document) == MODEL
    with pytest.raises(InternalError, match="not be negative"):
        parse_harm_model(document | {"slope": -0.1})
