"""Trees that are grown to see what forests will cost."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from synthos.estimation.features import shape_of
from synthos.estimation.trees import tree_seconds
from synthos.stages import prepare


def test_trees_take_time_where_there_is_a_reference_to_learn_from(fresh: pl.DataFrame, real: pl.DataFrame):
    job = prepare(fresh, real, quick=True)
    assert tree_seconds(job, shape_of(job)) > 0.0


def test_without_a_reference_or_with_hardly_a_row_no_tree_grows(fresh: pl.DataFrame, real: pl.DataFrame):
    alone = prepare(fresh, quick=True)
    assert tree_seconds(alone, shape_of(alone)) == 0.0
    job = prepare(fresh, real, quick=True)
    assert tree_seconds(job, replace(shape_of(job), synthetic=50)) == 0.0
