"""Results of stages, kept as long as a job needs them: an attempt after a broken one goes on where that was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from structlog import get_logger

from synthos.server.db.tables import jobs, stage_results
from synthos.server.errors import NotFoundError, UnavailableError
from synthos.server.jobs.context import JobContext
from synthos.server.jobs.leases import hold
from synthos.server.state import Services

#: Results that one sweep removes at most.
MOST = 500
_KEY = ("fingerprint", "stage", "parameters", "company_id")
_log = get_logger("synthos.worker")


def once(
    context: JobContext, stage: str, fingerprint: str, parameters: Mapping[str, Any], work: Callable[[], bytes]
) -> bytes:
    """What ``work`` gives for these contents and parameters, from the storage where it was done before.

    A result is kept until the job that made it has ended; ``forget_results`` then removes it.

    Parameters
    ----------
    stage : its name, of at most 32 characters.
    fingerprint : of the contents of all inputs, of at most 64 characters.
    parameters : all else that the result depends on; JSON.

    Raises
    ------
    LeaseLostError : the job is another's by now; the result is not recorded.
    """
    services, tenant = context.services, context.tenant
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    same = {"fingerprint": fingerprint, "stage": stage, "parameters": digest}
    with services.database.read(tenant) as unit:
        row = unit.one(unit.mine(stage_results, stage_results.c.location).filter_by(**same))
    if row is not None:
        try:
            return services.storage.read(row.location)
        except NotFoundError:
            pass  # it was not finished, or has gone, and is made again
    content = work()
    location = f"stages/{tenant.company_id}/{fingerprint}/{stage}/{digest}"
    insert = (sqlite if services.database.is_sqlite else postgresql).insert(stage_results)
    with services.database.write(tenant) as unit:
        hold(unit, context.job)
        mine = {"company_id": tenant.company_id, "job_id": context.job.id}
        values = same | mine | {"location": location, "created_at": unit.now}
        unit.run(insert.values(values).on_conflict_do_update(index_elements=_KEY, set_=mine))
    # Recorded first, so that there are no bytes of which nobody knows.
    services.storage.put(location, content)
    return content


def forget_results(services: Services) -> int:
    """Remove the results of jobs that have ended; how many. What the storage does not remove now stays due."""
    ended = jobs.c.status.not_in(("queued", "running"))
    due = select(stage_results).join_from(stage_results, jobs, jobs.c.id == stage_results.c.job_id).where(ended)
    with services.database.read(None) as unit:
        rows = unit.all(due.limit(MOST))
    for row in rows:
        try:
            services.storage.delete(row.location)
        except UnavailableError:
            _log.warning("results of stages are left for the next sweep")
            break
        with services.database.write(None) as unit:
            same = (stage_results.c[name] == row._mapping[name] for name in (*_KEY, "job_id"))
            unit.run(stage_results.delete().where(*same))
    return len(rows)
