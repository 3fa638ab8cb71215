"""Sending a file in parts; what is there already is not sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from synthos.client.transport import Transport
from synthos.errors import SourceError

#: Bytes read at once.
CHUNK = 2**20
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
    """Send the parts of ``path`` that are not there yet by ``plan``, the answer of ``POST /datasets/upload``."""
    size = path.stat().st_size
    there = {part["part_number"] for part in plan["parts"]}
    done = sum(part["size"] for part in plan["parts"])
    on_sent(done, size)
    for number in range(1, plan["parts_total"] + 1):
        if number in there:
            continue
        start = (number - 1) * plan["chunk_size"]
        length = min(plan["chunk_size"], size - start)
        if plan["upload_method"] == "parts":
            _through_the_service(transport, path, plan, number, start, length)
        else:
            plan = _to_the_storage(transport, path, plan, number, start, length)
        done += length
        on_sent(done, size)


def _through_the_service(
    transport: Transport, path: Path, plan: dict[str, Any], number: int, start: int, length: int
) -> None:
    digest = hashlib.sha256()
    for chunk in _read(path, start, length):
        digest.update(chunk)
    headers = {"Content-Length": str(length), "X-Part-SHA256": digest.hexdigest()}
    place = f"/datasets/{plan['dataset_id']}/parts/{number}"
    transport.ask("PUT", place, content=lambda: _read(path, start, length), headers=headers)


def _to_the_storage(
    transport: Transport, path: Path, plan: dict[str, Any], number: int, start: int, length: int
) -> dict[str, Any]:
    """Send one part; the plan, a fresh one where the old one had no address for it."""
    addresses = {address["part_number"]: address["url"] for address in plan["upload_urls"]}
    if number not in addresses:
        plan = transport.ask("GET", f"/datasets/{plan['dataset_id']}/upload").json()
        addresses = {address["part_number"]: address["url"] for address in plan["upload_urls"]}
    transport.put_elsewhere(addresses[number], lambda: _read(path, start, length), length)
    return plan


def _read(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = length
        while left > 0:
            chunk = file.read(min(CHUNK, left))
            if not chunk:
                raise SourceError("became shorter while it was sent", where=str(path), fix="send it again")
            left -= len(chunk)
            yield chunk
