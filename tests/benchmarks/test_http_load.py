"""The asking side of the load benchmark, against a server that answers every third request with an error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from benchmarks.http_load import Tally, load

BODY = b"x" * 3_000


class Server(threading.Thread):
    """Answers in pieces; notes the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[bytes] = []
        self.port, self.ready, self.over = 0, threading.Event(), asyncio.Event()
        self._numbers = count(1)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.over.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                status = b"503 Away" if next(self._numbers) % 3 == 0 else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-")
                await writer.drain()
                writer.write(b"Length: 3000\r\n\r\n" + BODY[:10])
                await writer.drain()
                writer.write(BODY[10:])
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.start()
    assert running.ready.wait(10)
    yield running
    running.loop.call_soon_threadsafe(running.over.set)
    running.join()


def test_every_answer_is_counted_with_its_status(server: Server) -> None:
    found = load(f"http://127.0.0.1:{server.port}/some/path", {"X-Key": "k"}, 4, 0.2, warm_up=0.0).as_json()
    statuses = found["statuses"]
    assert set(statuses) == {"200", "503"} and found["errors"] == statuses["503"]
    assert found["requests"] == sum(statuses.values())
    assert abs(statuses["200"] - 2 * statuses["503"]) <= 8
    assert found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert {request.split(b"\r\n")[0] for request in server.requests} == {b"GET /some/path HTTP/1.1"}
    assert all(b"X-Key: k\r\n" in request for request in server.requests)
    assert found["requests"] <= len(server.requests) <= found["requests"] + 8


def test_where_nothing_is_answered_there_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="no request was answered in 2 s; 1 connections broke"):
        Tally(broken=1, lasted=2.0).as_json()
