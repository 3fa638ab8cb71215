"""The harm model: monotone, nothing where nothing is lost, wide where it was never tried."""

from __future__ import annotations

import pytest
from answers import lost
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import InternalError
from synthos.results import DIMENSIONS
from synthos.verdict.harm import (
    COLLAPSED,
    HarmModel,
    Seen,
    default_harm_model,
    harm_of,
    parse_harm_model,
    risk_of,
    shrunk,
)

MODEL = HarmModel(
    utility=0.9,
    dimensions={"rare_pattern_handling": 0.5},
    slope=4.0,
    intercept=-7.0,
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
    found = default_harm_model().expect(lost(0.0, 0.005), dict.fromkeys(DIMENSIONS, 0.0))
    assert found.harm == 0.0
    assert found.chance < 0.05
    assert found.unlike == ()


@given(st.dictionaries(st.sampled_from(DIMENSIONS), shares), st.sampled_from(DIMENSIONS), shares, shares)
def test_harm_never_falls_where_a_dimension_loses_more(
    losses: dict[str, float], name: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    for model in (MODEL, default_harm_model()):
        found = [model.expect(lost(0.05), losses | {name: loss}).harm for loss in (low, high)]
        assert found[0] <= found[1] + 1e-12


def test_a_table_like_none_before_is_said_to_be_and_less_sure() -> None:
    few = MODEL.expect(lost(0.1), {})
    # Twelve columns are more than the eight that were tried; three rows' worth of error is not.
    fewer = HarmModel(
        **{name: getattr(MODEL, name) for name in HarmModel.__dataclass_fields__}
        | {"seen": Seen(tables=4, cases=188, least_rows=9_000, least_columns=20)}
    ).expect(lost(0.1), {})
    assert few.unlike == ()
    assert len(fewer.unlike) == 2
    assert fewer.interval.high > few.interval.high
    assert fewer.chance_interval.high > few.chance_interval.high
    assert fewer.harm == few.harm


def test_harm_and_score_agree() -> None:
    assert harm_of(MODEL.score(0.1, {})) == pytest.approx(0.02 * (6.0**0.9 - 1.0))


def test_a_model_that_is_not_monotone_is_refused() -> None:
    document = {name: getattr(MODEL, name) for name in HarmModel.__dataclass_fields__}
    document["seen"] = {"tables": 4, "cases": 188, "least_rows": 8_000, "least_columns": 8}
    assert parse_harm_model(document) == MODEL
    with pytest.raises(InternalError, match="not be negative"):
        parse_harm_model(document | {"dimensions": {"rare_pattern_handling": -0.1}})
