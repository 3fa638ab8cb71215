"""One job, in the process that does it: how its end is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from synthos.errors import CancelledError, ClusterError, FormatError, StorageError
from synthos.progress import Event
from synthos.server.db.tables import job_events, stage_results
from synthos.server.errors import StorageFullError, UnavailableError
from synthos.server.jobs import child, telling
from synthos.server.jobs.context import Handler, JobContext
from synthos.server.jobs.leases import LeaseLostError, finish, reclaim
from synthos.server.jobs.queue import Job
from synthos.server.jobs.stages import forget_results, once
from synthos.server.jobs.telling import Teller
from synthos.server.settings import Settings
from synthos.server.state import Services
from tests.pipelines.waiting import wait_for
from tests.server.conftest import Person, StandingClock
from tests.server.jobs.queueing import LEASE, put, row_of, story, take


def no_validation(*tables: Any, **options: Any) -> None:
    raise AssertionError("nothing is to be validated")


@pytest.fixture
def job(services: Services, ada: Person) -> Job:
    put(services, ada)
    return take(services)


def done(services: Services, job: Job, handler: Handler) -> int:
    return child.carry_out(services, job.id, job.lease, {"ingest": handler}, no_validation)


def steps(services: Services) -> list[Any]:
    wanted = select(job_events.c.data).where(job_events.c.kind == "progress").order_by(job_events.c.sequence)
    with services.database.read(None) as work:
        return [row.data for row in work.all(wanted)]


def test_a_handler_gets_what_it_needs_and_its_job_is_finished(services: Services, job: Job, ada: Person) -> None:
    given: list[JobContext] = []
    assert done(services, job, given.append) == child.DONE
    assert (given[0].job, given[0].tenant) == (job, ada.principal.tenant)
    assert row_of(services, job.id).status == "succeeded"


def test_a_handler_may_finish_its_job_together_with_its_results(services: Services, job: Job) -> None:
    def handler(context: JobContext) -> None:
        with context.services.database.write(None) as work:
            finish(work, context.job)

    assert done(services, job, handler) == child.DONE
    assert story(services, job.id) == ["queued", "running", "succeeded"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (FormatError("is no table", where="a.csv"), "failed", "invalid-input"),
        (UnavailableError("storage"), "queued", "storage-unavailable"),
        (StorageFullError(), "queued", "storage-full"),
        (StorageError("secret", where="a.csv"), "queued", "storage-unavailable"),
        (ClusterError("secret"), "queued", "cluster-unavailable"),
        (ZeroDivisionError("secret"), "queued", "internal"),
    ],
)
def test_what_another_attempt_may_mend_is_tried_again(
    services: Services, job: Job, error: Exception, status: str, reason: str
) -> None:
    def handler(context: JobContext) -> None:
        raise error

    assert done(services, job, handler) == child.DONE
    row = row_of(services, job.id)
    assert (row.status, row.error["reason"]) == (status, reason)
    # What is away is no fault of the job's.
    assert row.attempts == (0 if reason.startswith(("storage", "cluster")) else 1)
    assert "secret" not in str(row.error)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, CancelledError])
def test_what_is_told_to_stop_leaves_the_job_to_its_worker(
    services: Services, job: Job, stop: type[BaseException]
) -> None:
    def handler(context: JobContext) -> None:
        raise stop

    assert done(services, job, handler) == child.STOPPED
    assert row_of(services, job.id).lease == job.lease


def test_a_job_that_is_anothers_is_not_begun_and_not_gone_on_with(
    services: Services, job: Job, clock: StandingClock
) -> None:
    def handler(context: JobContext) -> None:
        clock.move(seconds=LEASE)
        assert reclaim(services.database, LEASE) == [job.id]
        context.tell(Event(stage="scan", done=1, total=2))
        wait_for(lambda: _refused(context), 20)
        context.tell(Event(stage="scan", done=2, total=2))
        raise AssertionError("it went on")

    assert done(services, job, handler) == child.LOST
    assert done(services, job, handler) == child.LOST
    assert row_of(services, job.id).status == "queued" and steps(services) == []


def _refused(context: JobContext) -> bool:
    try:
        context.tell(Event(stage="scan", done=1, total=2))
    except LeaseLostError:
        return True
    return False


@pytest.fixture
def teller(services: Services, job: Job) -> Iterator[Teller]:
    made = Teller(services.database, job)
    yield made
    made.close()


def test_of_many_steps_the_newest_of_each_stage_is_told(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "EVERY", 3_600.0)
    teller = Teller(services.database, job)
    for number in range(1_000):
        teller(Event(stage="cascade", done=number, total=1_000, fields={"epoch": number}))
    teller(Event(stage="utility", done=1, total=3, message="income"))
    teller(Event(stage="cascade", done=1_000, total=1_000))
    teller.close()
    assert [(step["stage"], step["done"]) for step in steps(services)] == [("utility", 1), ("cascade", 1_000)]


def test_steps_are_told_while_the_work_goes_on(services: Services, teller: Teller) -> None:
    teller(Event(stage="sample", done=0, total=1))
    assert wait_for(lambda: len(steps(services)) == 1, 20)
    teller(Event(stage="sample", done=1, total=1))
    assert wait_for(lambda: len(steps(services)) == 2, 20)


@pytest.mark.parametrize(
    ("said", "told"), [("synthetic /data/x/file.csv", "synthetic"), ("/data/x/file.csv", ""), ("", "")]
)
def test_where_tables_lie_is_not_told(services: Services, job: Job, said: str, told: str) -> None:
    teller = Teller(services.database, job)
    teller(Event(stage="scan", done=1, total=2, message=said))
    teller.close()
    assert [step["message"] for step in steps(services)] == [told]


def test_a_stage_is_done_once_for_the_same_contents_and_parameters(services: Services, job: Job, ada: Person) -> None:
    runs: list[bytes] = []

    def work() -> bytes:
        runs.append(b"result %d" % len(runs))
        return runs[-1]

    context = JobContext(services, job, no_validation, lambda event: None)
    first = once(context, "scan", "f" * 64, {"a": 1, "b": 2}, work)
    assert once(context, "scan", "f" * 64, {"b": 2, "a": 1}, work) == first and len(runs) == 1
    for stage, print_of, parameters in (("scan", "f" * 64, {"a": 2}), ("scan", "e" * 64, {}), ("other", "f" * 64, {})):
        once(context, stage, print_of, parameters, work)
    assert len(runs) == 4
    # Bytes that have gone are made again, and the record of them stays one.
    services.storage.delete_prefix("stages/")
    assert once(context, "scan", "f" * 64, {"a": 1, "b": 2}, work) == runs[4]
    with services.database.read(None) as unit:
        assert len(unit.all(select(stage_results))) == 4


def test_what_stages_made_goes_when_their_job_has_ended(
    services: Services, job: Job, settings: Settings, ada: Person
) -> None:
    folder = settings.data_folder / "storage" / "stages"
    other = (put(services, ada), take(services))[1]
    for whose, stage in ((job, "scan"), (job, "sample"), (other, "repair")):
        context = JobContext(services, whose, no_validation, lambda event: None)
        once(context, stage, "f" * 64, {}, lambda: b"made")
    assert forget_results(services) == 0
    with services.database.write(None) as work:
        finish(work, job)
    assert forget_results(services) == 2
    assert [path.parent.name for path in folder.rglob("*") if path.is_file()] == ["repair"]
    with services.database.write(None) as work:
        finish(work, other)
    assert forget_results(services) == 1 and forget_results(services) == 0
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_nobody_is_given_the_stages_of_another(services: Services, job: Job, ada: Person, eve: Person) -> None:
    put(services, eve)
    hers = take(services)
    for number, whose in enumerate((job, hers)):
        context = JobContext(services, whose, no_validation, lambda event: None)
        made = once(context, "scan", "f" * 64, {}, lambda number=number: b"%d" % number)  # type: ignore[misc]
        assert made == b"%d" % number


def test_results_of_a_lost_lease_are_not_recorded(services: Services, job: Job, clock: StandingClock) -> None:
    context = JobContext(services, job, no_validation, lambda event: None)
    clock.move(seconds=LEASE)
    reclaim(services.database, LEASE)
    with pytest.raises(LeaseLostError):
        once(context, "scan", "f" * 64, {}, lambda: b"late")
    with services.database.read(None) as unit:
        assert unit.all(select(stage_results)) == []
