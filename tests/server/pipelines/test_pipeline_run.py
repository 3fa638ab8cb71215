"""Pipelines as a worker's child carries them out, attempt by attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

import synthos
from synthos.profiling import full_pass
from synthos.profiling.spans import table_key
from synthos.profiling.store import ScanStore
from synthos.results import NotApplicable
from synthos.server.db.tables import audit_log
from synthos.server.jobs import child, leases, models
from synthos.server.jobs.handlers import HANDLERS
from synthos.server.jobs.stages import forget_results
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from synthos.server.storage.local import LocalStorage
from synthos.tables import parquet, reader
from synthos.tables.sources import open_table
from tests.server.conftest import Person
from tests.server.datasets.uploading import announce, ready, send, status_of, swap
from tests.server.jobs.queueing import row_of, take
from tests.server.pipelines.conftest import BROKEN, Judged
from tests.server.pipelines.test_pipelines_api import ask, shown
from tests.server.rows import dataset

pytestmark = pytest.mark.slow
Validate = Callable[..., Any]


def attempt(services: Services, validate: Validate) -> int:
    """What a worker's child does with the next job; a job that is stopped goes back to its place."""
    job = take(services, kinds=["pipeline"])
    code = child.carry_out(services, job.id, job.lease, HANDLERS, validate)
    if code == child.STOPPED:
        with services.database.write(None) as work:
            leases.give_back(work, job)
    return code


class Replay:
    """Gives the same verdict again, except where it is told to break off; knows which tables it was asked about."""

    def __init__(self, judged: Judged, *, breaks_at: int | None = None, **changes: Any) -> None:
        self.asked: list[str] = []
        self._verdict, self._breaks_at = replace(judged.verdict, **changes), breaks_at

    def __call__(self, synthetic: str, *others: str | None, **options: Any) -> Any:
        self.asked.append(synthetic)
        if len(self.asked) == self._breaks_at:
            raise KeyboardInterrupt
        return self._verdict


def sent(services: Services, person: Person, judged: Judged) -> dict[str, str]:
    """The two tables, read and profiled, as a request names them."""
    parquet = {"filename": "table.parquet", "file_type": "parquet"}
    return {
        "dataset_id": ready(services, person, judged.table, **parquet),
        "reference_dataset_id": ready(services, person, judged.real, **parquet),
    }


def lying(settings: Settings) -> list[str]:
    folder = settings.data_folder / "storage"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_table_is_read_judged_repaired_and_judged_again(
    services: Services, ada: Person, settings: Settings, judged: Judged
) -> None:
    names = []
    for filename, content in (("some table.parquet", judged.table), ("real.parquet", judged.real)):
        plan = announce(ada, content, filename=filename, file_type="parquet")
        send(ada, plan, content)
        names.append(plan["dataset_id"])
    made = ask(ada, "full", names[0], reference_dataset_id=names[1])

    def validate(*given: Any, **options: Any) -> Any:
        return synthos.validate(*given, **{**options, "cache": None, "tier_config": judged.tiers})

    assert attempt(services, validate) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["progress"], found["error"]) == ("completed", 100.0, None)
    assert [stage["status"] for stage in found["stages"]] == ["completed"] * 5
    repaired = ada.client.get(f"/api/v1/datasets/{found['repaired_dataset_id']}").json()
    repair, results = found["repair"], found["results"]
    assert (repaired["status"], repaired["filename"]) == ("ready", "some table.parquet.repaired.parquet")
    assert repaired["row_count"] == repair["rows_after"] < repair["rows_before"]
    assert repair["rows_before"] - repair["rows_after"] == sum(repair["removed"].values()) >= BROKEN // 2
    first, second = (
        ada.client.get(f"/api/v1/validations/{found[name]}").json() for name in ("validation_id", "revalidation_id")
    )
    assert first["status"] == second["status"] == "completed" and second["dataset_id"] == found["repaired_dataset_id"]
    assert results["risk_score_before"] == first["results"]["risk_score"]
    assert results["risk_score_after"] == second["results"]["risk_score"] < results["risk_score_before"]
    assert results["improvement"] == results["risk_score_before"] - results["risk_score_after"]
    assert (results["decision_before"], results["decision"]) == (
        first["results"]["decision"],
        second["results"]["decision"],
    )
    recommended = ada.client.get(f"/api/v1/validations/{first['validation_id']}/recommendations").json()
    assert set(repair["applied"]) <= {item["recommendation_id"] for item in recommended["recommendations"]}
    told = ada.client.get(f"/api/v1/jobs/{made['job_id']}/events").text
    assert str(settings.data_folder) not in told and '"part": "revalidate"' in told and "event: end" in told
    usage = ada.client.get("/api/v1/analytics/usage").json()
    assert (usage["validations"]["used"], usage["datasets"]) == (2, 3)
    forget_results(services)
    assert not any(name.startswith("stages/") for name in lying(settings))
    assert ada.client.delete(f"/api/v1/datasets/{found['repaired_dataset_id']}").status_code == 200
    assert not any(found["repaired_dataset_id"] in name for name in lying(settings))


@pytest.mark.parametrize(("breaks_at", "stage"), [(1, "validate"), (2, "revalidate")])
def test_an_attempt_goes_on_behind_the_last_finished_stage(
    services: Services, ada: Person, judged: Judged, breaks_at: int, stage: str
) -> None:
    made = ask(ada, "full", **sent(services, ada, judged))
    replay = Replay(judged, breaks_at=breaks_at)
    assert attempt(services, replay) == child.STOPPED
    broken = shown(ada, made["pipeline_id"])
    assert (broken["status"], broken["current_stage"]) == ("running", stage)
    assert attempt(services, replay) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert found["status"] == "completed" and row_of(services, made["job_id"]).status == "succeeded"
    # What was finished was not asked for again, and what was made is what is shown.
    assert len(replay.asked) == 3 and replay.asked.count(replay.asked[0]) == 3 - breaks_at
    if breaks_at == 2:
        assert found["repaired_dataset_id"] == broken["repaired_dataset_id"]
        assert found["revalidation_id"] == broken["revalidation_id"]
    with services.database.read(None) as work:
        actions = [row.action for row in work.all(select(audit_log))]
    assert actions.count("validation.completed") == 2 and actions.count("pipeline.completed") == 1
    assert actions.count("dataset.announced") == 3


class BreaksOff(LocalStorage):
    """Is cut off after the first half of a file that it is given by the path."""

    def put_file(self, key: str, path: Path) -> None:
        self.put(f"{key}.half", path.read_bytes()[: path.stat().st_size // 2])
        raise KeyboardInterrupt


def test_a_repair_that_broke_off_is_done_again_into_the_same_table(
    services: Services, ada: Person, settings: Settings, judged: Judged
) -> None:
    made = ask(ada, "full", **sent(services, ada, judged))
    replay, whole = Replay(judged), services.storage
    swap(services, storage=BreaksOff(settings.data_folder / "storage"))
    assert attempt(services, replay) == child.STOPPED
    half = shown(ada, made["pipeline_id"])["repaired_dataset_id"]
    assert status_of(services, half) == "uploading"
    swap(services, storage=whole)
    assert attempt(services, replay) == child.DONE
    assert shown(ada, made["pipeline_id"])["repaired_dataset_id"] == half and status_of(services, half) == "ready"
    assert [name for name in lying(settings) if half in name] == [
        f"datasets/{half}/data.parquet",
        f"datasets/{half}/profile.json",
    ]


@pytest.mark.usefixtures("s3")
def test_tables_in_a_bucket_are_repaired_there(services: Services, ada: Person, judged: Judged) -> None:
    made = ask(ada, "full", **sent(services, ada, judged))
    replay = Replay(judged, breaks_at=2)
    assert [attempt(services, replay), attempt(services, replay)] == [child.STOPPED, child.DONE]
    found = shown(ada, made["pipeline_id"])
    assert found["status"] == "completed", found["error"]
    content = ada.client.get(f"/api/v1/datasets/{found['repaired_dataset_id']}/content").content
    assert pl.read_parquet(content).height == found["repair"]["rows_after"]
    assert forget_results(services) == 1


def test_the_second_validation_need_not_read_what_the_repair_left(
    services: Services, ada: Person, settings: Settings, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, size in ((parquet, "SHARD_ROWS", 200), (reader, "UNIT_ROWS", 100), (full_pass, "KEPT_BYTES", 1)):
        monkeypatch.setattr(module, name, size)
    tables = sent(services, ada, judged)
    made = ask(ada, "full", **tables)
    assert attempt(services, Replay(judged)) == child.DONE
    repaired = shown(ada, made["pipeline_id"])["repaired_dataset_id"]
    source = open_table(settings.data_folder / "storage" / "datasets" / repaired / "data.parquet")
    store = ScanStore(models.folder_of(settings, tables["reference_dataset_id"]))
    assert 0 < len(store.same(table_key(source)).places) < len(source.units())


def test_where_nothing_can_be_applied_that_is_said(services: Services, ada: Person, judged: Judged) -> None:
    made = ask(ada, "full", **sent(services, ada, judged))
    assert attempt(services, Replay(judged, recommendations=())) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["progress"]) == ("completed", 100.0)
    assert [stage["status"] for stage in found["stages"]] == [*["completed"] * 3, "skipped", "skipped"]
    assert found["repair"]["reason"] == found["stages"][3]["note"] == "there is nothing to apply"
    assert found["repair"]["applied"] == [] and found["revalidation_id"] is None
    assert found["results"]["risk_score_after"] is None
    assert found["results"]["decision"] == found["results"]["decision_before"] == judged.verdict.decision


def test_reading_and_judging_alone_leaves_the_table_as_it_is(services: Services, ada: Person, judged: Judged) -> None:
    made = ask(ada, "validation", **sent(services, ada, judged), validation_type="quick")
    assert attempt(services, Replay(judged)) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert [stage["status"] for stage in found["stages"]] == ["completed"] * 3
    assert found["repaired_dataset_id"] is None and found["results"]["risk_score_after"] is None


def test_what_was_asked_of_more_rows_is_answered(services: Services, ada: Person, judged: Judged) -> None:
    tables, asked = sent(services, ada, judged), {"target_rows": 5_000, "target_model_size": "light"}
    unknown = {"cascade": NotApplicable(reason="too few rows")}
    found = []
    for options, changes in ((asked, {}), (asked, unknown), ({}, {})):
        made = ask(ada, "validation", **tables, options=options)
        assert attempt(services, Replay(judged, **changes)) == child.DONE
        shown = ada.client.get(f"/api/v1/validations/{made['validation_id']}").json()
        found.append(shown["results"]["target_prediction"])
    told, not_told, nothing = found
    assert (told["rows"], told["model_size"], told["basis"]) == (5_000, "light", "extrapolated")
    assert told["loss_interval"]["low"] < told["loss_bits"] < told["loss_interval"]["high"]
    assert (not_told["basis"], not_told["note"], not_told["loss_bits"]) == ("refused", "too few rows", None)
    assert set(not_told) == set(told) and nothing is None


@pytest.mark.parametrize(
    ("tier", "reason", "kept"),
    [
        (Tier(bytes=100), "quota-exceeded", 2),
        (Tier(validations=1), "quota", 3),
    ],
)
def test_what_is_over_the_quota_fails_with_the_first_verdict_kept(
    services: Services, ada: Person, settings: Settings, judged: Judged, tier: Tier, reason: str, kept: int
) -> None:
    made = ask(ada, "full", **sent(services, ada, judged))
    swap(services, settings=settings.model_copy(update={"tiers": {"free": tier}}))
    assert attempt(services, Replay(judged)) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["error"]["reason"]) == ("failed", reason)
    assert [stage["status"] for stage in found["stages"]] == [*["completed"] * 3, "failed", "skipped"]
    assert found["results"]["risk_score_before"] == judged.verdict.risk_score
    assert ada.client.get(f"/api/v1/validations/{found['validation_id']}").json()["status"] == "completed"
    assert len([name for name in lying(settings) if name.endswith("/data.parquet")]) == kept


def test_a_table_that_cannot_be_read_fails_it_all(services: Services, ada: Person) -> None:
    bad = b"a,b\n" + b"1,2\n" * 600 + b"1,2,3\n"
    plan = announce(ada, bad, filename="bad.csv")
    send(ada, plan, bad)
    made = ask(ada, "full", plan["dataset_id"])
    assert attempt(services, partial(pytest.fail, "nothing is to be judged")) == child.DONE
    found = shown(ada, made["pipeline_id"])
    assert (found["status"], found["error"]["reason"]) == ("failed", "invalid-input")
    assert found["error"]["where"] == "bad.csv" and "602" in found["error"]["detail"]
    assert [stage["status"] for stage in found["stages"]] == ["failed", *["skipped"] * 4]
    assert status_of(services, plan["dataset_id"]) == "failed"
    assert ada.client.get(f"/api/v1/validations/{made['validation_id']}").json()["status"] == "failed"


def test_rows_that_were_not_known_count_once_they_are(services: Services, ada: Person, judged: Judged) -> None:
    plan = announce(ada, judged.table, filename="t.parquet", file_type="parquet")
    send(ada, plan, judged.table)
    ask(ada, "validation", plan["dataset_id"], reference_dataset_id=dataset(services, ada, row_count=1_000))
    rows = [ada.client.get("/api/v1/analytics/usage").json()["rows"]["used"]]
    attempt(services, Replay(judged))
    rows.append(ada.client.get("/api/v1/analytics/usage").json()["rows"]["used"])
    assert rows == [0, 1_000 + judged.verdict.profiles["synthetic"].rows]
