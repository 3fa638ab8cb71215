"""The recipe: options, modes and what each leaves open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synthos
from synthos.errors import ConfigError, InputError, TooFewRowsError
from synthos.flow import judge_gate, select_recommendations
from synthos.progress import STAGES, Event
from synthos.reporting.html import render
from synthos.reporting.terminal import summary
from synthos.results import Interval, NotApplicable, Outcome, Scored
from synthos.stages import cache_folder
from synthos.validation import Validation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """What was announced while ``healthy`` was made."""
    return []


@pytest.fixture(scope="module")
def healthy(fresh: pl.DataFrame, real: pl.DataFrame, events: list[Event]) -> Validation:
    return synthos.validate(fresh, real, quick=True, on_progress=events.append)


@pytest.fixture(scope="module")
def broken(wreck: pl.DataFrame, real: pl.DataFrame) -> Validation:
    return synthos.validate(wreck, real, quick=True)


def test_quick_leaves_the_cascade_out_and_says_what_that_leaves_open(healthy: Validation):
    assert isinstance(healthy.cascade, NotApplicable)
    assert healthy.rho is None and healthy.n_eff is None
    assert isinstance(healthy.dimensions["scale_robustness"], NotApplicable)
    assert isinstance(healthy.verdict.outcomes["loop"], NotApplicable)
    floor = healthy.verdict.outcomes["floor"]
    assert isinstance(floor, Outcome) and floor.unit == "utility loss"
    assert healthy.verdict.open_questions


def test_a_fresh_sample_is_judged_healthy_and_the_wreck_is_not(healthy: Validation, broken: Validation):
    assert healthy.risk_score < 20 <= broken.risk_score
    assert isinstance(broken.dimensions["correlation_preservation"], Scored)
    assert broken.verdict.collapse_type is not None
    assert not healthy.regions


def test_without_a_reference_nothing_is_approved(fresh: pl.DataFrame):
    validation = synthos.validate(fresh)
    assert validation.decision != "approved"
    assert isinstance(validation.cascade, NotApplicable)
    assert isinstance(validation.dimensions["distribution_fidelity"], NotApplicable)


@pytest.mark.parametrize("quick", [False, True])
def test_without_a_reference_a_repeated_block_is_seen_in_the_dimension_and_the_region(fresh: pl.DataFrame, quick: bool):
    rows = [400 + row % 15 if 400 <= row < 700 else row for row in range(fresh.height)]
    healthy, repeated = (synthos.validate(table, quick=quick) for table in (fresh, fresh[rows]))
    sound, broken = (item.dimensions["statistical_integrity"] for item in (healthy, repeated))
    assert healthy.decision == "inconclusive" and repeated.decision != "approved"
    assert isinstance(sound, Scored) and isinstance(broken, Scored)
    assert broken.score < 80 < 97 <= sound.score
    assert [region.issue for region in repeated.regions] == ["duplicates"] and not healthy.regions
    assert "<html" in render(repeated) and summary(repeated, 100)


def test_without_a_reference_a_table_that_tells_nothing_is_refused_with_advice():
    few = pl.DataFrame({name: ["a", "b", "c", "c"] * 200 for name in ("x", "y")})
    with pytest.raises(ConfigError, match="give a reference table"):
        synthos.validate(few)


def test_a_holdout_is_used_and_named(fresh: pl.DataFrame, real: pl.DataFrame, wreck: pl.DataFrame):
    validation = synthos.validate(fresh, real, real.reverse(), quick=True)
    assert set(validation.profiles) == {"synthetic", "reference", "holdout"}


def test_the_same_tables_give_the_same_answer_and_another_seed_another_fingerprint(
    fresh: pl.DataFrame, real: pl.DataFrame, healthy: Validation
):
    again = synthos.validate(fresh, real, quick=True, cache=False)
    assert replace(healthy, timings={}) == replace(again, timings={})
    seeded = synthos.validate(fresh, real, quick=True, seed=7)
    assert seeded.fingerprint != healthy.fingerprint and seeded.seed != healthy.seed


def test_columns_are_matched_by_name(fresh: pl.DataFrame, real: pl.DataFrame, healthy: Validation):
    turned = synthos.validate(fresh.select(reversed(fresh.columns)), real, quick=True)
    assert healthy.dimensions == turned.dimensions


@pytest.mark.usefixtures("healthy")
def test_every_stage_is_announced_in_order(events: list[Event]):
    seen = list(dict.fromkeys(event.stage for event in events))
    assert set(seen) <= set(STAGES)
    assert [stage for stage in seen if stage in ("read", "scan", "dimensions", "verdict")] == [
        "read",
        "scan",
        "dimensions",
        "verdict",
    ]
    assert all(event.done <= event.total for event in events if event.total)


def test_too_few_rows_says_how_many_are_needed(fresh: pl.DataFrame, real: pl.DataFrame):
    with pytest.raises(TooFewRowsError, match="500"):
        synthos.validate(fresh.head(120), real)


def test_a_holdout_without_a_reference_is_refused(fresh: pl.DataFrame):
    with pytest.raises(ConfigError, match="holdout"):
        synthos.validate(fresh, holdout=fresh)


def test_a_gate_passes_and_fails_by_the_risk(wreck: pl.DataFrame, real: pl.DataFrame, healthy: Validation):
    assert judge_gate(healthy, 25)
    failed = synthos.gate(wreck, real, max_risk=5, quick=True)
    assert not failed and "over 5" in failed.reason
    with pytest.raises(ConfigError, match="0 to 100"):
        judge_gate(failed.validation, 101)


def test_an_inconclusive_verdict_never_passes_a_gate(healthy: Validation):
    unclear = replace(healthy, verdict=replace(healthy.verdict, decision="inconclusive"))
    assert not judge_gate(unclear, 100)
    assert judge_gate(unclear, 100).outcome == "inconclusive"


@pytest.mark.parametrize(("risk", "outcome"), [(10.0, "inconclusive"), (21.0, "inconclusive"), (26.0, "failed")])
def test_without_a_reference_no_table_passes_a_gate(healthy: Validation, risk: float, outcome: str):
    alone = {"synthetic": healthy.profiles["synthetic"]}
    verdict = replace(healthy.verdict, risk_score=risk, decision="fix_first")
    judged = judge_gate(replace(healthy, profiles=alone, verdict=verdict), 25)
    assert judged.outcome == outcome and not judged
    assert ("no reference" in judged.reason) == (outcome == "inconclusive")


def test_a_gate_compares_the_risk_and_not_its_interval(healthy: Validation):
    wide = replace(healthy.verdict, risk_score=21.0, risk_interval=Interval(low=5.0, high=60.0), decision="fix_first")
    assert judge_gate(replace(healthy, verdict=wide), 25)


@pytest.mark.parametrize("max_risk", [200, -1, float("nan")])
def test_a_gate_checks_its_limit_before_anything_is_read(max_risk: float):
    heard: list[Event] = []
    with pytest.raises(ConfigError, match="0 to 100"):
        synthos.gate("missing.parquet", max_risk=max_risk, on_progress=heard.append)
    assert not heard


def test_an_unknown_recommendation_is_refused(healthy: Validation):
    with pytest.raises(ConfigError, match="no recommendation r99"):
        select_recommendations(healthy.recommendations, ["r99"])


def test_the_cache_is_where_it_is_asked_for(tmp_path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(None) == tmp_path / "synthos"
    assert cache_folder(tmp_path / "here") == tmp_path / "here"
    assert cache_folder(False) is None


def test_a_cache_that_cannot_be_written_is_told_before_anything_is_scanned(
    tmp_path: Path, real: pl.DataFrame, fresh: pl.DataFrame
):
    blocked = tmp_path / "file"
    blocked.write_text("")
    heard: list[Event] = []
    with pytest.raises(ConfigError, match=f"{blocked}: models and parts of scans cannot be kept there") as caught:
        synthos.validate(fresh, real, cache=blocked, on_progress=heard.append)
    assert str(caught.value).count(".") == 1
    assert {event.stage for event in heard} == {"read"}
    assert synthos.validate(fresh, cache=blocked).decision  # without a reference there is nothing to keep


def test_profile_needs_one_table_only(real: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And no library of signatures: one that is broken is not its business."""
    (tmp_path / "own.json").write_text("{}")
    monkeypatch.setenv("SYNTHOS_SIGNATURES", str(tmp_path / "own.json"))
    profile = synthos.profile(real)
    assert profile.rows == real.height
    assert [column.name for column in profile.columns] == real.columns


def test_what_cannot_be_read_is_left_out_where_asked_and_never_approved(
    tmp_path: Path, real: pl.DataFrame, fresh: pl.DataFrame
) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    half = fresh.height // 2
    fresh[:half].write_parquet(folder / "a.parquet")
    fresh[half:].write_parquet(folder / "b.parquet")
    (folder / "c.parquet").write_bytes(b"PAR1 this is none PAR1")
    options: dict[str, Any] = {"quick": True, "cache": False}
    with pytest.raises(InputError, match=r"c\.parquet"):
        synthos.validate(folder, real, **options)
    whole = synthos.validate(fresh, real, **options)
    found = synthos.validate(folder, real, skip_bad_shards=True, **options)
    assert whole.decision == "approved" and found.decision == "fix_first"
    assert found.risk_score == pytest.approx(whole.risk_score, abs=5.0)
    assert any(
        "1 of its files could not be read" in reason and "c.parquet" in reason for reason in found.verdict.reasons
    )
    assert any("Of the synthetic table 1 of its files" in note for note in found.notes)
    document = found.to_dict()
    assert [item["rows"] for item in document["profiles"]["synthetic"]["unread"]] == [None]
    assert "could not be read" in render(found)
    beside = synthos.validate(fresh, folder, skip_bad_shards=True, **options)
    assert beside.profiles["reference"].unread and any(
        "reference table 1 of its files" in note for note in beside.notes
    )
