"""What nobody needs any more goes by itself."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from synthos.server.auth import sessions
from synthos.server.db.tables import refresh_tokens
from synthos.server.errors import UnauthenticatedError
from synthos.server.jobs import events
from synthos.server.jobs.leases import finish
from synthos.server.jobs.models import UNUSED, folder_of, forget_models
from synthos.server.state import Services
from tests.server import rows
from tests.server.conftest import Person, StandingClock
from tests.server.jobs.queueing import put, story, take


def test_events_of_jobs_that_ended_long_ago_are_forgotten(
    services: Services, ada: Person, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, waiting = put(services, ada, priority=10), put(services, ada)
    job = take(services)
    with services.database.write(None) as work:
        finish(work, job)
    clock.move(seconds=events.KEPT.total_seconds() - 1)
    assert events.forget(services.database) == 0
    clock.move(seconds=1)
    monkeypatch.setattr(events, "MOST_FORGOTTEN", 2)
    assert [events.forget(services.database) for _ in range(3)] == [2, 1, 0]
    assert story(services, ended) == [] and story(services, waiting) == ["queued"]
    token = services.tokens.issue(ada.principal)  # the one that its client has is long over
    answer = ada.client.get(f"/api/v1/jobs/{ended}/events", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 204


def test_tokens_whose_time_is_over_are_forgotten(services: Services, ada: Person, clock: StandingClock) -> None:
    def kept() -> int:
        with services.database.read(None) as work:
            return int(work.all(select(func.count()).select_from(refresh_tokens))[0][0])

    first = sessions.open_session(services, ada.user_id)
    clock.move(hours=1)
    second = sessions.refresh(services, first.refresh_token)
    clock.move(hours=24 * services.settings.refresh_token_days - 1)
    assert sessions.forget_expired(services) == 0  # whoever shows the first again ends the session that goes on
    with pytest.raises(UnauthenticatedError):
        sessions.refresh(services, first.refresh_token)
    with pytest.raises(UnauthenticatedError):
        sessions.refresh(services, second.refresh_token)
    clock.move(hours=1)
    assert sessions.forget_expired(services) == 2 and kept() == 0


def test_models_go_with_their_table_or_when_nobody_uses_them(services: Services, ada: Person) -> None:
    there, gone = rows.dataset(services, ada), rows.dataset(services, ada, status="deleted")
    used, unused, of_gone = (_model(services, name, file) for name, file in ((there, "a"), (there, "b"), (gone, "c")))
    long_ago = unused.stat().st_mtime - UNUSED.total_seconds() - timedelta(hours=1).total_seconds()
    os.utime(unused, (long_ago, long_ago))
    assert forget_models(services) == 2
    assert (used.exists(), unused.exists(), of_gone.parents[1].exists()) == (True, False, False)
    assert forget_models(services) == 0


def test_what_was_learned_beside_a_table_goes_with_it_and_what_is_learned_later_stays(
    services: Services, ada: Person, clock: StandingClock
) -> None:
    real, other = rows.dataset(services, ada), rows.dataset(services, ada)
    made, kept = rows.dataset(services, ada), rows.dataset(services, ada)
    rows.validation(services, ada, made, reference_id=real)
    rows.validation(services, ada, kept, reference_id=other)
    first, beside = _model(services, real, "a"), _model(services, other, "b")
    now = clock().timestamp()
    for file in (first, beside):
        os.utime(file, (now, now))
    assert forget_models(services) == 0
    assert ada.client.delete(f"/api/v1/datasets/{made}").status_code == 200
    later = _model(services, real, "c")
    os.utime(later, (now + 3_600, now + 3_600))
    assert forget_models(services) == 1
    assert (first.exists(), beside.exists(), later.exists()) == (False, True, True)


def _model(services: Services, dataset_id: str, name: str) -> Path:
    file = folder_of(services.settings, dataset_id) / "00" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    return file
