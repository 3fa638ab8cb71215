"""Results of stages, kept: an attempt that comes after a broken one goes on where that was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from synthos.server.db.tables import stage_results
from synthos.server.errors import NotFoundError
from synthos.server.jobs.context import JobContext
from synthos.server.jobs.leases import hold


def once(
    context: JobContext, stage: str, fingerprint: str, parameters: Mapping[str, Any], work: Callable[[], bytes]
) -> bytes:
    """What ``work`` gives for these contents and parameters, from the storage where it was done before.

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
            pass  # the bytes have gone, and are made again
    content = work()
    location = f"stages/{tenant.company_id}/{fingerprint}/{stage}/{digest}"
    services.storage.put(location, content)
    insert = (sqlite if services.database.is_sqlite else postgresql).insert(stage_results)
    with services.database.write(tenant) as unit:
        hold(unit, context.job)
        values = same | {"company_id": tenant.company_id, "location": location, "created_at": unit.now}
        unit.run(insert.values(values).on_conflict_do_nothing())
    return content
