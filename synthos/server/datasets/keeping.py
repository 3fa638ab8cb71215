"""Files of this machine become datasets: repaired tables, and tables of jobs that are sent to the cluster itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from synthos.server.audit import log as audit
from synthos.server.datasets import repository
from synthos.server.datasets.formats import FileType
from synthos.server.datasets.places import data_key, folder_of
from synthos.server.datasets.uploads import check_quota
from synthos.server.db.database import Tenant, Work
from synthos.server.settings import Tier
from synthos.server.state import Services


def announce(
    services: Services,
    work: Work,
    tier: Tier,
    *,
    filename: str,
    file_type: FileType,
    size: int,
    description: str | None = None,
) -> str:
    """A dataset of the tenant's of ``size`` bytes, which are to come; its id. Without them it expires as uploads do.

    The work has the company's audit chain already: what is announced meanwhile is counted with this.

    Raises
    ------
    TooManyError : the company may not send so many bytes more.
    """
    dataset_id = repository.add(
        work,
        filename=filename,
        file_type=file_type,
        file_size=size,
        description=description,
        chunk_bytes=services.settings.chunk_bytes,
        expires_at=work.now + timedelta(hours=services.settings.upload_hours),
    )
    audit.record(work, "dataset.announced", dataset_id, bytes=size)
    check_quota(work, tier)
    return dataset_id


def put(services: Services, tenant: Tenant, dataset_id: str, path: Path) -> None:
    """Write the bytes of a dataset that was announced, in place of what a broken attempt has left of them.

    They count once ``uploads.begin_processing`` has said so.

    Raises
    ------
    StorageFullError, UnavailableError : the storage is at fault.
    """
    with services.database.read(tenant) as work:
        row = repository.find(work, dataset_id)
    services.storage.abort(data_key(row))
    services.storage.delete_prefix(folder_of(dataset_id))
    services.storage.put_file(data_key(row), path)
