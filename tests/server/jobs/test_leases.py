"""Jobs end exactly once, whatever becomes of workers and clocks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synthos.server.errors import NotFoundError
from synthos.server.jobs.claiming import claim
from synthos.server.jobs.leases import (
    LeaseLostError,
    beat,
    fail,
    find,
    finish,
    give_back,
    look,
    put_off,
    reclaim,
    stop,
)
from synthos.server.jobs.queue import Job, ask_cancel
from synthos.server.jobs.timing import FACTOR, FIRST_WAIT, LONGEST_WAIT, OUTAGE, back_off
from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock
from tests.server.jobs.queueing import LEASE, put, row_of, story, take

BROKEN = {"reason": "crashed", "detail": "it broke"}


def done(services: Services, job: Job) -> None:
    with services.database.write(None) as work:
        finish(work, job)


def failed(services: Services, job: Job, *, again: bool = True) -> None:
    with services.database.write(None) as work:
        fail(work, job, BROKEN, again=again)


def cancelled(services: Services, owner: Person, job_id: str) -> str:
    with services.database.write(owner.principal.tenant) as work:
        return str(ask_cancel(work, job_id).status)


def test_a_job_is_finished_once(services: Services, ada: Person) -> None:
    put(services, ada)
    job = take(services)
    done(services, job)
    row = row_of(services, job.id)
    assert (row.status, row.lease, row.finished_at) == ("succeeded", None, services.database.clock())
    for write in (done, failed):
        with pytest.raises(LeaseLostError):
            write(services, job)
    assert story(services, job.id) == ["queued", "running", "succeeded"]


def test_a_failed_attempt_is_made_again_until_there_were_enough(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    job_id = put(services, ada, most_attempts=3)
    for attempt in (1, 2, 3):
        job = take(services)
        assert job.attempts == attempt
        failed(services, job)
        clock.move(seconds=LONGEST_WAIT)
    row = row_of(services, job_id)
    assert (row.status, row.error) == ("failed", BROKEN)
    assert claim(services.database, "wrk_a", LEASE) is None
    assert story(services, job_id) == ["queued", *["running", "queued"] * 2, "running", "failed"]


def test_where_another_attempt_would_not_help_there_is_none(services: Services, ada: Person) -> None:
    job_id = put(services, ada)
    failed(services, take(services), again=False)
    assert row_of(services, job_id).status == "failed"


def test_what_the_job_needs_may_be_away_for_an_hour_and_no_attempt_counts(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    job_id = put(services, ada, most_attempts=1)
    waits = []
    while row_of(services, job_id).status == "queued":
        job, began = take(services), services.database.clock()
        with services.database.write(None) as work:
            put_off(work, job, BROKEN)
        row = row_of(services, job_id)
        if row.status == "queued":
            assert row.attempts == 0 and row.error == BROKEN
            waits.append((row.due_at - began).total_seconds())
            clock.move(seconds=LONGEST_WAIT)
    assert row.status == "failed" and len(waits) == OUTAGE / LONGEST_WAIT
    assert waits[0] <= FIRST_WAIT < min(waits[2:]) and max(waits) <= LONGEST_WAIT


def test_an_outage_without_end_has_one_hour_and_then_the_usual_attempts(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    job_id, began = put(services, ada, most_attempts=3), services.database.clock()
    while row_of(services, job_id).status == "queued":
        job = take(services)
        with services.database.write(None) as work:
            put_off(work, job, BROKEN)
        clock.move(seconds=LONGEST_WAIT)
    assert (row_of(services, job_id).status, row_of(services, job_id).attempts) == ("failed", 3)
    assert (services.database.clock() - began).total_seconds() == OUTAGE + 3 * LONGEST_WAIT


def test_an_outage_is_counted_from_its_own_beginning(services: Services, ada: Person, clock: StandingClock) -> None:
    def away(job: Job) -> None:
        with services.database.write(None) as work:
            put_off(work, job, BROKEN)

    job_id = put(services, ada, most_attempts=3)
    clock.move(hours=5)  # there were many jobs before it
    away(take(services))
    row = row_of(services, job_id)
    assert (row.status, row.attempts, row.away_since) == ("queued", 0, services.database.clock())
    clock.move(hours=0.5)
    away(take(services))
    assert row_of(services, job_id).away_since == row.away_since
    clock.move(hours=0.25)
    failed(services, take(services))  # what it needs was there again
    assert row_of(services, job_id).away_since is None
    clock.move(hours=0.5)
    away(take(services))
    assert (row_of(services, job_id).status, row_of(services, job_id).attempts) == ("queued", 1)


def test_waits_grow_up_to_a_limit_and_differ() -> None:
    for attempts in range(1, 12):
        waits = {back_off(attempts) for _ in range(20)}
        longest = timedelta(seconds=min(LONGEST_WAIT, FIRST_WAIT * FACTOR ** (attempts - 1)))
        assert len(waits) > 1
        assert longest / 2 <= min(waits) and max(waits) <= longest


def test_an_error_of_an_attempt_is_forgotten_when_a_later_one_succeeds(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    job_id = put(services, ada)
    failed(services, take(services))
    assert row_of(services, job_id).error == BROKEN
    clock.move(seconds=LONGEST_WAIT)
    done(services, take(services))
    assert row_of(services, job_id).error is None


def test_a_job_whose_worker_is_silent_is_given_to_another(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    put(services, ada)
    silent = take(services)
    clock.move(seconds=LEASE - 1)
    assert reclaim(services.database, LEASE) == ()
    assert beat(services.database, silent, LEASE) == "held"
    clock.move(seconds=LEASE - 1)
    assert reclaim(services.database, LEASE) == ()
    clock.move(seconds=1)
    assert reclaim(services.database, LEASE) == [silent.id]
    heir = take(services, "wrk_b")
    assert (heir.id, heir.attempts) == (silent.id, 2)
    # The first worker wakes up: whatever it tries, it is told, and nothing of it is written.
    assert beat(services.database, silent, LEASE) == look(services.database, silent) == "lost"
    for write in (done, failed):
        with pytest.raises(LeaseLostError):
            write(services, silent)
    with pytest.raises(LeaseLostError):
        find(services.database, silent.id, silent.lease)
    assert find(services.database, heir.id, heir.lease) == heir
    done(services, heir)
    assert story(services, silent.id) == ["queued", "running", "queued", "running", "succeeded"]


def test_a_job_that_loses_every_worker_has_failed(services: Services, ada: Person, clock: StandingClock) -> None:
    job_id = put(services, ada, most_attempts=2)
    for _ in range(2):
        take(services)
        clock.move(seconds=LEASE)
        reclaim(services.database, LEASE)
    row = row_of(services, job_id)
    assert (row.status, row.error["reason"], row.attempts) == ("failed", "worker-lost", 2)


def test_a_late_beat_keeps_a_job_that_nobody_else_has_taken(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    """The database was away for longer than the lease: the work that went on meanwhile is not lost."""
    put(services, ada)
    job = take(services)
    clock.move(seconds=10 * LEASE)
    assert beat(services.database, job, LEASE) == "held"
    assert reclaim(services.database, LEASE) == ()


@pytest.mark.parametrize("hours", [3.0, -3.0])
def test_a_clock_that_jumps_costs_an_attempt_and_no_job(
    services: Services, ada: Person, clock: StandingClock, hours: float
) -> None:
    """Forward: leases seem to have run out long ago. Backward: they seem to reach into a far future."""
    put(services, ada)
    waiting = take(services)
    failed(services, waiting)
    put(services, ada)
    living = take(services)
    clock.move(hours=hours)
    assert reclaim(services.database, LEASE) == [living.id]
    again = {take(services).id, take(services).id}
    assert again == {living.id, waiting.id}
    with pytest.raises(LeaseLostError):
        done(services, living)
    assert row_of(services, living.id).attempts == 2


def test_a_clock_that_is_a_little_off_costs_nothing(services: Services, ada: Person, clock: StandingClock) -> None:
    put(services, ada)
    take(services)
    clock.move(seconds=1 - LEASE)
    assert reclaim(services.database, LEASE) == ()


def test_a_worker_that_stops_gives_its_job_back_and_the_attempt_does_not_count(services: Services, ada: Person) -> None:
    put(services, ada)
    job = take(services)
    with services.database.write(None) as work:
        give_back(work, job)
    again = take(services, "wrk_b")
    assert (again.id, again.attempts) == (job.id, 1)
    with pytest.raises(LeaseLostError):
        done(services, job)


def test_a_job_that_waits_is_cancelled_at_once(services: Services, ada: Person) -> None:
    job_id = put(services, ada)
    assert [cancelled(services, ada, job_id) for _ in range(2)] == ["cancelled", "cancelled"]
    assert claim(services.database, "wrk_a", LEASE) is None
    assert story(services, job_id) == ["queued", "cancelled"]


def test_a_job_that_runs_is_told_and_cancelled_by_its_worker(services: Services, ada: Person) -> None:
    job_id = put(services, ada)
    job = take(services)
    assert look(services.database, job) == "held"
    assert cancelled(services, ada, job_id) == "running"
    assert look(services.database, job) == beat(services.database, job, LEASE) == "cancel"
    assert cancelled(services, ada, job_id) == "running"
    with services.database.write(None) as work:
        stop(work, job)
    assert cancelled(services, ada, job_id) == "cancelled"
    assert story(services, job_id) == ["queued", "running", "cancelled"]


@pytest.mark.parametrize("way", ["failed", "given back", "worker gone"])
def test_a_job_that_was_called_off_is_not_tried_again(
    services: Services, ada: Person, clock: StandingClock, way: str
) -> None:
    job_id = put(services, ada)
    job = take(services)
    cancelled(services, ada, job_id)
    if way == "worker gone":
        clock.move(seconds=LEASE)
        assert reclaim(services.database, LEASE) == [job_id]
    else:
        with services.database.write(None) as work:
            fail(work, job, BROKEN) if way == "failed" else give_back(work, job)
    assert row_of(services, job_id).status == "cancelled"


def test_work_that_is_done_before_it_could_be_stopped_is_done(services: Services, ada: Person) -> None:
    job_id = put(services, ada)
    job = take(services)
    cancelled(services, ada, job_id)
    done(services, job)
    with pytest.raises(LeaseLostError), services.database.write(None) as work:
        stop(work, job)
    assert row_of(services, job_id).status == "succeeded"


def test_nobody_cancels_the_job_of_another(services: Services, ada: Person, eve: Person) -> None:
    job_id = put(services, ada)
    with pytest.raises(NotFoundError):
        cancelled(services, eve, job_id)
    assert row_of(services, job_id).status == "queued"
