"""Jobs go in."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from synthos.server.db.tables import jobs
from synthos.server.jobs.queue import enqueue
from synthos.server.state import Services
from tests.server.conftest import Person


def test_a_job_is_queued_with_the_work_that_asks_for_it_or_not_at_all(services: Services, ada: Person) -> None:
    with (
        structlog.contextvars.bound_contextvars(trace_id="a" * 32),
        services.database.write(ada.principal.tenant) as work,
    ):
        job_id = enqueue(work, "ingest", "ds_1", {"deep": True}, priority=3)
    with services.database.read(None) as work:
        row = work.one(select(jobs))
    assert row is not None
    assert (row.id, row.status, row.priority, row.payload) == (job_id, "queued", 3, {"deep": True})
    assert (row.user_id, row.company_id, row.trace_id) == (ada.user_id, ada.company_id, "a" * 32)
