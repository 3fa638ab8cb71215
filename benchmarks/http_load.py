"""Asks one address over many connections that are kept open, and notes how long each answer takes.

Raw HTTP/1.1 over asyncio's protocols: some 30 µs a request, so that on a shared machine little of what is measured is
the asking itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

#: Requests of this many first seconds are not counted: pools and caches fill.
WARM_UP = 2.0


@dataclass(slots=True)
class Tally:
    """What came of the requests: seconds of each that was answered, how many of each status, and what broke."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    lasted: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Requests a second, percentiles in milliseconds, and what was no 200.

        Raises
        ------
        RuntimeError : nothing was answered, so that there is nothing to state.
        """
        if not self.seconds:
            raise RuntimeError(f"no request was answered in {self.lasted:.0f} s; {self.broken} connections broke")
        ordered = sorted(self.seconds)
        at = {f"p{share}_ms": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)}
        return {
            "requests": len(ordered),
            "per_second": round(len(ordered) / self.lasted, 1),
            **{name: round(1e3 * value, 2) for name, value in at.items()},
            "max_ms": round(1e3 * ordered[-1], 2),
            "errors": self.broken + sum(number for status, number in self.statuses.items() if status != 200),
            "statuses": {str(status): number for status, number in sorted(self.statuses.items())},
        }


class _Lane(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, request: bytes, tally: Tally, counted: asyncio.Event, over: asyncio.Event) -> None:
        self._request, self._tally, self._counted, self._over = request, tally, counted, over
        self._got = bytearray()
        self._length = -1
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._length < 0:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._got[:end]).lower()
            self._status = int(head[9:12])
            at = head.index(b"content-length:") + len(b"content-length:")
            self._length = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._got) < self._length:
            return
        if self._counted.is_set():
            self._tally.seconds.append(time.perf_counter() - self._asked)
            self._tally.statuses[self._status] += 1
        if self._over.is_set():
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._counted.is_set() and not self._over.is_set():
            self._tally.broken += 1
        self.closed.set_result(None)

    def _ask(self) -> None:
        self._got.clear()
        self._length = -1
        self._asked = time.perf_counter()
        self._transport.write(self._request)


def load(url: str, headers: Mapping[str, str], connections: int, seconds: float, warm_up: float = WARM_UP) -> Tally:
    """Ask ``url`` again and again over so many connections for so long, after so many seconds that do not count.

    Answers must have a Content-Length. A connection that the server closes counts as an error, and is opened anew.
    """
    return asyncio.run(_load(url, headers, connections, seconds, warm_up))


async def _load(url: str, headers: Mapping[str, str], connections: int, seconds: float, warm_up: float) -> Tally:
    parts = urlsplit(url)
    lines = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{name}: {headers[name]}" for name in headers)]
    request = "\r\n".join([*lines, "", ""]).encode()
    tally, counted, over = Tally(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def ask() -> None:
        while not over.is_set():
            _, lane = await loop.create_connection(
                lambda: _Lane(request, tally, counted, over), parts.hostname, parts.port or 80
            )
            await lane.closed

    lanes = [asyncio.create_task(ask()) for _ in range(connections)]
    await asyncio.sleep(warm_up)
    began = time.perf_counter()
    counted.set()
    await asyncio.sleep(seconds)
    over.set()
    tally.lasted = time.perf_counter() - began
    _, waiting = await asyncio.wait(lanes, timeout=10.0)
    for lane in waiting:
        lane.cancel()
    for lane in lanes:
        if not lane.cancelled() and lane.done():
            lane.result()
    return tally
