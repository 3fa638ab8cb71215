"""Objects in a bucket of any S3 endpoint, addressed by path and signed with SigV4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from structlog import get_logger
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from synthos.server.breaker import Breaker
from synthos.server.errors import ConflictError, NotFoundError, UnavailableError
from synthos.server.settings import MIB, S3
from synthos.server.storage.base import MOST_PARTS, Part, PartWriter, Readable, Upload, UploadMethod, checked

ATTEMPTS, FIRST_WAIT, LONGEST_WAIT = 4, 0.1, 2.0
#: Bytes of a body that are lost, and asked for again, where it is cut off.
_PIECE_BYTES = 128 * 1024
#: Bytes of a file's part, which is held in memory.
_FILE_PART_BYTES = 16 * MIB
_GONE = frozenset({"404", "NoSuchKey", "NoSuchUpload"})
_log = get_logger("synthos.server")


class S3Storage:
    """One bucket, under a prefix. Clients send parts to it by presigned addresses; threads may share it.

    Parameters
    ----------
    call_seconds : how long one call may wait for the endpoint, and when no further attempt is begun.
    """

    method: UploadMethod = "s3_multipart"

    def __init__(self, s3: S3, call_seconds: float, breaker: Breaker | None = None) -> None:
        self._s3, self._seconds = s3, call_seconds
        self._prefix = f"{s3.prefix.strip('/')}/" if s3.prefix.strip("/") else ""
        self._client = _client(s3, str(s3.endpoint) if s3.endpoint else None, call_seconds)
        public = s3.public_endpoint
        self._signer = _client(s3, str(public), call_seconds) if public else self._client
        self._breaker = breaker or Breaker("storage")

    def begin(self, key: str, size: int) -> str:
        return str(self._call("create_multipart_upload", "file", Key=self._name(key))["UploadId"])

    def part_url(self, upload: Upload, number: int, seconds: int) -> str:
        # The length is signed, so that the endpoint refuses a part of any other.
        named = {"Bucket": self._s3.bucket, "Key": self._name(upload.key), "UploadId": upload.upload_id}
        sized = {"PartNumber": number, "ContentLength": upload.part_size(number)}
        return str(self._signer.generate_presigned_url("upload_part", Params=named | sized, ExpiresIn=seconds))

    def open_part(self, upload: Upload, number: int) -> PartWriter:
        raise ConflictError("parts-by-address", "parts of this upload are sent to the addresses given for them")

    def parts(self, upload: Upload) -> list[Part]:
        found: dict[int, Part] = {}
        after, more = 0, True
        while more:
            page = self._call("list_parts", "upload", **self._of(upload), PartNumberMarker=after)
            listed = [Part(item["PartNumber"], item["Size"], item["ETag"].strip('"')) for item in page.get("Parts", ())]
            found |= {part.number: part for part in listed}
            # Not the marker that the page names: some endpoints count it wrongly.
            last = max((part.number for part in listed), default=after)
            more, after = bool(page.get("IsTruncated")) and last > after, last
        return [found[number] for number in sorted(found)]

    def complete(self, upload: Upload) -> None:
        try:
            parts = self.parts(upload)
            upload.check_whole(parts)
            named = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts[: upload.count]]
            self._call("complete_multipart_upload", "upload", **self._of(upload), MultipartUpload={"Parts": named})
        except NotFoundError:
            # Completed before, perhaps by an attempt whose answer was lost.
            if self.size(upload.key) != upload.size:
                raise

    def abort(self, key: str) -> None:
        listed = self._call("list_multipart_uploads", "upload", Prefix=self._name(key))
        for item in listed.get("Uploads", ()):
            if item["Key"] == self._name(key):
                with suppress(NotFoundError):
                    self._call("abort_multipart_upload", "upload", Key=item["Key"], UploadId=item["UploadId"])

    def put(self, key: str, content: bytes) -> None:
        self._call("put_object", "file", Key=self._name(key), Body=content)

    def put_file(self, key: str, path: Path) -> None:
        size = path.stat().st_size
        chunk_bytes = max(_FILE_PART_BYTES, -(-size // MOST_PARTS))
        if size <= chunk_bytes:
            self.put(key, path.read_bytes())
            return
        upload = Upload(key, self.begin(key, size), size, chunk_bytes)
        try:
            with path.open("rb") as file:
                for number in range(1, upload.count + 1):
                    body = file.read(chunk_bytes)
                    self._call("upload_part", "upload", **self._of(upload), PartNumber=number, Body=body)
            self.complete(upload)
        except BaseException:
            self.abort(key)
            raise

    def read(self, key: str) -> bytes:
        return b"".join(self.open_range(key, 0, self.size(key)))

    def open_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        if start >= stop:
            return iter(())
        return self._chunks(key, start, stop, self._range(key, start, stop))

    def size(self, key: str) -> int:
        return int(self._call("head_object", "file", Key=self._name(key))["ContentLength"])

    def delete(self, key: str) -> None:
        self._call("delete_object", "file", Key=self._name(key))

    def delete_prefix(self, prefix: str) -> None:
        # One by one: deletion of many at once wants checksums that not every endpoint takes.
        while names := self._call("list_objects_v2", "file", Prefix=self._name(prefix)).get("Contents"):
            for item in names:
                self._call("delete_object", "file", Key=item["Key"])

    def source(self, key: str) -> Readable:
        s3, environment = self._s3, {"AWS_DEFAULT_REGION": self._s3.region}
        if s3.endpoint:
            environment["AWS_ENDPOINT_URL_S3"] = str(s3.endpoint)
        if s3.access_key and s3.secret_key:
            environment["AWS_ACCESS_KEY_ID"] = s3.access_key.get_secret_value()
            environment["AWS_SECRET_ACCESS_KEY"] = s3.secret_key.get_secret_value()
        return Readable(f"s3://{s3.bucket}/{self._name(key)}", environment)

    def answers(self) -> bool:
        try:
            self._client.head_bucket(Bucket=self._s3.bucket)
        except (BotoCoreError, ClientError) as error:
            _log.warning("unready", part="storage", bucket=self._s3.bucket, cause=str(error))
            return False
        return True

    def _name(self, key: str) -> str:
        return self._prefix + checked(key)

    def _of(self, upload: Upload) -> dict[str, str]:
        return {"Key": self._name(upload.key), "UploadId": upload.upload_id}

    def _range(self, key: str, start: int, stop: int) -> Any:
        return self._call("get_object", "file", Key=self._name(key), Range=f"bytes={start}-{stop - 1}")["Body"]

    def _chunks(self, key: str, start: int, stop: int, body: Any) -> Iterator[bytes]:
        """What is cut off is asked for again from there on, until too many attempts in a row have brought nothing."""
        fruitless = 0
        while True:
            before = start
            try:
                for chunk in body.iter_chunks(_PIECE_BYTES):
                    yield chunk
                    start += len(chunk)
                if start >= stop:
                    return
            except (BotoCoreError, OSError) as error:
                _log.warning("storage", operation="get_object", error=type(error).__name__)
            finally:
                body.close()
            fruitless = fruitless + 1 if start == before else 0
            if fruitless == ATTEMPTS:
                raise UnavailableError("storage")
            body = self._range(key, start, stop)

    def _call(self, operation: str, what: str, **arguments: Any) -> dict[str, Any]:
        """One call, tried again where that may help. ``what`` is what is missing where the endpoint says so."""
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(self._seconds),
            wait=wait_random_exponential(FIRST_WAIT, LONGEST_WAIT),
            retry=retry_if_exception(_passes),
        )
        try:
            answer: dict[str, Any] = attempts(self._once, operation, arguments)
            return answer
        except RetryError as error:
            cause = error.last_attempt.exception()
        except (BotoCoreError, ClientError) as error:
            if _code(error) in _GONE:
                raise NotFoundError(what) from None
            cause = error
        _log.error("storage", operation=operation, error=type(cause).__name__, code=_code(cause))
        raise UnavailableError("storage") from cause

    def _once(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._breaker.check()
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self._s3.bucket, **arguments)
        except (BotoCoreError, ClientError) as error:
            (self._breaker.failed if _passes(error) else self._breaker.worked)()
            raise
        self._breaker.worked()
        return answer


def _client(s3: S3, endpoint: str | None, seconds: float) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=seconds,
        read_timeout=seconds,
        retries={"total_max_attempts": 1},  # ours count
        max_pool_connections=32,
        # Checksums beyond what S3 asks for are more than many other endpoints know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=s3.region,
        aws_access_key_id=s3.access_key.get_secret_value() if s3.access_key else None,
        aws_secret_access_key=s3.secret_key.get_secret_value() if s3.secret_key else None,
        config=config,
    )


def _code(error: BaseException | None) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _passes(error: BaseException) -> bool:
    """Whether another attempt may end otherwise: no answer, "slow down", or an error of the endpoint's own."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        return status >= 500 or status == 429 or _code(error) in ("RequestTimeout", "SlowDown")
    return isinstance(error, BotoCoreError)
