"""What a fix promised and what came of it are counted right, and the trials of a table are those that were advised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.repairs import DEFAULT, predicted_by, sets_to_try
from benchmarks.repairs_document import error_of_drop, figures, lines, write
from synthos.advice import Prediction, Recommendation, RecommendationKind
from synthos.results import Interval

Row = dict[str, Any]


def advice(
    kind: RecommendationKind, number: int, before: float, after: float, beside: tuple[str, ...] = ()
) -> Recommendation:
    drop = before - after
    return Recommendation(
        id=f"{kind}-{number}",
        kind=kind,
        title="",
        reason="",
        columns=(),
        affected_rows=1,
        expected_gain=100.0 * drop,
        gain_note="",
        parameters={},
        snippet="",
        prediction=Prediction(
            before=before, after=after, drop=Interval(low=drop - 0.03, high=drop + 0.03), beside=beside
        ),
    )


FOUND = (
    advice("mix_real", 1, 0.3, 0.1),
    advice("remove_rows", 2, 0.2, 0.15, ("remove_rows-1",)),
    advice("remove_rows", 1, 0.3, 0.2),
)


def test_every_recommendation_is_tried_on_top_of_what_it_was_measured_on() -> None:
    tried = sets_to_try(FOUND)
    assert tried == {
        "mix_real-1": ("mix_real-1",),
        "remove_rows-1": ("remove_rows-1",),
        "remove_rows-2": ("remove_rows-1", "remove_rows-2"),
        DEFAULT: ("remove_rows-2", "remove_rows-1"),
    }
    assert set(sets_to_try(FOUND[:1])) == {"mix_real-1"}


def test_fixes_one_on_top_of_the_other_promise_their_sum() -> None:
    before, after, low, high = predicted_by(FOUND, ("remove_rows-2", "remove_rows-1")) or pytest.fail("no promise")
    assert (before, after) == (0.3, 0.15)
    assert (high - low) / 2 == pytest.approx(0.03 * 2**0.5) and (high + low) / 2 == pytest.approx(0.15)


def test_fixes_that_were_measured_apart_promise_nothing_together() -> None:
    assert predicted_by(FOUND, ("mix_real-1", "remove_rows-1")) is None


def trial(
    before: float, after: float, said: tuple[float, float] | None, half: float = 0.01, apart: float = 0.002
) -> Row:
    promise = None if said is None else [*said, said[0] - said[1] - half, said[0] - said[1] + half]
    return {
        "table": "t",
        "key": f"k{before}{after}",
        "truth": 0.25,
        "seconds": 5.0,
        "fix": "mix_real-1",
        "ids": ["mix_real-1"],
        "rows": [8_000, 9_000],
        "before": [before, before],
        "after": [after - apart, after + apart],
        "own": [before, before - 1.2 * (said[0] - said[1])] if said else [None, None],
        "predicted": promise,
    }


def test_promises_are_kept_missed_and_harmful_ones_counted() -> None:
    rows = [
        trial(0.30, 0.10, (0.30, 0.12)),  # near
        trial(0.30, 0.20, (0.30, 0.05)),  # far
        trial(0.10, 0.096, (0.10, 0.09)),  # far in its own measure, but inside its interval
        trial(0.10, 0.20, None),  # harmful, and nothing was promised
        {"table": "t", "key": "none", "truth": 0.1, "seconds": 1.0, "fix": None, "before": [0.1, 0.1]},
    ]
    found = list(figures(rows).values())
    assert found[:8] == [
        "5, 4 of them with a fix",
        "4, 3 with a prediction",
        "3 of 3 (1.00)",
        "1 of 3 (0.33)",
        "2 of 3 (0.67)",
        "1 of 4 (0.25)",
        "1 of 4 (0.25)",
        "0 of 3 (0.00)",
    ]
    assert error_of_drop(rows) == pytest.approx(0.002)


def test_the_document_has_a_line_a_trial_and_says_where_nothing_helps(tmp_path: Path) -> None:
    rows = [trial(0.3, 0.1, (0.3, 0.12)), {**trial(0.2, 0.1, None), "fix": DEFAULT, "ids": ["a-1", "b-1"]}]
    rows.append({"table": "t", "key": "none", "truth": 0.1, "seconds": 1.0, "fix": None, "before": [0.1, 0.1]})
    write(rows, tmp_path / "fixes.md")
    text = (tmp_path / "fixes.md").read_text(encoding="utf-8")
    assert all(line in text for line in lines(rows))
    assert "| 0.300 → 0.120 | 0.300 → 0.084 | 0.300 → 0.100 | 0.180 (0.170 to 0.190) | 0.216 | 0.200 |" in text
    assert "| t | none | 0.100 | nothing helps |" in text
    assert f"{DEFAULT}: a-1, b-1" in text


def test_a_default_choice_that_is_one_fix_counts_once() -> None:
    row = trial(0.3, 0.1, (0.3, 0.12))
    assert figures([row, {**row, "fix": DEFAULT}])["fixes carried out"] == "1, 1 with a prediction"


def test_what_was_tried_in_vain_is_counted_by_its_reason(tmp_path: Path) -> None:
    vain = {"kind": "reweight", "why": "models would lose more"}
    rows = [{**trial(0.3, after, (0.3, 0.12)), "vain": [vain]} for after in (0.1, 0.2)]
    write([*rows, rows[0]], tmp_path / "fixes.md")
    assert "| reweight | models would lose more | 2 |" in (tmp_path / "fixes.md").read_text(encoding="utf-8")
