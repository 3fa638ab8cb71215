"""Which storage the settings name."""

from __future__ import annotations

from synthos.server.settings import Settings
from synthos.server.storage.base import Storage
from synthos.server.storage.local import LocalStorage


def open_storage(settings: Settings) -> Storage:
    """The bucket of the settings; files under ``data_folder`` where they name none."""
    if settings.s3 is None:
        return LocalStorage(settings.data_folder / "storage")
    # boto3 takes a third of a second to import, which those without a bucket need not wait for.
    from synthos.server.storage.s3 import S3Storage

    return S3Storage(settings.s3, settings.call_seconds)
