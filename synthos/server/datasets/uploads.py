"""Uploads: announced, sent in parts, taken up again, completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from synthos.server.audit import log as audit
from synthos.server.auth.tokens import Principal
from synthos.server.datasets import repository
from synthos.server.datasets.formats import ENDINGS, ending_of
from synthos.server.datasets.places import upload_of
from synthos.server.datasets.schemas import ProcessingStage, UploadRequest
from synthos.server.datasets.sweep import clear, expire
from synthos.server.db.database import Work
from synthos.server.db.tables import datasets
from synthos.server.errors import ConflictError, InvalidError, NotFoundError, ServiceError, TooLargeError, TooManyError
from synthos.server.jobs.queue import enqueue
from synthos.server.settings import MIB, Tier
from synthos.server.state import Services
from synthos.server.storage.base import MOST_PARTS, Part, PartWriter, Upload

#: Parts of a file are made larger, up to ``LARGEST_CHUNK``, so that there are no more than this.
USUAL_PARTS, LARGEST_CHUNK = 64, 64 * MIB
#: Addresses that are signed at a time, and seconds for which they hold.
MOST_ADDRESSES, ADDRESS_SECONDS = 100, 3_600
PROCESSING_STAGES: tuple[ProcessingStage, ...] = ("verify", "read", "scan")
_NEEDED = tuple(
    datasets.c[name]
    for name in ("id", "filename", "status", "file_size", "chunk_bytes", "upload_id", "expires_at", "job_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an upload stands. ``addresses`` are (part number, bytes, address); ``seconds``: how long they hold."""

    row: Row[Any]
    upload: Upload
    parts: Sequence[Part]
    addresses: Sequence[tuple[int, int, str]]
    seconds: int


def announce(services: Services, principal: Principal, asked: UploadRequest) -> Standing:
    """Expect an upload.

    Raises
    ------
    InvalidError : the filename's ending is unknown, or not of the file's type.
    TooLargeError : nobody may send so many bytes.
    TooManyError : the company may not send so many more now.
    StorageFullError, UnavailableError : the storage cannot take them.
    """
    ending = ending_of(asked.filename)
    if ending is None:
        raise InvalidError(("body.filename", f"has to end in one of {', '.join(sorted(ENDINGS))}"))
    if ENDINGS[ending] != asked.file_type:
        raise InvalidError(("body.file_type", f"is {asked.file_type}, but the filename ends in {ending}"))
    settings = services.settings
    tier = settings.tiers[principal.tier]
    most = min(settings.max_upload_bytes, tier.bytes)
    if asked.file_size > most:
        raise TooLargeError(f"a file may have {most:,} bytes at most")
    with services.database.write(principal.tenant) as work:
        audit.begin(work)  # what the company announces meanwhile waits, and is counted with this
        dataset_id = repository.add(
            work,
            **asked.model_dump(),
            chunk_bytes=chunk_bytes(asked.file_size, settings.chunk_bytes),
            expires_at=work.now + timedelta(hours=settings.upload_hours),
        )
        audit.record(work, "dataset.announced", dataset_id, bytes=asked.file_size)
        check_quota(work, tier)
        row = repository.find(work, dataset_id)
    try:
        upload_id = services.storage.begin(upload_of(row).key, asked.file_size)
    except ServiceError:
        if expire(services, row):
            clear(services, row)
        raise
    with services.database.write(principal.tenant) as work:
        repository.change(work, dataset_id, "uploading", upload_id=upload_id)
    return standing(services, principal, dataset_id)


def standing(services: Services, principal: Principal, dataset_id: str) -> Standing:
    """Which parts are there, and where the others go.

    Raises
    ------
    NotFoundError : there is no such dataset.
    ConflictError : its upload has ended.
    """
    row, left = _uploading(services, principal, dataset_id)
    upload, storage = upload_of(row), services.storage
    try:
        parts = storage.parts(upload)
    except NotFoundError:
        raise _ended(row.status) from None
    seconds = left
    addresses: list[tuple[int, int, str]] = []
    if storage.method == "s3_multipart":
        seconds = min(left, ADDRESS_SECONDS)
        wanted = upload.missing(parts)[:MOST_ADDRESSES]
        addresses = [(number, upload.part_size(number), storage.part_url(upload, number, seconds)) for number in wanted]
    return Standing(row=row, upload=upload, parts=parts, addresses=addresses, seconds=seconds)


def open_part(services: Services, principal: Principal, dataset_id: str, number: int) -> PartWriter:
    """Begin to receive a part.

    Raises
    ------
    NotFoundError : there is no such dataset.
    InvalidError : the upload has no such part.
    ConflictError : it has ended, or another request is sending this part.
    """
    row, _ = _uploading(services, principal, dataset_id)
    upload = upload_of(row)
    if number > upload.count:
        raise InvalidError(("path.number", f"is {number:,}, but this upload has {upload.count:,} parts"))
    return services.storage.open_part(upload, number)


def complete(services: Services, principal: Principal, dataset_id: str) -> Row[Any]:
    """Make the parts a file, and have it read by a job; its row. Again is no error.

    Raises
    ------
    NotFoundError : there is no such dataset.
    ConflictError : parts are missing, or the upload has expired.
    """
    row = gather(services, principal, dataset_id)
    if row.status != "uploading":
        return row
    with services.database.write(principal.tenant) as work:
        audit.begin(work)
        if begin_processing(work, dataset_id):
            repository.change(work, dataset_id, "processing", job_id=enqueue(work, "ingest", dataset_id, {}))
        row = repository.find(work, dataset_id, *_NEEDED)
    if row.status == "expired":
        raise _ended(row.status)
    return row


def gather(services: Services, principal: Principal, dataset_id: str) -> Row[Any]:
    """Make the parts of a dataset that is still being uploaded a file; its row, as it was. Raises as ``complete``."""
    with services.database.read(principal.tenant) as work:
        row = repository.find(work, dataset_id, *_NEEDED)
    if row.status == "expired":
        raise _ended(row.status)
    if row.status != "uploading":
        return row
    if row.upload_id is None:
        raise ConflictError("upload-not-begun", "the upload has not begun")
    try:
        services.storage.complete(upload_of(row))
    except NotFoundError:
        raise _ended("expired") from None
    return row


def begin_processing(work: Work, dataset_id: str) -> bool:
    """All bytes of an upload are there: the dataset is to be read; False where it is not being uploaded any more.

    The work has the company's audit chain already.
    """
    is_first = repository.change(
        work, dataset_id, "uploading", status="processing", completed_at=work.now, expires_at=None
    )
    if is_first:
        audit.record(work, "dataset.completed", dataset_id)
    return is_first


def chunk_bytes(size: int, smallest: int) -> int:
    """Bytes of each part of a file: few parts, none larger than it has to be."""
    few = min(-(-size // USUAL_PARTS), LARGEST_CHUNK)
    wanted = max(smallest, few, -(-size // MOST_PARTS))
    return -(-wanted // MIB) * MIB


def _uploading(services: Services, principal: Principal, dataset_id: str) -> tuple[Row[Any], int]:
    """The dataset, and the seconds that its upload has left."""
    with services.database.read(principal.tenant) as work:
        row = repository.find(work, dataset_id, *_NEEDED)
        left = int((row.expires_at - work.now).total_seconds()) if row.expires_at else 0
    if row.status != "uploading" or left <= 0 or row.upload_id is None:
        raise _ended("expired" if row.status == "uploading" else row.status)
    return row, left


def _ended(status: str) -> ConflictError:
    return ConflictError("upload-ended", f"the upload has ended: the dataset is {status}")


def check_quota(work: Work, tier: Tier) -> None:
    """That the company's uploads, those just announced among them, are within its quota.

    Raises
    ------
    TooManyError : they are not.
    """
    used, since = repository.bytes_announced(work)
    if used > tier.bytes and since is not None:
        wait = since + repository.QUOTA_DAYS - work.now
        raise TooManyError(
            "quota-exceeded",
            f"{tier.bytes:,} bytes may be sent in {repository.QUOTA_DAYS.days} days; with this it would be {used:,}",
            wait.total_seconds(),
        )
