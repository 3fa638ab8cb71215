from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthos.errors import SchemaError
from synthos.sampling.assemble import evidence_from_frames


def people(rows, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": rng.lognormal(3, 1, rows),
            "city": rng.choice(["Oslo", "Rome", "Lima"], rows),
        }
    )


def test_arms_hold_frames_codes_and_scans():
    synthetic, reference, holdout = people(700, 1), people(900, 2), people(300, 3)
    found = evidence_from_frames(synthetic, reference, holdout)
    assert found.columns == ("age", "income", "city")
    for arm, frame in ((found.synthetic, synthetic), (found.reference, reference), (found.holdout, holdout)):
        assert arm.is_whole
        assert arm.frame.equals(frame)
        assert np.array_equal(arm.codes, found.codec.encode(frame))
        assert arm.total_rows == arm.scan.rows == frame.height


def test_bins_come_from_the_reference():
    reference = people(1000)
    found = evidence_from_frames(people(1000).with_columns(city=pl.lit("Bonn")), reference)
    assert found.codec.encode(reference)[:, 2].max() <= 3
    assert set(found.synthetic.codes[:, 2].tolist()) == {4}


def test_columns_are_matched_by_name():
    reference = people(500)
    shuffled = evidence_from_frames(people(500, 1).select("city", "income", "age"), reference)
    straight = evidence_from_frames(people(500, 1), reference)
    assert np.array_equal(shuffled.synthetic.codes, straight.synthetic.codes)
    assert shuffled.seed == straight.seed


def test_seed_follows_the_data():
    seeds = {
        evidence_from_frames(people(500, 1), people(500, 2)).seed,
        evidence_from_frames(people(500, 1)).seed,
        evidence_from_frames(people(500, 3), people(500, 2)).seed,
        evidence_from_frames(people(500, 1), people(500, 2), people(500, 3)).seed,
    }
    assert len(seeds) == 4
    assert evidence_from_frames(people(500, 1)).seed in seeds


def test_large_tables_are_sampled():
    frame = people(60_000)
    found = evidence_from_frames(frame)
    assert not found.synthetic.is_whole
    assert len(found.synthetic.rows) == 50_000
    assert found.synthetic.frame.equals(frame[found.synthetic.rows])
    assert found.synthetic.scan.histogram[: found.sizes[0]].sum() == 60_000
    assert found.reference is None


def test_kinds_can_be_given():
    found = evidence_from_frames(people(500), kinds={"age": "category"})
    assert found.schema.kind("age") == "category"
    assert found.schema.kind("income") == "number"


def test_a_missing_column_is_named():
    with pytest.raises(SchemaError, match="city"):
        evidence_from_frames(people(500).drop("city"), people(500))
