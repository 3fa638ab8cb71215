from __future__ import annotations

from synthos.server.pipelines.stages import NAMES, SHARES, complete, current, is_over, note, planned, progress, skip

NOW = "2030-01-01T12:00:00.000Z"


def test_shares_are_of_one_whole() -> None:
    assert sum(SHARES.values()) == 100.0 and NAMES["full"][:3] == NAMES["validation"]


def test_progress_rises_to_the_end() -> None:
    stages, seen = planned("full"), []
    for name in NAMES["full"]:
        assert not is_over(stages, name)
        for percent in (0.0, 30.0, 20.0):
            note(stages, name, percent, NOW)
            seen.append(progress(stages))
        assert current(stages) == name
        complete(stages, name, NOW)
        seen.append(progress(stages))
        assert is_over(stages, name) and current(stages) is None
    assert seen == sorted(seen) and seen[-1] == 100.0


def test_a_stage_that_is_begun_anew_begins_at_nothing_and_one_that_is_done_does_not() -> None:
    stages = planned("validation")
    note(stages, "ingest", 50.0, NOW)
    note(stages, "ingest", 0.0, "later")
    assert stages[0]["progress"] == 0.0 and stages[0]["started_at"] == NOW
    complete(stages, "ingest", NOW)
    note(stages, "ingest", 0.0, "later")
    assert stages[0] == {**stages[0], "status": "completed", "progress": 100.0, "completed_at": NOW}


def test_what_is_skipped_is_no_work() -> None:
    stages = planned("full")
    for name in NAMES["validation"]:
        complete(stages, name, NOW)
    skip(stages, "repair", "nothing to do")
    skip(stages, "revalidate", "nothing to do")
    assert progress(stages) == 100.0 and is_over(stages, "repair") and stages[3]["note"] == "nothing to do"
