"""Reference rows that stand in a mended table do not judge it, and two losses given by the same judges are compared."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from utility_tables import judge_all, learn_all, real_rows, shuffled

from synthos.results import NotApplicable, Utility
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.utility.design import row_keys
from synthos.utility.forests import FEW_TREES
from synthos.utility.measure import Sides, difference_error, join, teach_all, weigh_all
from synthos.utility.transfer import Judged

ROWS = 1_000
pytestmark = pytest.mark.slow


def evidence(synthetic: pl.DataFrame) -> Evidence:
    return evidence_from_frames(synthetic, real_rows(ROWS, 1))


@pytest.fixture(scope="module")
def torn() -> Evidence:
    return evidence(shuffled(real_rows(ROWS, 2), 0.6, 3))


@pytest.fixture(scope="module")
def sides(torn: Evidence) -> Sides:
    return learn_all(torn, FEW_TREES)


def lent(of: Evidence, rows: int) -> np.ndarray:
    assert of.reference is not None
    return row_keys(of.reference.frame[:rows], of)


def test_nobody_lent_asks_them_all(torn: Evidence, sides: Sides) -> None:
    assert join(weigh_all(sides, teach_all(sides, torn)), torn) == judge_all(sides, torn)


def test_rows_that_are_lent_are_not_asked(torn: Evidence, sides: Sides) -> None:
    keys = lent(torn, 400)
    judged = [item for item in weigh_all(sides, teach_all(sides, torn), keys).values() if isinstance(item, Judged)]
    assert judged
    for item in judged:
        assert not np.isin(item.places, keys).any()
        assert len(item.places) <= ROWS - 400
        assert item.shares.mean() == pytest.approx(item.answer.loss)


def test_rows_that_are_lent_are_no_copies(torn: Evidence, sides: Sides) -> None:
    mixed = evidence(pl.concat([real_rows(600, 2), real_rows(ROWS, 1)[:400]]))
    told, untold = (join(weigh_all(sides, teach_all(sides, mixed), keys), mixed) for keys in (lent(torn, 400), None))
    assert isinstance(told, Utility) and isinstance(untold, Utility)
    assert told.copied == 0.0
    assert untold.copied == pytest.approx(0.4, abs=0.05)


def test_where_all_are_lent_nobody_can_judge(torn: Evidence, sides: Sides) -> None:
    assert isinstance(join(weigh_all(sides, teach_all(sides, torn), lent(torn, ROWS)), torn), NotApplicable)


def test_a_difference_is_known_better_than_the_losses(torn: Evidence, sides: Sides) -> None:
    other = evidence(shuffled(real_rows(ROWS, 2), 0.5, 3))
    first, second = (weigh_all(sides, teach_all(sides, of)) for of in (torn, other))
    assert difference_error(first, first) == 0.0
    single = join(first, torn)
    assert isinstance(single, Utility)
    error = (single.interval.high - single.interval.low) / 2.0 / 1.96
    assert 0.0 < difference_error(first, second) < error


def test_judges_that_only_one_of_them_asked_are_left_out(torn: Evidence, sides: Sides) -> None:
    taught = teach_all(sides, torn)
    whole, some = weigh_all(sides, taught), weigh_all(sides, taught, lent(torn, 500))
    # The same forests said it all: what differs is the mean of the judges and what they gained.
    assert difference_error(whole, some) < 0.01
    assert difference_error({}, whole) == float("inf")
