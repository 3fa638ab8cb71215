"""A bound on what an upload costs the process that receives it."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synthos.server.settings import MIB, Settings
from tests.server.conftest import Person
from tests.server.datasets.serving import ask, serving
from tests.server.datasets.uploading import PATH

SIZE, MOST_GROWTH = 300 * MIB, 64 * MIB


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
def test_an_upload_is_received_in_constant_memory(ada: Person, settings: Settings) -> None:
    with serving(settings.data_folder) as (process, port):
        upload(ada, port, 64 * MIB)  # threads and pools are there after that
        before = peak(process)
        upload(ada, port, SIZE)
        assert peak(process) - before < MOST_GROWTH
