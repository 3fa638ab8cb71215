"""``/datasets``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row

from synthos.results import TableProfile
from synthos.server import etags
from synthos.server.auth.guard import requires
from synthos.server.auth.tokens import Principal
from synthos.server.datasets import service, uploads
from synthos.server.datasets.digests import expected_sha256
from synthos.server.datasets.formats import attachment
from synthos.server.datasets.receiving import check_length, receive
from synthos.server.datasets.schemas import (
    ID_PATTERN,
    Completed,
    DatasetDetail,
    DatasetSummary,
    Deleted,
    PartAddress,
    Sort,
    Status,
    StoredPart,
    UploadPlan,
    UploadRequest,
)
from synthos.server.db.types import EPOCH
from synthos.server.errors import TooLargeError, TooSlowError
from synthos.server.idempotency.route import GuardedRoute
from synthos.server.pagination import USUAL, Cursor, Limit, Page
from synthos.server.problems import documented, of_service, problem
from synthos.server.ranges import UnsatisfiableError, byte_range
from synthos.server.state import Services, ServicesOf
from synthos.server.storage.base import MOST_PARTS
from synthos.server.tasks import in_thread, to_the_end

router = APIRouter(prefix="/datasets", tags=["datasets"], route_class=GuardedRoute)
Reader = Annotated[Principal, requires("datasets:read")]
Writer = Annotated[Principal, requires("datasets:write")]
DatasetId = Annotated[str, Path(pattern=ID_PATTERN, description="of a dataset of the caller's company")]
Number = Annotated[int, Path(ge=1, le=MOST_PARTS, description="of the part, from 1")]
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.post("/upload", status_code=201, responses=documented(401, 403, 409, 413, 422, 429, 507))
def announce(request: Request, services: ServicesOf, principal: Writer, asked: UploadRequest) -> UploadPlan:
    """Announce a file, and learn how to send it in parts."""
    return _plan(request, services, uploads.announce(services, principal, asked))


@router.get("/{dataset_id}/upload", responses=documented(401, 403, 404, 409, 422, 429))
def resume(request: Request, services: ServicesOf, principal: Writer, dataset_id: DatasetId) -> UploadPlan:
    """Which parts are there, and where the others go; for uploads that broke off, and for fresh addresses."""
    return _plan(request, services, uploads.standing(services, principal, dataset_id))


@router.put(
    "/{dataset_id}/parts/{number}",
    response_model=StoredPart,
    responses=documented(401, 403, 404, 408, 409, 413, 422, 429, 507),
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
async def put_part(
    request: Request,
    services: ServicesOf,
    principal: Writer,
    dataset_id: DatasetId,
    number: Number,
    x_part_sha256: Annotated[str | None, Header(max_length=64, description="in hexadecimal")] = None,
    content_digest: Annotated[str | None, Header(max_length=1_000, description="RFC 9530")] = None,
) -> StoredPart | Response:
    """Send a part. Once it is answered it is on the disk; sent again, it is compared with what is there."""
    expected = expected_sha256(content_digest, x_part_sha256)
    # To the end, so that whatever was opened is closed, also for a client that has gone by then.
    return await to_the_end(_put_part(request, services, principal, dataset_id, number, expected))


async def _put_part(
    request: Request, services: Services, principal: Principal, dataset_id: str, number: int, expected: str | None
) -> StoredPart | Response:
    writer = await in_thread(uploads.open_part, services, principal, dataset_id, number)
    try:
        check_length(request.headers.get("content-length"), writer.size)
        await receive(request.stream(), writer, services.settings.body_seconds)
        part = await in_thread(writer.finish, expected)
    except (TooLargeError, TooSlowError) as error:
        refused = of_service(request, error)
        refused.headers["Connection"] = "close"  # what is left of the body is not read
        return refused
    finally:
        writer.close()
    return StoredPart(part_number=part.number, size=part.size, etag=part.etag)


@router.post("/{dataset_id}/complete", responses=documented(401, 403, 404, 409, 422, 429))
def complete(services: ServicesOf, principal: Writer, dataset_id: DatasetId) -> Completed:
    """All parts are sent: have the file checked, read and profiled. Asked again, the answer is the same."""
    row = uploads.complete(services, principal, dataset_id)
    stages = list(uploads.PROCESSING_STAGES)
    return Completed(dataset_id=row.id, status=row.status, processing_stages=stages, job_id=row.job_id)


@router.get("", responses=documented(401, 403, 422, 429))
def index(
    services: ServicesOf,
    principal: Reader,
    status: Annotated[Status | None, Query(description="only those with this status")] = None,
    sort: Annotated[Sort, Query(description="oldest first, or with a minus newest first")] = "-created_at",
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> Page[DatasetSummary]:
    """The company's datasets."""
    oldest_first = sort == "created_at"
    rows, following = service.page(services, principal, status, cursor, limit, oldest_first=oldest_first)
    return Page(items=[DatasetSummary(**_shown(row)) for row in rows], next_cursor=following)


@router.get(
    "/{dataset_id}", response_model=DatasetDetail, responses=documented(401, 403, 404, 422, 429) | etags.UNCHANGED
)
def detail(
    request: Request, response: Response, services: ServicesOf, principal: Reader, dataset_id: DatasetId
) -> DatasetDetail | Response:
    """One dataset, with what its profile says in short."""
    row = service.find(services, principal, dataset_id)
    tag = etags.etag(row.id, row.status, int((row.updated_at - EPOCH).total_seconds() * 1e6))
    if same := etags.unchanged(request, tag):
        return same
    response.headers.update(etags.headers(tag))
    return DatasetDetail(**_shown(row), metadata=row._mapping["metadata"], error=row.error)


@router.get(
    "/{dataset_id}/profile",
    response_class=Response,
    responses={200: {"model": TableProfile}, **documented(401, 403, 404, 409, 422, 429), **etags.UNCHANGED},
)
def profile(request: Request, services: ServicesOf, principal: Reader, dataset_id: DatasetId) -> Response:
    """All that one pass over the table found: kinds, quantiles, distinct values, personal data, quality."""
    return etags.answer(request, service.profile(services, principal, dataset_id))


@router.get(
    "/{dataset_id}/content",
    response_class=StreamingResponse,
    responses={
        200: {"description": "the whole file", "content": _BYTES},
        206: {"description": "the range that was asked for", "content": _BYTES},
    }
    | documented(401, 403, 404, 409, 416, 422, 429)
    | etags.UNCHANGED,
)
def content(
    request: Request,
    services: ServicesOf,
    principal: Reader,
    dataset_id: DatasetId,
    range_: Annotated[str | None, Header(alias="Range", max_length=200, description="one range of bytes")] = None,
    if_range: Annotated[str | None, Header(max_length=200, description="the range counts for this ETag")] = None,
) -> Response:
    """The file as it was uploaded."""
    row = service.complete_file(services, principal, dataset_id)
    tag, size = etags.etag(row.id), row.file_size  # bytes that are complete never change
    if same := etags.unchanged(request, tag):
        return same
    headers = etags.headers(tag) | {"Accept-Ranges": "bytes", "Content-Disposition": attachment(row.filename)}
    try:
        found = byte_range(range_ if if_range in (None, tag) else None, size)
    except UnsatisfiableError:
        detail = f"the file has {size:,} bytes"
        return problem(request, 416, "range-not-satisfiable", detail, headers={"Content-Range": f"bytes */{size}"})
    start, stop = found or (0, size)
    if found:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    chunks = service.content(services, row, start, stop)
    return StreamingResponse(chunks, 206 if found else 200, headers, media_type="application/octet-stream")


@router.delete("/{dataset_id}", responses=documented(401, 403, 404, 409, 422, 429))
def delete(services: ServicesOf, principal: Writer, dataset_id: DatasetId) -> Deleted:
    """Delete a dataset, its bytes and all that was made of it."""
    deleted_at = service.delete(services, principal, dataset_id)
    return Deleted(dataset_id=dataset_id, deleted_at=deleted_at)


def _plan(request: Request, services: ServicesOf, found: uploads.Standing) -> UploadPlan:
    row, method = found.row, services.storage.method
    to_us = method == "parts"
    path = request.app.url_path_for("put_part", dataset_id=row.id, number="{part_number}") if to_us else None
    return UploadPlan(
        dataset_id=row.id,
        status=row.status,
        upload_method=method,
        upload_url=path,
        upload_urls=[PartAddress(part_number=n, size=size, url=url) for n, size, url in found.addresses],
        file_size=row.file_size,
        chunk_size=row.chunk_bytes,
        parts_total=found.upload.count,
        parts=[StoredPart(part_number=part.number, size=part.size, etag=part.etag) for part in found.parts],
        expires_in=found.seconds,
        expires_at=row.expires_at,
    )


_SHOWN = tuple(DatasetDetail.model_fields.keys() - {"dataset_id", "metadata", "error", "expires_at"})


def _shown(row: Row[Any]) -> dict[str, Any]:
    fields = row._mapping
    expires_at = row.expires_at if row.status == "uploading" else None
    return {name: fields[name] for name in _SHOWN} | {"dataset_id": row.id, "expires_at": expires_at}
