"""The service in a process of its own, which can be measured and killed."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.s3_server import free_port

SERVER = """
import sys, uvicorn
from synthos.server.app import create_app
from synthos.server.settings import MIB, Settings
app = create_app(Settings(data_folder=sys.argv[1], chunk_bytes=5 * MIB))
uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""


@contextmanager
def serving(data_folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and its port, while the block lasts."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(data_folder), str(port)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.wait()


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: Iterator[bytes] | bytes | None = None
) -> tuple[int, bytes]:
    """Status and body of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/livez", {})[0] == 200
    except OSError:
        return False
