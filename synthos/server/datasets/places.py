"""Under which keys a dataset lies in the storage. All that is made of it lies in its folder, and goes with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from synthos.errors import InternalError
from synthos.server.datasets.formats import ending_of
from synthos.server.storage.base import Upload


def folder_of(dataset_id: str) -> str:
    """The prefix of everything about a dataset."""
    return f"datasets/{dataset_id}/"


def data_key(row: Row[Any]) -> str:
    """The bytes that were uploaded. Of the client's name for them only the ending stands here, which is one of ours."""
    ending = ending_of(row.filename)
    if ending is None:
        raise InternalError(f"{row.id} has a file of no known ending")
    return f"{folder_of(row.id)}data{ending}"


def profile_key(dataset_id: str) -> str:
    """The profile, as JSON."""
    return f"{folder_of(dataset_id)}profile.json"


def upload_of(row: Row[Any]) -> Upload:
    """The upload of a dataset whose bytes are on their way."""
    return Upload(data_key(row), row.upload_id or "", row.file_size, row.chunk_bytes)
