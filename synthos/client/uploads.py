"""Sending a file in parts; what is there already is not sent again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from synthos.client.transport import Transport
from synthos.errors import CancelledError, SourceError

#: Bytes read at once, and parts that are sent at a time.
CHUNK, AT_ONCE = 2**20, 3
#: The digests that a part's etag may be, by its length: SHA-256 of the service itself, MD5 of S3. Where a bucket is
#: encrypted with a key of KMS it looks like an MD5 and is none: such an upload cannot be taken up again.
_DIGESTS = {64: "sha256", 32: "md5"}
_ANEW = "upload it anew"
#: Called with bytes sent and bytes in all.
OnSent = Callable[[int, int], None]
#: Endings and what they hold; of the first group also with one of ``PACKED`` behind it.
LINES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
TYPES = LINES | {".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow"}
PACKED = frozenset({".gz", ".zst"})


def file_type(path: Path) -> str:
    """What a file holds, by its ending.

    Raises
    ------
    SourceError : the ending is none that the service takes.
    """
    endings = [ending.lower() for ending in path.suffixes]
    packed = bool(endings) and endings[-1] in PACKED
    known = LINES if packed else TYPES
    ending = (endings[:-1] if packed else endings)[-1:]
    if not ending or ending[0] not in known:
        packs = " or ".join(sorted(PACKED))
        fix = f"end its name in one of {', '.join(TYPES)}; {packs} may stand behind {', '.join(LINES)}"
        raise SourceError("its ending does not say what it holds", where=str(path), fix=fix)
    return known[ending[0]]


def send(transport: Transport, path: Path, plan: dict[str, Any], on_sent: OnSent) -> None:
    """Send the parts of ``path`` that are not there yet by ``plan``, the answer of ``POST /datasets/upload``.

    ``AT_ONCE`` go at a time: the service confirms a part once it is on the disk, and the others do not wait for that.

    Raises
    ------
    SourceError : the file is another than the one whose parts are there, or became shorter meanwhile.
    RemoteError : a part is refused. Those that were confirmed stay where they are.
    """
    size = path.stat().st_size
    if size != plan["file_size"]:
        raise SourceError(f"has {size:,} bytes, not the {plan['file_size']:,} announced", where=str(path), fix=_ANEW)
    sender = _Sender(transport, path, size, plan)
    for part in plan["parts"]:
        sender.check(part["part_number"], part["etag"])
    there = {part["part_number"] for part in plan["parts"]}
    done = sum(part["size"] for part in plan["parts"])
    on_sent(done, size)
    missing = [number for number in range(1, plan["parts_total"] + 1) if number not in there]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as pool:
        try:
            for sent in as_completed([pool.submit(sender.part, number) for number in missing]):
                done += sent.result()
                on_sent(done, size)
        except KeyboardInterrupt:
            sender.over.set()
            with transport.breaking_off():
                pool.shutdown(cancel_futures=True)
            raise
        finally:
            pool.shutdown(cancel_futures=True)  # what is under way is sent to its end, and need not be sent again


class _Sender:
    """Sends parts of one file; threads may share it. What is under way breaks off once ``over`` is set."""

    def __init__(self, transport: Transport, path: Path, size: int, plan: dict[str, Any]) -> None:
        self._transport, self._path, self._size, self._plan = transport, path, size, plan
        self._addresses = _addresses(plan)
        self._asking = threading.Lock()
        self.over = threading.Event()

    def part(self, number: int) -> int:
        """Send this part; its bytes."""
        start, length = self._bounds(number)
        if self._plan["upload_method"] == "parts":
            self._through_the_service(number, start, length)
        else:
            md5 = self._digest("md5", start, length)
            self._transport.put_elsewhere(self._address(number), lambda: self._read(start, length), length, md5)
        return length

    def check(self, number: int, etag: str) -> None:
        """That a part that is there has the bytes that the file has at its place, as far as ``etag`` tells.

        Raises
        ------
        SourceError : it has others.
        """
        name = _DIGESTS.get(len(etag))
        if name is not None and self._digest(name, *self._bounds(number)).hex() != etag:
            raise SourceError(
                f"is not the file that was begun to be sent: part {number} differs from what is there",
                where=str(self._path),
                fix=_ANEW,
            )

    def _bounds(self, number: int) -> tuple[int, int]:
        """Where a part begins in the file, and its bytes."""
        start = (number - 1) * int(self._plan["chunk_size"])
        return start, min(int(self._plan["chunk_size"]), self._size - start)

    def _digest(self, name: str, start: int, length: int) -> bytes:
        digest = hashlib.new(name, usedforsecurity=False)
        for chunk in self._read(start, length):
            digest.update(chunk)
        return digest.digest()

    def _through_the_service(self, number: int, start: int, length: int) -> None:
        digest = self._digest("sha256", start, length)
        headers = {"Content-Length": str(length), "X-Part-SHA256": digest.hex()}
        place = f"/datasets/{self._plan['dataset_id']}/parts/{number}"
        self._transport.ask("PUT", place, content=lambda: self._read(start, length), headers=headers)

    def _address(self, number: int) -> str:
        """Where a part goes; the service gives a few addresses at a time."""
        with self._asking:
            if number not in self._addresses:
                plan = self._transport.ask("GET", f"/datasets/{self._plan['dataset_id']}/upload").json()
                self._addresses = _addresses(plan)
            return self._addresses[number]

    def _read(self, start: int, length: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(start)
            left = length
            while left > 0:
                if self.over.is_set():
                    raise CancelledError("the upload was interrupted")
                chunk = file.read(min(CHUNK, left))
                if not chunk:
                    raise SourceError("became shorter while it was sent", where=str(self._path), fix="send it again")
                left -= len(chunk)
                yield chunk


def _addresses(plan: dict[str, Any]) -> dict[int, str]:
    return {address["part_number"]: address["url"] for address in plan["upload_urls"]}
