"""Rows as the parts under test find them, written without the parts that usually write them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from synthos.server.db.tables import datasets, validations
from synthos.server.ids import new_id
from synthos.server.state import Services
from tests.server.conftest import Person


def dataset(services: Services, owner: Person, **fields: Any) -> str:
    """A table that is ready, of 1,000 rows and 4,000 bytes unless ``fields`` say otherwise; its id."""
    identifier = new_id("ds")
    with services.database.write(owner.principal.tenant) as work:
        usual = {
            "filename": "people.csv",
            "file_type": "csv",
            "file_size": 4_000,
            "status": "ready",
            "chunk_bytes": 2**24,
            "row_count": 1_000,
            "column_count": 4,
            "created_at": work.now,
            "updated_at": work.now,
            "completed_at": work.now,
        }
        mine = {"id": identifier, "company_id": owner.company_id, "user_id": owner.user_id}
        work.run(datasets.insert().values({**usual, **mine, **fields}))
    return identifier


def validation(services: Services, owner: Person, dataset_id: str, at: datetime | None = None, **fields: Any) -> str:
    """A validation that was completed at ``at`` (now), with a risk of 10, unless ``fields`` say otherwise; its id."""
    identifier = new_id("val")
    with services.database.write(owner.principal.tenant) as work:
        moment = at or work.now
        usual = {
            "dataset_id": dataset_id,
            "kind": "quick",
            "options": {"priority": "standard", "seed": None},
            "status": "completed",
            "progress": 100.0,
            "stages": [],
            "risk_score": 10.0,
            "risk_level": "low",
            "decision": "approved",
            "rows": 2_000,
            "job_id": new_id("job"),
            "version": 3,
            "created_at": moment,
            "started_at": moment,
            "completed_at": moment,
        }
        mine = {"id": identifier, "company_id": owner.company_id, "user_id": owner.user_id}
        work.run(validations.insert().values({**usual, **mine, **fields}))
    return identifier
