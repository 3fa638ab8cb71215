"""Values of personal columns are never quoted."""

from __future__ import annotations

import numpy as np
import polars as pl

from synthos.sampling.assemble import evidence_from_frames


def test_labels_of_a_personal_column_are_withheld_and_others_shown():
    rng = np.random.default_rng(1)
    people = np.array([f"person{number}@example.org" for number in range(8)])
    frame = pl.DataFrame({"mail": rng.choice(people, 600), "plan": rng.choice(["basic", "pro"], 600)})
    evidence = evidence_from_frames(frame, frame, kinds={"mail": "category", "plan": "category"})
    assert evidence.is_personal("mail") and not evidence.is_personal("plan")
    assert "example.org" not in evidence.label(evidence.columns.index("mail"), 1)
    assert evidence.label(evidence.columns.index("plan"), 1) in ("basic", "pro")


def test_a_column_that_looks_personal_in_one_table_shows_its_values_in_none():
    rng = np.random.default_rng(2)
    real = pl.DataFrame({"phone": rng.integers(3_125_550_000, 3_125_559_999, 600), "age": rng.integers(18, 90, 600)})
    made = real.with_columns(phone=pl.col("phone") - 3_125_550_000)  # too short for phone numbers
    evidence = evidence_from_frames(made, real, made, kinds={"phone": "integer", "age": "integer"})
    flagged = [arm.profile.columns[0].pii != () for arm in (evidence.synthetic, evidence.reference, evidence.holdout)]
    assert flagged == [False, True, False]
    for arm in (evidence.synthetic, evidence.reference, evidence.holdout):
        phone, age = arm.profile.columns
        assert (phone.minimum, phone.maximum, phone.mean, phone.quantiles, phone.top) == (None, None, None, {}, ())
        assert (age.minimum, age.maximum) == (18, 89)
