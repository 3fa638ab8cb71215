"""``synthos serve`` as a whole: it comes up from nothing, mends what dies, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

pytestmark = pytest.mark.slow
#: Seconds after which something that should happen has not.
DEADLINE = 180.0


class Service:
    """A service that was started by the command, in a session of its own."""

    def __init__(self, folder: Path, workers: int = 0, **settings: str) -> None:
        self.folder = folder
        given = {"SYNTHOS_DATA_FOLDER": str(folder / "data"), "TMPDIR": str(folder), **settings}
        environment = {**os.environ, **given}
        command = [sys.executable, "-m", "synthos", "serve", "--port", "0", "--workers", str(workers)]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip().removeprefix("Synthos answers at ")

    @property
    def supervisor(self) -> psutil.Process:
        """The process that looks after all others; the command only waits for it."""
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def has_left_nothing(self, everybody: list[psutil.Process]) -> bool:
        """Whether those processes are gone, and what was temporary."""
        _, left = psutil.wait_procs(everybody, timeout=10)
        return not left and [path.name for path in self.folder.iterdir()] == ["data"]

    def status(self, path: str = "/readyz") -> int | None:
        try:
            return int(httpx2.get(f"{self.url}{path}", timeout=5.0).status_code)
        except httpx2.TransportError:
            return None

    def parts(self, word: str) -> list[psutil.Process]:
        """Processes of this service whose command line has ``word``."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if word in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def end(self) -> int:
        """Ask it to end, if it has not ended; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=DEADLINE)
        return self.process.returncode


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


@pytest.fixture
def service() -> Iterator[Service]:
    from tempfile import TemporaryDirectory

    # Sockets of Ray lie below, and their paths must be short.
    with TemporaryDirectory(prefix="sy-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        running = Service(Path(folder))
        yield running
        running.end()


def test_it_comes_up_from_nothing_serves_and_leaves_nothing_behind(service: Service) -> None:
    assert service.url.startswith("http://127.0.0.1:"), service.process.communicate()
    assert service.status() == 200
    new = {"email": "a@example.com", "password": "long enough", "company_name": "A", "full_name": "A"}
    assert httpx2.post(f"{service.url}/api/v1/auth/register", json=new).status_code == 201
    assert (service.folder / "data" / "secrets.json").stat().st_mode & 0o777 == 0o600
    everybody = service.parts("")
    assert service.end() == 0
    assert service.has_left_nothing(everybody)


def test_of_a_command_that_is_killed_nothing_is_left(service: Service) -> None:
    # The proxy may just be made anew.
    until(lambda: any("haproxy" in process.name() for process in service.parts("")))
    everybody = service.parts("")
    service.process.kill()
    until(lambda: service.has_left_nothing(everybody))


@pytest.mark.long
def test_of_a_supervisor_that_is_killed_nothing_is_left(service: Service) -> None:
    everybody = service.parts("")
    service.supervisor.kill()
    service.process.communicate(timeout=DEADLINE)
    assert service.process.returncode == 1
    assert service.has_left_nothing(everybody)
