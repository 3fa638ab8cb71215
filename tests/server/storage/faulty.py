"""A proxy before an S3 endpoint, that does to answers what networks and busy endpoints do."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections import deque
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["none", "busy", "cut", "slow", "silent"]
#: Pieces in which a slow answer comes, and seconds between them.
PIECES, PAUSE = 8, 0.5


class FaultyProxy(http.server.ThreadingHTTPServer):
    """``faults`` are done to the next requests, one each.

    Nothing, 503, an answer that is cut off half-way or comes in pieces, or none at all.
    """

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = urlsplit(endpoint).netloc
        self.faults: deque[Fault] = deque()
        self.asked: list[str] = []
        self.over = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what this is about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FaultyProxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _forward(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")
        fault = self.server.faults.popleft() if self.server.faults else "none"
        if fault == "silent":
            self.server.over.wait(60)
            return
        if fault == "busy":
            self.send_error(503)
            return
        upstream = http.client.HTTPConnection(self.server.endpoint)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            for piece in _pieces(content, fault):
                self.wfile.write(piece)
                if fault == "slow":
                    self.server.over.wait(PAUSE)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward


def _pieces(content: bytes, fault: Fault) -> list[bytes]:
    if fault == "cut":
        return [content[: len(content) // 2]]
    if fault == "slow":
        size = max(1, -(-len(content) // PIECES))
        return [content[start : start + size] for start in range(0, len(content), size)]
    return [content]
