"""Columns without values, with one value, with values out of reach, and tables whose rows repeat."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from utility_tables import judge_all, learn_all, real_rows

from synthos.results import NotApplicable, Utility
from synthos.sampling.assemble import evidence_from_frames
from synthos.utility.forests import FEW_TREES
from synthos.utility.reference import LEAST_LEARNABLE, RealSide, learn, taught
from synthos.utility.transfer import COPIED, teach

pytestmark = pytest.mark.slow
ROWS = 1_200


def judged(synthetic: pl.DataFrame, reference: pl.DataFrame) -> Utility | NotApplicable:
    of = evidence_from_frames(synthetic, reference)
    return judge_all(learn_all(of, FEW_TREES), of)


def losses(found: Utility | NotApplicable) -> dict[str, float]:
    assert isinstance(found, Utility)
    return {column.column: column.loss for column in found.columns}


def weighted(found: Utility, name: str) -> float:
    """Mean of a figure over the columns, weighted as the loss is."""
    weights = [(taught(item.learnable, item.metric) - LEAST_LEARNABLE) ** 0.5 for item in found.columns]
    return float(np.average([getattr(item, name) for item in found.columns], weights=weights))


def without_some(frame: pl.DataFrame, share: float, seed: int) -> pl.DataFrame:
    """The frame with a random share of the weights missing."""
    gone = np.random.default_rng(seed).random(frame.height) < share
    return frame.with_columns(weight=pl.when(pl.Series(gone)).then(None).otherwise("weight"))


def test_a_number_that_became_null_is_lost_and_named() -> None:
    real = real_rows(ROWS, 1)
    found = judged(real_rows(ROWS, 2).with_columns(weight=pl.lit(None, real["weight"].dtype)), real)
    assert losses(found)["weight"] == pytest.approx(1.0, abs=0.02)
    assert isinstance(found, Utility)
    assert any("hardly any value of weight" in note for note in found.notes)


def test_both_sides_learn_from_equally_many_values() -> None:
    of = evidence_from_frames(without_some(real_rows(ROWS, 2), 0.6, 5), without_some(real_rows(ROWS, 1), 0.6, 6))
    side = learn("weight", of, ROWS, FEW_TREES)
    assert isinstance(side, RealSide)
    assert len(teach(side, of).keys) == pytest.approx(side.rows, rel=0.15)
    assert abs(losses(judge_all({"weight": side}, of))["weight"]) < 0.25


def test_a_value_out_of_reach_is_borne() -> None:
    far = real_rows(ROWS, 2).with_columns(
        size=pl.when(pl.int_range(ROWS) == 7).then(1e60).otherwise("size"),
    )
    assert max(losses(judged(far, real_rows(ROWS, 1))).values()) < 0.5


def test_a_column_with_one_value_has_nothing_to_teach() -> None:
    same = [real_rows(ROWS, seed).with_columns(weight=pl.lit(1.0)) for seed in (1, 2)]
    of = evidence_from_frames(same[1], same[0])
    found = learn("weight", of, ROWS, FEW_TREES)
    assert isinstance(found, NotApplicable)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_copy_of_the_reference_cannot_be_judged_however_often_its_rows_repeat(times: int) -> None:
    real = real_rows(ROWS // times, 1)
    found = judged(pl.concat([real] * times), pl.concat([real] * times))
    assert isinstance(found, NotApplicable)
    assert COPIED in found.reason


def test_rows_known_but_for_a_digit_hide_what_is_lost() -> None:
    real = real_rows(ROWS, 1)
    # Rows that are known but for the last digit: no copies, and nothing but memory.
    known = real.with_columns(pl.col("size") + 1e-6)
    found = judged(known, real)
    assert isinstance(found, Utility)
    assert 0.05 < found.hidden < 1.0
    assert found.hidden == pytest.approx(found.loss - weighted(found, "apparent"), abs=1e-9)
