"""A part's bytes on their way from the client to the storage: in constant memory, no more than due, and not slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from starlette.requests import ClientDisconnect

from synthos.server.errors import InvalidError, TooLargeError, TooSlowError
from synthos.server.storage.base import CHUNK_BYTES, PartWriter
from synthos.server.tasks import in_thread

#: Bytes a second below which a part takes too long, however steadily it comes.
SLOWEST = 32 * 1024


def check_length(declared: str | None, size: int) -> None:
    """Refuse by its head what is not ``size`` bytes long, before any of it is read.

    Raises
    ------
    TooLargeError, InvalidError : it is longer, or shorter.
    """
    if declared is None or not declared.isdecimal():
        return
    if int(declared) > size:
        raise TooLargeError(f"this part has {size:,} bytes")
    if int(declared) < size:
        raise InvalidError(("header.Content-Length", f"is {int(declared):,} where this part has {size:,} bytes"))


async def receive(stream: AsyncIterator[bytes], writer: PartWriter, stall_seconds: float) -> None:
    """Write what comes, some of it at a time, in a thread, while more comes.

    Raises
    ------
    TooLargeError : there is more than the part has; as soon as that is known.
    TooSlowError : nothing came for ``stall_seconds``, or all of it comes slower than ``SLOWEST``.
    InvalidError : the client has gone.
    """
    held: list[bytes] = []
    waiting, received = 0, 0
    writing: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(stall_seconds + writer.size / SLOWEST):
            while (chunk := await _next(stream, stall_seconds)) is not None:
                received += len(chunk)
                if received > writer.size:
                    raise TooLargeError(f"this part has {writer.size:,} bytes")
                held.append(chunk)
                waiting += len(chunk)
                if waiting >= CHUNK_BYTES:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(in_thread(_write, writer, held))
                    held, waiting = [], 0
    except TimeoutError:
        raise TooSlowError(f"after {received:,} bytes no more came in time") from None
    except ClientDisconnect:
        raise InvalidError(("body", "broke off")) from None
    finally:
        if writing is not None:
            await asyncio.wait([writing])  # however this ends, nobody writes behind it
    if writing is not None:
        await writing
    await in_thread(_write, writer, held)


def _write(writer: PartWriter, chunks: Sequence[bytes]) -> None:
    for chunk in chunks:
        writer.write(chunk)


async def _next(stream: AsyncIterator[bytes], seconds: float) -> bytes | None:
    async with asyncio.timeout(seconds):
        return await anext(stream, None)
