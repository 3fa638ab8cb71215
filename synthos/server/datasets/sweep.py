"""Bytes that nobody waits for any more: of uploads that were never completed, and of datasets that were deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select
from structlog import get_logger

from synthos.server.audit import log as audit
from synthos.server.datasets import repository
from synthos.server.datasets.places import data_key, folder_of, profile_key
from synthos.server.db.database import Tenant
from synthos.server.db.tables import datasets
from synthos.server.errors import UnavailableError
from synthos.server.state import Services
from synthos.server.validations import places

#: Datasets that one sweep looks at.
MOST = 500
_due = select(datasets).where(datasets.c.status.in_(("uploading", "expired", "deleted"))).limit(MOST)
_log = get_logger("synthos.server")


def expire_uploads(services: Services) -> int:
    """Expire uploads whose time is over, and remove what is left of them and of deleted datasets; how many expired.

    Any process may do this at any time, and any number of them. What the storage does not remove now stays due.
    """
    with services.database.read(None) as work:
        rows = work.all(_due.where(datasets.c.expires_at <= work.now).order_by(datasets.c.expires_at))
    expired = 0
    for row in rows:
        if row.status == "uploading":
            if not expire(services, row):
                continue
            expired += 1
        clear(services, row)
    return expired


def expire(services: Services, row: Row[Any]) -> bool:
    """End an upload; False where it was completed, deleted or expired before. Its bytes are still there."""
    with services.database.write(_tenant(row)) as work:
        audit.begin(work)
        ended = repository.change(work, row.id, "uploading", status="expired", expires_at=work.now)
        if ended:
            audit.record(work, "dataset.expired", row.id)
    return ended


def remove_bytes(services: Services, row: Row[Any]) -> bool:
    """Remove every byte of a dataset that is expired or deleted; False where some are left for the next sweep."""
    try:
        services.storage.abort(data_key(row))
        services.storage.delete_prefix(folder_of(row.id))
        services.cache.forget(profile_key(row.id))
    except UnavailableError:
        _log.warning("bytes are left for the next sweep", dataset=row.id)
        return False
    return True


def clear(services: Services, row: Row[Any]) -> None:
    """Remove its bytes, and what validations have made of it, which may be much; the next sweep does what fails."""
    if not remove_bytes(services, row):
        return
    with services.database.read(_tenant(row)) as work:
        validations = repository.validations_of(work, row.id)
    try:
        for identifier in validations:
            services.storage.delete_prefix(places.folder(identifier))
            services.cache.forget(places.document(identifier), places.page(identifier))
    except UnavailableError:
        _log.warning("reports are left for the next sweep", dataset=row.id)
        return
    with services.database.write(_tenant(row)) as work:
        repository.change(work, row.id, "expired", "deleted", expires_at=None)


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(row.company_id, row.user_id)
