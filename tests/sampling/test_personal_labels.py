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
