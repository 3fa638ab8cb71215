"""Pipelines as the client sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from synthos.client import Client, Pipeline
from synthos.errors import RemoteError
from synthos.server.db.tables import pipelines, validations
from synthos.server.state import Services
from tests.server.conftest import Person
from tests.server.rows import dataset, validation


def test_a_pipeline_is_asked_for_and_waited_for(log_in: Callable[[], Client], services: Services, ada: Person) -> None:
    table, real = dataset(services, ada), dataset(services, ada)
    seen: list[Pipeline] = []
    with log_in() as client:
        made = client.run_pipeline(table, real, seed=7, wait=False)
        assert (made.status, made.decision, made.risk_score, made.repaired) == ("queued", None, None, None)
        assert (made.raw["kind"], made.raw["options"]["seed"]) == ("full", 7)
        again, mended = validation(services, ada, table), dataset(services, ada)

        def go_on(found: Pipeline) -> None:
            seen.append(found)
            with services.database.write(None) as work:
                first = {"status": "completed", "risk_score": 60.0, "decision": "fix_first"}
                work.run(validations.update().where(validations.c.id == made.validations[0]).values(first))
                last = {"status": "completed", "repaired_id": mended, "revalidation_id": again}
                work.run(pipelines.update().values(last))

        ended = client.wait_for_pipeline(made.id, go_on)
    assert [found.status for found in seen] == ["queued", "completed"]
    assert (ended.decision, ended.risk_before, ended.risk_score, ended.repaired) == ("approved", 60.0, 10.0, mended)
    assert ended.validations == (*made.validations, again)


def test_one_without_a_repair_and_one_that_ends_badly(
    log_in: Callable[[], Client], services: Services, ada: Person
) -> None:
    with log_in() as client:
        made = client.run_pipeline(dataset(services, ada), repair=False, quick=True, wait=False)
        assert (made.raw["kind"], made.raw["validation_type"]) == ("validation", "quick")
        ada.client.post(f"/api/v1/jobs/{made.raw['job_id']}/cancel")
        with pytest.raises(RemoteError, match="cancelled"):
            client.wait_for_pipeline(made.id)
