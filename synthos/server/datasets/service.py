"""Datasets: listed, shown, read and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.datasets import repository
from synthos.server.datasets.places import data_key, profile_key
from synthos.server.datasets.sweep import remove_bytes
from synthos.server.db.tables import datasets
from synthos.server.errors import ConflictError, NotFoundError
from synthos.server.pagination import cut
from synthos.server.state import Services

_COMPLETE = ("processing", "ready", "failed")
_FILE = (datasets.c.id, datasets.c.filename, datasets.c.status, datasets.c.file_size)


def page(
    services: Services, principal: Principal, status: str | None, cursor: str | None, limit: int, *, oldest_first: bool
) -> tuple[Sequence[Row[Any]], str | None]:
    """The company's datasets, and the cursor of the next page."""
    with services.database.read(principal.tenant) as work:
        return cut(repository.page(work, status, cursor, limit, oldest_first=oldest_first), limit)


def find(services: Services, principal: Principal, dataset_id: str) -> Row[Any]:
    """One dataset.

    Raises
    ------
    NotFoundError : there is none.
    """
    with services.database.read(principal.tenant) as work:
        return repository.find(work, dataset_id)


def profile(services: Services, principal: Principal, dataset_id: str) -> bytes:
    """The profile, as JSON.

    Raises
    ------
    NotFoundError : there is no such dataset.
    ConflictError : it is not ready.
    """
    with services.database.read(principal.tenant) as work:
        row = repository.find(work, dataset_id, datasets.c.status)
    if row.status != "ready":
        raise ConflictError("not-ready", f"there is no profile: the dataset is {row.status}")
    return services.cache.read(profile_key(dataset_id), services.storage.read)


def complete_file(services: Services, principal: Principal, dataset_id: str) -> Row[Any]:
    """The dataset, all of whose bytes are there.

    Raises
    ------
    NotFoundError : there is none.
    ConflictError : it is still being uploaded, or the upload has expired.
    """
    with services.database.read(principal.tenant) as work:
        row = repository.find(work, dataset_id, *_FILE)
    if row.status not in _COMPLETE:
        raise ConflictError("not-complete", f"the bytes are not all there: the dataset is {row.status}")
    return row


def content(services: Services, row: Row[Any], start: int, stop: int) -> Iterator[bytes]:
    """Bytes ``[start, stop)`` of the file, in small chunks."""
    return services.storage.open_range(data_key(row), start, stop)


def delete(services: Services, principal: Principal, dataset_id: str) -> datetime:
    """Delete it with its bytes and its profile; when that was.

    The documents and reports of validations that read it are reached by nobody any more, and removed by the next sweep,
    as is what the storage cannot remove at this moment. The results of these validations stay.

    Raises
    ------
    NotFoundError : there is no such dataset.
    ConflictError : a validation or a pipeline that reads it is queued or running.
    """
    with services.database.write(principal.tenant) as work:
        audit.begin(work)  # no validation is asked for between the look and the change
        row = repository.find(work, dataset_id)
        if repository.is_in_use(work, dataset_id):
            raise ConflictError(
                "dataset-in-use", "a validation or a pipeline reads this dataset; cancel it or wait for its end"
            )
        emptied = {"metadata": None, "error": None, "description": None}
        alive = ("uploading", "expired", *_COMPLETE)
        if not repository.change(work, dataset_id, *alive, status="deleted", expires_at=work.now, **emptied):
            raise NotFoundError("dataset")
        audit.record(work, "dataset.deleted", dataset_id)
        deleted_at = work.now
    remove_bytes(services, row)
    return deleted_at
