"""The service for tests of the whole: started by its command, with an account and whatever parts it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.test_platform import Service

EMAIL, PASSWORD = "a@example.com", "correct horse battery"


@contextmanager
def running_service(environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """A service with one worker and one account, which runs while the block lasts."""
    # Sockets of Ray lie below, and their paths must be short.
    with TemporaryDirectory(prefix="sy-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        given = {**(environment or {}), "SYNTHOS_DATA_FOLDER": f"{folder}/data"}
        words = ["admin", "create-user", EMAIL, "--name", "A", "--company", "A"]
        command = [sys.executable, "-m", "synthos", *words]
        subprocess.run(command, env={**os.environ, **given}, input=PASSWORD, text=True, check=True)
        running = Service(Path(folder), workers=1, **given)
        yield running
        running.end()
