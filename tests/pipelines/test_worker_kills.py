"""Workers die at any moment, and every job that was accepted ends once."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from synthos.server.audit.log import broken_at
from synthos.server.db.tables import audit_log, datasets, job_events, jobs, workers
from synthos.server.settings import Settings
from tests.pipelines.live import TOO_LONG, Live, family_of, gone, live
from tests.pipelines.waiting import wait_for
from tests.server.postgres import fresh_database, running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.long]
FORKING = (sys.executable, str(Path(__file__).with_name("forking_worker.py")))
JOBS, DATASETS, WORKERS = 200, 20, 2
#: Seconds between two deaths of workers, and how many there are to be at least; seconds that a step of a job takes.
EVERY, DEATHS, STEP = 5.0, 6, 0.3
#: Deaths after which the jobs are not done any more.
MOST_DEATHS = 200
#: Jobs that are done while the clock jumps.
JUMPED = 60


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    url = None if request.param == "sqlite" else fresh_database(request.getfixturevalue("postgres"))
    with live(Settings(data_folder=tmp_path / "data", database_url=url, lease_seconds=2.0)) as made:
        yield made


def test_two_hundred_jobs_end_once_while_workers_are_killed(service: Live) -> None:
    """Each job counts a dataset up, together with its end: what is done twice, or not at all, can be seen."""
    names = [service.dataset() for _ in range(DATASETS)]
    options: dict[str, Any] = {"payload": {"step_seconds": STEP}, "most_attempts": 20}
    queued = {service.put("count", names[number % DATASETS], **options) for number in range(JOBS)}
    rng, family, deaths = random.Random(7), list[psutil.Process](), 0
    with ExitStack() as stack:
        crew = [stack.enter_context(service.worker(FORKING)) for _ in range(WORKERS)]
        while not wait_for(lambda: _done(service) >= JOBS, EVERY):
            assert deaths < MOST_DEATHS, f"{_done(service)} jobs are done"
            at_work = {row.pid for row in service.all(workers)}
            able = [number for number, worker in enumerate(crew) if worker.pid in at_work]
            if not able:  # those that take the places of the dead are still beginning
                continue
            victim = rng.choice(able)
            family += family_of(crew[victim].pid)
            crew[victim].kill()
            crew[victim].wait()
            deaths += 1
            crew[victim] = stack.enter_context(service.worker(FORKING))
        for worker in crew:
            assert wait_for(lambda pid=worker.pid: pid in {row.pid for row in service.all(workers)}, TOO_LONG)
            family += family_of(worker.pid)
            worker.terminate()
            assert worker.wait(TOO_LONG) == 0
    assert wait_for(gone(family), TOO_LONG)
    assert deaths >= DEATHS
    rows = service.all(jobs)
    assert {row.id for row in rows} == queued and {row.status for row in rows} == {"succeeded"}
    assert sum(row.attempts > 1 for row in rows) > 0, "no job was interrupted: nothing was tried"
    assert {row.row_count for row in service.all(datasets)} == {JOBS // DATASETS}
    ends = Counter(row.job_id for row in service.all(job_events) if row.kind == "end")
    assert set(ends) == queued and set(ends.values()) == {1}
    with service.services.database.read(None) as work:
        told = work.all(select(audit_log.c.subject).where(audit_log.c.action == "job.succeeded"))
        assert sorted(row.subject for row in told) == sorted(queued)
        assert broken_at(work, service.ada.company_id) is None


def test_while_the_clock_jumps_by_hours_no_job_is_lost_or_done_twice(service: Live, tmp_path: Path) -> None:
    names = [service.dataset() for _ in range(DATASETS)]
    queued = {service.put("count", names[number % DATASETS], most_attempts=20) for number in range(JUMPED)}
    rng, place, jumps = random.Random(11), tmp_path / "hours", 0
    place.write_text("0")
    with ExitStack() as stack:
        for _ in range(WORKERS):
            stack.enter_context(service.worker(FORKING, HOURS_OFF=str(place)))
        while (done := _done(service)) < JUMPED:
            enough = min(JUMPED, done + rng.randint(2, 8))
            assert wait_for(lambda enough=enough: _done(service) >= enough, TOO_LONG)
            place.with_suffix(".new").write_text(str(rng.choice([-5, -3, 0, 4, 6])))
            place.with_suffix(".new").replace(place)
            jumps += 1
    rows = service.all(jobs)
    assert jumps >= JUMPED // 8
    assert {row.id for row in rows} == queued and {row.status for row in rows} == {"succeeded"}
    assert {row.row_count for row in service.all(datasets)} == {JUMPED // DATASETS}
    ends = Counter(row.job_id for row in service.all(job_events) if row.kind == "end")
    assert set(ends) == queued and set(ends.values()) == {1}


def _done(service: Live) -> int:
    with service.services.database.read(None) as work:
        row = work.one(select(func.count()).where(jobs.c.status == "succeeded"))
    assert row is not None
    return int(row[0])
