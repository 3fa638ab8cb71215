"""A bound on what an upload costs the process that receives it."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synthos.server.settings import MIB, Settings
from tests.s3_server import free_port
from tests.server.conftest import Person
from tests.server.datasets.uploading import PATH

SERVER = """
import sys, uvicorn
from synthos.server.app import create_app
from synthos.server.settings import Settings
app = create_app(Settings(data_folder=sys.argv[1]))
uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""
SIZE, MOST_GROWTH = 300 * MIB, 64 * MIB
CHUNK = 16 * MIB


@pytest.fixture
def server(ada: Person, settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process of its own that serves the same data; its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(settings.data_folder), str(port)])
    try:
        deadline = time.monotonic() + 60
        while not alive(port):
            assert process.poll() is None and time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.wait()


def alive(port: int) -> bool:
    try:
        return ask(port, "GET", "/livez", {})[0] == 200
    except OSError:
        return False


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: Iterator[bytes] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def peak(process: subprocess.Popen[bytes]) -> int:
    """The most memory that the process has ever held, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def upload(person: Person, port: int, size: int) -> None:
    asked = {"filename": "table.csv", "file_type": "csv", "file_size": size}
    plan = person.client.post(f"{PATH}/upload", json=asked).json()
    headers = {"Authorization": person.client.headers["authorization"]}

    def send(number: int) -> int:
        length = min(plan["chunk_size"], size - (number - 1) * plan["chunk_size"])
        pieces = (b"x" * min(MIB, length - start) for start in range(0, length, MIB))
        path = plan["upload_url"].format(part_number=number)
        return ask(port, "PUT", path, headers | {"Content-Length": str(length)}, pieces)[0]

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, range(1, plan["parts_total"] + 1))) == {200}
    status, said = ask(port, "POST", f"{PATH}/{plan['dataset_id']}/complete", headers)
    assert status == 200, said


@pytest.mark.slow
def test_an_upload_is_received_in_constant_memory(ada: Person, server: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = server
    upload(ada, port, 4 * CHUNK)  # threads and pools are there after that
    before = peak(process)
    upload(ada, port, SIZE)
    assert peak(process) - before < MOST_GROWTH
