"""A service of its own for a benchmark: `synthos serve` in an empty folder, an account without limits, its client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from synthos.client import Client
from synthos.server.platform import free_port
from synthos.server.settings import Settings

EMAIL, PASSWORD = "bench@example.com", "measures and measures"
#: Nothing here is about quotas.
TIER = {"requests_per_minute": 10**7, "validations": 10**6, "rows": 10**13, "bytes": 10**15}
#: Seconds after which a service that does not answer has failed.
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers. ``start_seconds``: from the command to the first 200 of ``/readyz``."""

    url: str
    folder: Path
    settings: Settings
    process: subprocess.Popen[bytes]
    start_seconds: float
    client: Client


@contextmanager
def service(**given: Any) -> Iterator[Running]:
    """It runs while the block lasts; ``given`` are settings of ``synthos.server.settings``."""
    # Sockets of Ray lie below, and their paths must be short.
    with TemporaryDirectory(prefix="sb-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        tiers = dict.fromkeys(("free", "team", "enterprise"), TIER)
        asked = {"data_folder": str(folder / "data"), "port": free_port(), "tiers": tiers, **given}
        config = folder / "service.yaml"
        config.write_text(yaml.safe_dump(asked), encoding="utf-8")
        _command(config, "admin", "create-user", EMAIL, "--name", "Bench", "--company", "Bench")
        url = f"http://127.0.0.1:{asked['port']}"
        began = time.perf_counter()
        with (folder / "log").open("wb") as log:
            environment = {**os.environ, "TMPDIR": str(folder)}
            command = [sys.executable, "-m", "synthos", "serve", "--config", str(config)]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _until_ready(url, process, folder / "log")
            seconds = time.perf_counter() - began
            with Client.login(url, EMAIL, PASSWORD) as client:
                yield Running(url, folder, Settings.load(config), process, seconds, client)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _command(config: Path, *words: str) -> None:
    command = [sys.executable, "-m", "synthos", *words, "--config", str(config)]
    subprocess.run(command, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)


def _until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(f"{url}/readyz", timeout=2.0) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the service did not come up:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)
