"""What goes in and out of ``/datasets``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from synthos.results import Kind
from synthos.server.datasets.formats import LONGEST_NAME, FileType, clean_filename
from synthos.server.faults import Fault
from synthos.server.ids import LENGTH, Moment
from synthos.server.storage.base import UploadMethod

Status = Literal["uploading", "processing", "ready", "failed", "expired"]
Sort = Literal["created_at", "-created_at"]
ProcessingStage = Literal["verify", "read", "scan"]
ID_PATTERN = f"^ds_[0-9a-z]{{{LENGTH}}}$"
#: Tabs and line ends are text; other controls are not, and no database keeps a NUL.
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Filename = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME, examples=["table.csv"]), AfterValidator(clean_filename)
]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{64}$", to_lower=True)]


class UploadRequest(BaseModel):
    """A file that is about to be sent."""

    model_config = ConfigDict(extra="forbid")

    filename: Filename = Field(description="its ending says what it holds, and whether it is packed (.gz, .zst)")
    file_size: int = Field(ge=1, le=2**62, description="bytes")
    file_type: FileType = Field(description="what the ending says as well")
    description: str | None = Field(None, max_length=2_000, pattern=_TEXT)
    sha256: Sha256 | None = Field(None, description="of the whole file, in hexadecimal; checked when all is there")


class PartAddress(BaseModel):
    """Where to PUT one part."""

    part_number: int
    size: int = Field(description="bytes of this part; no other number is taken")
    url: str


class StoredPart(BaseModel):
    """A part that is there and will be kept."""

    part_number: int
    size: int
    etag: str = Field(description="SHA-256 of the part in hexadecimal, or what S3 gave for it (MD5)")


class UploadPlan(BaseModel):
    """How to send a file, and which parts of it are there. Ask again for fresh addresses."""

    dataset_id: str
    status: Status
    upload_method: UploadMethod = Field(
        description="s3_multipart: PUT each part to its address in upload_urls, without credentials; with Content-MD5 "
        "the endpoint refuses one that was damaged. parts: PUT each part to upload_url, with credentials; with "
        "X-Part-SHA256 the service does"
    )
    upload_url: str | None = Field(description="parts: a path on this server, in which {part_number} is to be filled")
    upload_urls: list[PartAddress] = Field(description="s3_multipart: of the first parts that are not there yet")
    file_size: int = Field(description="bytes of all parts together")
    chunk_size: int = Field(description="bytes of every part but the last")
    parts_total: int
    parts: list[StoredPart] = Field(description="those that are there")
    expires_in: int = Field(description="seconds for which the addresses hold")
    expires_at: Moment = Field(description="when the upload ends, and what was sent is thrown away")


class Completed(BaseModel):
    """All bytes are there; what is done with them now."""

    dataset_id: str
    status: Status
    processing_stages: list[ProcessingStage]
    job_id: str | None


class ColumnSummary(BaseModel):
    """One column at a glance."""

    column_name: str
    data_type: Kind
    null_rate: float = Field(ge=0, le=1, description="rows without a value / rows")
    unique_rate: float = Field(ge=0, le=1, description="distinct values / rows with a value")
    pii: list[str] = Field(description="kinds of personal data that it looks like")


class Metadata(BaseModel):
    """What the profile says, in short."""

    model_config = ConfigDict(serialize_by_alias=True)

    data_quality_score: float = Field(ge=0, le=100, description="higher is better")
    has_pii: bool = Field(description="some column looks like personal data")
    duplicate_rate: float = Field(ge=0, le=1, description="1 - distinct rows / rows")
    fingerprint: str = Field(description="of the table's content, whatever its format")
    columns: list[ColumnSummary] = Field(alias="schema")


class DatasetSummary(BaseModel):
    """A dataset in a list."""

    dataset_id: str
    filename: str
    file_type: FileType
    file_size: int = Field(description="bytes")
    description: str | None
    status: Status
    row_count: int | None
    column_count: int | None
    created_at: Moment
    updated_at: Moment
    completed_at: Moment | None = Field(description="when all bytes were there")
    expires_at: Moment | None = Field(description="when an upload that is not complete ends")


class DatasetDetail(DatasetSummary):
    """A dataset, and what is known of it once it is ready; what is wrong with it where it failed."""

    sha256: str | None
    job_id: str | None = Field(description="of the job that reads it")
    metadata: Metadata | None
    error: Fault | None


class Deleted(BaseModel):
    """The dataset is gone."""

    dataset_id: str
    status: Literal["deleted"] = "deleted"
    deleted_at: Moment
