"""What is done with a file once all of its bytes are there: checked, read, profiled. A worker's, not the API's."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, select

from synthos.errors import InputError, SourceError, StorageError
from synthos.flow import profile
from synthos.progress import Listener, silent
from synthos.results import ColumnProfile, TableProfile
from synthos.server.audit import log as audit
from synthos.server.datasets import checks, repository
from synthos.server.datasets.places import data_key, folder_of, profile_key
from synthos.server.db.database import Tenant
from synthos.server.db.tables import companies, datasets
from synthos.server.errors import NotFoundError, UnavailableError
from synthos.server.faults import error_of, fault_of
from synthos.server.state import Services
from synthos.tables.files import shown
from synthos.tables.sources import open_table

_wanted = select(datasets, companies.c.tier).join_from(datasets, companies, companies.c.id == datasets.c.company_id)


def ingest(services: Services, dataset_id: str, on_progress: Listener = silent) -> str:
    """Check the file, read and profile it, and make the dataset ready; the status that it has then.

    That is ``deleted`` where somebody has deleted it. Done again it does nothing, and ends alike. The process is a
    worker's: where the storage is a bucket, its address and keys become environment variables of this process.

    Raises
    ------
    InputError : the file is at fault; the dataset is marked ``failed`` with what the error says. Another attempt ends
        alike.
    UnavailableError, StorageFullError : the storage is; another attempt may end otherwise.
    CancelledError : ``on_progress`` raised it; the dataset is as it was.
    """
    with services.database.read(None) as work:
        row = work.one(_wanted.where(datasets.c.id == dataset_id))
    if row is None:
        return "deleted"
    if row.status == "failed":
        raise error_of(row.error)
    if row.status != "processing":
        return str(row.status)
    try:
        found = _read(services, row, on_progress)
    except InputError as error:
        told = _for_its_owner(error, services.storage.source(data_key(row)).address, row.filename)
        _settle(services, row, "failed", error=fault_of(told))
        raise told from error
    except NotFoundError as error:
        status = _status(services, dataset_id)
        if status == "processing":
            raise UnavailableError("storage") from error
        return status
    services.storage.put(profile_key(row.id), json.dumps(asdict(found), allow_nan=False).encode())
    if not _settle(
        services,
        row,
        "ready",
        row_count=found.rows,
        column_count=len(found.columns),
        metadata=metadata_of(found),
        error=None,
    ):
        status = _status(services, dataset_id)
        if status == "deleted":
            services.storage.delete_prefix(folder_of(row.id))  # what was put there just now came too late
        return status
    return "ready"


def metadata_of(found: TableProfile) -> dict[str, Any]:
    """What the dataset's row says of its profile."""
    return {
        "data_quality_score": found.quality_score,
        "has_pii": any(column.pii for column in found.columns),
        "duplicate_rate": found.duplicate_share,
        "fingerprint": found.fingerprint,
        "schema": [_summary(column) for column in found.columns],
    }


def _read(services: Services, row: Row[Any], on_progress: Listener) -> TableProfile:
    key, tier = data_key(row), services.settings.tiers[row.tier]
    if row.sha256 is not None:
        checks.check_digest(services.storage, key, row.file_size, row.sha256, on_progress)
    source = services.storage.source(key)
    os.environ.update(source.environment)
    try:
        checks.check_unpacked(source.address, min(services.settings.max_upload_bytes, tier.bytes))
        table = open_table(source.address)
        if table.rows > tier.rows:
            raise SourceError(f"has {table.rows:,} rows", fix=f"give a table of {tier.rows:,} rows at most")
        return replace(profile(table, on_progress=on_progress), name=row.filename)
    except SourceError as error:
        if is_storage_away(error):
            raise UnavailableError("storage") from error
        raise


def is_storage_away(error: SourceError) -> bool:
    """Whether the storage is at fault and not the file: our own files are there, and may be read."""
    return isinstance(error, StorageError) or isinstance(error.__cause__, FileNotFoundError | PermissionError)


def _settle(services: Services, row: Row[Any], status: str, **values: Any) -> bool:
    """Give the dataset its last status; False where it is no longer being processed."""
    with services.database.write(Tenant(row.company_id, row.user_id)) as work:
        audit.begin(work)
        settled = repository.change(work, row.id, "processing", status=status, **values)
        if settled:
            audit.record(work, f"dataset.{status}", row.id)
    return settled


def _status(services: Services, dataset_id: str) -> str:
    with services.database.read(None) as work:
        row = work.one(select(datasets.c.status).where(datasets.c.id == dataset_id))
    return "deleted" if row is None else str(row.status)


def _for_its_owner(error: InputError, address: str, filename: str) -> InputError:
    """The error with the client's name of the file in place of where it lies, which is nobody's business."""
    return error.reworded(
        lambda text: text.replace(address, filename).replace(shown(address), filename), where=filename
    )


def _summary(column: ColumnProfile) -> dict[str, Any]:
    there = column.rows - column.nulls
    return {
        "column_name": column.name,
        "data_type": column.kind,
        "null_rate": column.nulls / column.rows,
        "unique_rate": min(1.0, column.distinct / there) if there else 0.0,
        "pii": [flag.type for flag in column.pii],
    }
