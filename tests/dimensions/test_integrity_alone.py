"""Repeats without a reference: against what the table's own columns give by chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from damages import exchangeable, repeated

from synthos.dimensions.integrity_alone import Model, chance_repeats, sampled_rows
from synthos.dimensions.registry import evaluate
from synthos.results import DimensionResult, NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames

ROWS = 1_200


def integrity(frame: pl.DataFrame) -> DimensionResult:
    return evaluate("statistical_integrity", evidence_from_frames(frame))


def test_a_sound_table_scores_97_and_says_what_was_left_out() -> None:
    result = integrity(exchangeable(ROWS, 3))
    assert isinstance(result, Scored)
    assert result.score >= 97
    assert any("need a reference" in note for note in result.notes)
    assert {component.name for component in result.components if component.score is not None} == {"duplicates"}


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_score_loses_the_share_of_repeats(share: float) -> None:
    result = integrity(repeated(exchangeable(ROWS, 3), share, np.random.default_rng(0)))
    assert isinstance(result, Scored)
    assert result.score == pytest.approx(100 * (1 - share), abs=3)


def test_columns_that_go_together_repeat_by_nature_and_are_not_blamed() -> None:
    """One column gives the next, so that independent columns would hardly ever repeat a row."""
    rng = np.random.default_rng(1)
    key = rng.integers(0, 400, 1_000)
    frame = pl.DataFrame({"length": key, "weight": key * 2.5, "price": key * 7, "grade": rng.integers(0, 10, 1_000)})
    assert 1 - frame.n_unique() / frame.height > 0.08
    result = integrity(frame)
    assert isinstance(result, Scored)
    assert result.score >= 97


def test_few_labels_repeat_too_often_for_anything_to_be_told() -> None:
    rng = np.random.default_rng(2)
    frame = pl.DataFrame({name: rng.choice(["a", "b", "c"], 900) for name in ("x", "y", "z")})
    result = integrity(frame)
    assert isinstance(result, NotApplicable)
    assert "repeat by nature" in result.reason


def test_copies_do_not_teach_the_model() -> None:
    sound = exchangeable(ROWS, 4)
    copied = pl.concat([sound, *[sound.head(1)] * 400])
    evidence = evidence_from_frames(copied)
    rows = sampled_rows(evidence)
    assert len(rows) - len(rows.distinct()) == 400
    assert chance_repeats(rows, evidence.sizes, np.random.default_rng(0)).share < 0.005


def test_drawn_rows_keep_values_and_dependence_and_are_new() -> None:
    evidence = evidence_from_frames(exchangeable(ROWS, 5))
    rows = sampled_rows(evidence)
    rng = np.random.default_rng(0)
    drawn = Model.fit(rows.distinct(), evidence.sizes, rng).draw(ROWS, rng)
    for column in range(rows.cells.shape[1]):
        assert np.isin(drawn.cells[:, column], rows.cells[:, column]).all()
    city, region = (evidence.columns.index(name) for name in ("city", "region"))
    real = {tuple(pair) for pair in rows.codes[:, [city, region]].tolist()}
    kept = np.mean([tuple(pair) in real for pair in drawn.codes[:, [city, region]].tolist()])
    assert kept > 0.9
    assert np.isin(drawn.keys(), rows.keys()).mean() < 0.05
