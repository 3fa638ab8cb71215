"""A real S3 endpoint for tests: rclone over a folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACCESS_KEY, SECRET_KEY = "NAME", "SECRET"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def s3_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Its address while the block lasts. Folders in ``folder`` are buckets; the keys are those above."""
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    assert rclone is not None, "rclone comes with the development dependencies"
    port = port or free_port()
    keys, address = f"{ACCESS_KEY},{SECRET_KEY}", f"127.0.0.1:{port}"
    server = subprocess.Popen(
        [rclone, "serve", "s3", "--auth-key", keys, "--addr", address, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "RCLONE_CONFIG": str(folder.parent / "rclone.conf")},
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None and time.monotonic() < deadline, "the S3 server did not come up"
        yield f"http://{address}"
    finally:
        server.kill()  # asked to stop, it waits for clients that keep their connections
        server.wait(timeout=10)
