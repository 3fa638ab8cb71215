from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from synthos.profiling.scan import ScanPlan, finish, merge, scan_batches
from synthos.sampling.assemble import arm
from synthos.sampling.check import check_sample
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema


def sampled(rows, sample_rows, seed=0):
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({"x": rng.normal(0, 1, rows), "k": np.arange(rows), "c": rng.choice(["a", "b", "c"], rows)})
    schema = Schema((Column("x", "number", "Float64"), Column("k", "key", "Int64"), Column("c", "category", "String")))
    codec = Codec.fit(frame, schema)
    plan = ScanPlan(schema, codec, sample_rows=sample_rows, seed=seed)
    states = [scan_batches(index, [part], plan) for index, part in enumerate((frame[: rows // 3], frame[rows // 3 :]))]
    return arm(finish(merge(*states), "table.csv", plan), codec)


@pytest.mark.parametrize("seed", range(8))
def test_sound_samples_pass(seed):
    assert check_sample(sampled(20_000, 1000, seed)) == ()


def test_whole_tables_pass():
    assert check_sample(sampled(1000, 5000)) == ()


def test_a_lopsided_sample_is_flagged_in_its_column_alone():
    whole = sampled(20_000, 1000)
    codes = whole.codes.copy()
    codes[:200, 1] = 1
    (note,) = check_sample(replace(whole, codes=codes))
    assert "'c'" in note
    assert "'table.csv'" in note


def test_a_whole_table_must_agree_exactly():
    whole = sampled(1000, 5000)
    codes = whole.codes.copy()
    codes[0, 1] = 1 + codes[0, 1] % 3
    assert len(check_sample(replace(whole, codes=codes))) == 1


def test_an_empty_sample_is_flagged():
    whole = sampled(1000, 100)
    assert check_sample(replace(whole, rows=whole.rows[:0], codes=whole.codes[:0])) == ("the sample holds no row",)
