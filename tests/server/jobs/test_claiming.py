"""Whose turn it is, and that every claim gets another job."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from synthos.server.jobs import claiming
from synthos.server.jobs.claiming import claim, claim_job
from synthos.server.jobs.leases import fail, finish
from synthos.server.state import Services
from tests.server.conftest import Person, StandingClock
from tests.server.jobs.queueing import LEASE, put, row_of, take


def test_an_empty_queue_gives_nothing(services: Services) -> None:
    assert claim(services.database, "wrk_a", LEASE) is None


def test_priority_goes_before_age(services: Services, ada: Person, clock: StandingClock) -> None:
    old = put(services, ada)
    clock.move(seconds=1)
    urgent = put(services, ada, priority=10)
    clock.move(seconds=1)
    young = put(services, ada)
    assert [take(services).id for _ in range(3)] == [urgent, old, young]


def test_a_claim_says_who_has_the_job_and_until_when(services: Services, ada: Person) -> None:
    job_id = put(services, ada)
    job, row = take(services, "wrk_b"), row_of(services, job_id)
    assert (row.status, row.worker, row.lease, row.attempts) == ("running", "wrk_b", job.lease, 1)
    assert (row.lease_until - row.started_at).total_seconds() == LEASE
    assert job.tenant == ada.principal.tenant


def test_who_has_the_fewest_running_comes_first(
    services: Services, person: Callable[[], Person], clock: StandingClock
) -> None:
    """Somebody who has queued many jobs waits no less than others, and no more than until it is their turn."""
    greedy, modest, late = person(), person(), person()
    for owner in (greedy, greedy, greedy, greedy, modest, modest, late):
        put(services, owner)
        clock.move(seconds=1)
    order = [take(services).user_id for _ in range(7)]
    names = {greedy.user_id: "greedy", modest.user_id: "modest", late.user_id: "late"}
    assert [names[user] for user in order] == ["greedy", "modest", "late", "greedy", "modest", "greedy", "greedy"]


def test_running_jobs_count_and_finished_ones_do_not(services: Services, ada: Person, eve: Person) -> None:
    put(services, ada)
    running = take(services)
    for owner in (ada, eve):
        put(services, owner)
    assert take(services).user_id == eve.user_id
    with services.database.write(None) as work:
        finish(work, running)
    put(services, eve)
    assert take(services).user_id == ada.user_id


def test_fairness_holds_among_more_users_than_are_looked_at_one_by_one(
    services: Services, person: Callable[[], Person], clock: StandingClock, monkeypatch
) -> None:
    monkeypatch.setattr(claiming, "MANY", 3)
    people = [person() for _ in range(6)]
    for owner in reversed(people):
        for _ in range(2):
            put(services, owner)
        clock.move(seconds=1)
    order = [take(services).user_id for _ in range(12)]
    assert order[:6] == [owner.user_id for owner in reversed(people)]
    assert sorted(order[6:]) == sorted(owner.user_id for owner in people)


def test_only_kinds_that_the_worker_can_run_are_given(services: Services, ada: Person) -> None:
    put(services, ada, kind="validation", subject="val_1", priority=10)
    small = put(services, ada)
    assert take(services, kinds=("ingest",)).id == small
    assert claim(services.database, "wrk_a", LEASE, ("ingest",)) is None
    assert claim(services.database, "wrk_a", LEASE, ()) is None
    assert take(services).kind == "validation"


def test_a_job_that_waits_after_a_failure_is_not_due_before(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    put(services, ada)
    job = take(services)
    with services.database.write(None) as work:
        fail(work, job, {"reason": "crashed"})
    other = put(services, ada)
    assert take(services).id == other
    assert claim(services.database, "wrk_a", LEASE) is None
    clock.move(seconds=5)
    assert take(services).id == job.id


def test_a_job_that_is_kept_for_somebody_is_taken_by_its_name(
    services: Services, ada: Person, eve: Person, clock: StandingClock
) -> None:
    job_id = put(services, ada, delay=10.0)
    assert claim(services.database, "wrk_a", LEASE) is None
    assert claim_job(services.database, eve.principal.tenant, job_id, "wrk_b", LEASE) is None
    job = claim_job(services.database, ada.principal.tenant, job_id, "wrk_b", LEASE)
    row = row_of(services, job_id)
    assert job is not None and (row.lease, row.worker, row.attempts) == (job.lease, "wrk_b", 1)
    assert (row.lease_until - row.started_at).total_seconds() == LEASE
    assert claim_job(services.database, ada.principal.tenant, job_id, "wrk_c", LEASE) is None
    # Where nobody comes for it, it is anybody's.
    other = put(services, ada, delay=10.0)
    clock.move(seconds=10)
    assert take(services).id == other


def test_many_who_claim_at_once_get_each_job_once(services: Services, person: Callable[[], Person]) -> None:
    people = [person() for _ in range(4)]
    queued = {put(services, people[number % 4]) for number in range(24)}

    def drain(worker: int) -> list[str]:
        taken = []
        while len(taken) < len(queued):
            job = claim(services.database, f"wrk_{worker}", LEASE)
            if job is None:
                return taken
            taken.append(job.id)
        return taken

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(drain, range(4)))
    every = [job_id for part in parts for job_id in part]
    assert len(every) == len(set(every)) and set(every) <= queued
    # One that found every candidate locked has left; what it left is still there.
    assert set(every) | set(drain(9)) == queued
    assert {row_of(services, job_id).attempts for job_id in queued} == {1}
