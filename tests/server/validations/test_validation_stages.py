from __future__ import annotations

from synthos.progress import STAGES, Event
from synthos.server.validations.stages import SHARES, current, finish, heard, planned, progress

NOW = "2030-01-01T12:00:00.000Z"


def test_every_stage_of_the_core_is_shown() -> None:
    assert set(SHARES) == set(STAGES) - {"read"}
    for kind in (0, 1):
        assert sum(shares[kind] for shares in SHARES.values()) == 100.0


def test_a_quick_validation_plans_no_models() -> None:
    names = [stage["stage"] for stage in planned("quick")]
    assert "cascade" not in names and "recommendations" not in names
    assert len(planned("full")) == len(SHARES)


def test_progress_rises_with_the_events_and_never_falls() -> None:
    stages, seen = planned("full"), [0.0]
    for event in (
        Event(stage="read", done=1, total=2),
        Event(stage="scan", done=1, total=2),
        Event(stage="scan", done=2, total=2),
        Event(stage="cascade", done=0, total=36, fields={"share_done": 0.25}),
        Event(stage="cascade", done=1, total=36, fields={"share_done": 0.10}),
        Event(stage="dimensions", done=8, total=8),
    ):
        assert heard(stages, event, NOW)
        seen.append(progress(stages, "full"))
    assert seen == sorted(seen) and seen[-1] == 5.0 + 10.0 + 15.0
    assert current(stages) == "cascade"
    models = next(stage for stage in stages if stage["stage"] == "cascade")
    assert (models["models_trained"], models["models_total"], models["progress"]) == (1, 36, 25.0)


def test_what_comes_after_a_stages_end_changes_nothing() -> None:
    stages = planned("quick")
    heard(stages, Event(stage="scan", done=2, total=2), NOW)
    assert not heard(stages, Event(stage="scan", done=1, total=2), "later")
    assert not heard(stages, Event(stage="unheard of", done=1, total=2), "later")


def test_how_a_validation_ends_is_how_its_stages_end() -> None:
    for status, under_way, not_begun in (
        ("completed", "completed", "completed"),
        ("failed", "failed", "skipped"),
        ("cancelled", "cancelled", "skipped"),
    ):
        stages = planned("quick")
        heard(stages, Event(stage="scan", done=2, total=2), NOW)
        heard(stages, Event(stage="dimensions", done=1, total=8), NOW)
        finish(stages, status, NOW)  # type: ignore[arg-type]
        assert [stage["status"] for stage in stages[:4]] == ["completed", not_begun, under_way, not_begun]
        assert current(stages) is None
    assert progress(stages, "quick") < 100.0
