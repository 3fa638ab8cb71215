"""Usage and history of a company."""

from __future__ import annotations

from datetime import datetime, timedelta

from synthos.server.analytics import repository
from synthos.server.analytics.schemas import Day, History, Past, Quota, Usage
from synthos.server.auth.tokens import Principal
from synthos.server.datasets.repository import bytes_announced
from synthos.server.db.tables import validations
from synthos.server.pagination import cut, page_of
from synthos.server.state import Services
from synthos.server.validations import repository as validated

PERIOD = timedelta(days=30)


def usage(services: Services, principal: Principal) -> Usage:
    """What the company used in the last 30 days, and what is left of its quotas."""
    tier = services.settings.tiers[principal.tier]
    with services.database.read(principal.tenant) as work:
        now = work.now
        rows = repository.by_status(work, now - PERIOD)
        used = validated.used_since(work, now - PERIOD)
        sent, _ = bytes_announced(work)
        stored = repository.stored(work)
    average = next((row.risk for row in rows if row.status == "completed"), None)
    return Usage(
        period_start=now - PERIOD,
        period_end=now,
        subscription_tier=principal.tier,
        validations=_quota(used.number, tier.validations),
        rows=_quota(used.rows, tier.rows),
        bytes=_quota(sent, tier.bytes),
        datasets=stored,
        validations_by_status={row.status: row.number for row in rows},
        average_risk_score=None if average is None else float(average),
    )


def history(
    services: Services,
    principal: Principal,
    *,
    since: datetime | None,
    until: datetime | None,
    level: str | None,
    cursor: str | None,
    limit: int,
) -> History:
    """Completed validations of a span of time and a level, newest first."""
    shown = [
        validations.c[name]
        for name in ("id", "dataset_id", "risk_score", "risk_level", "decision", "created_at", "completed_at")
    ]
    with services.database.read(principal.tenant) as work:
        asked = repository.completed(work.mine(validations, *shown), since, until, level)
        rows, following = cut(work.all(page_of(asked, validations, cursor, limit)), limit)
        days = repository.days(work, since, until, level)
    return History(
        items=[
            Past(
                validation_id=row.id,
                dataset_id=row.dataset_id,
                risk_score=row.risk_score,
                risk_level=row.risk_level,
                decision=row.decision,
                completed_at=row.completed_at,
            )
            for row in rows
        ],
        next_cursor=following,
        trend=[Day(date=day.isoformat(), validations=count, average_risk_score=risk) for day, count, risk in days],
    )


def _quota(used: int, limit: int) -> Quota:
    return Quota(used=used, limit=limit, left=max(0, limit - used))
