"""How fast a large file goes into the service, beside `cp` on the same disk, and what it costs in memory.

    python -m benchmarks.api_upload [--gib 2] [--out FILE.json]

Sent by ``synthos.client``, one part after the other over one connection, through HAProxy and a replica into the local
storage; from the first byte to the last part's answer. ``cp`` is timed with the bytes on the disk (``sync``), as the
storage leaves them, and without.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.service import Running, service
from synthos.client.transport import Transport
from synthos.client.uploads import send

MIB, GIB = 2**20, 2**30
#: Seconds between looks at memory.
LOOK = 0.1


class Memory(threading.Thread):
    """Watches how far each process of the service grows."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over = psutil.Process(process), threading.Event()
        self.grown: dict[str, int] = {}
        self._first: dict[int, int] = {}

    def run(self) -> None:
        while not self._over.wait(LOOK):
            for process in self._root.children(recursive=True):
                try:
                    # What is shared, such as Ray's store, and what the kernel caches of files is nobody's own.
                    info = process.memory_info()
                    own, name = info.rss - info.shared, process.name()
                except psutil.NoSuchProcess:
                    continue
                grown = own - self._first.setdefault(process.pid, own)
                key = f"{name} {process.pid}"
                self.grown[key] = max(self.grown.get(key, 0), grown)

    def end(self) -> list[tuple[str, float]]:
        """The five that grew most, in MiB."""
        self._over.set()
        self.join()
        ordered = sorted(self.grown.items(), key=lambda item: -item[1])
        return [(name, round(grown / MIB, 1)) for name, grown in ordered[:5]]


def made(path: Path, size: int) -> None:
    """A file of random bytes, on the disk and in no cache that matters more to one than to the other."""
    block = os.urandom(16 * MIB)
    with path.open("wb") as out:
        for start in range(0, size, len(block)):
            out.write(block[: min(len(block), size - start)])
        out.flush()
        os.fsync(out.fileno())


def copied(path: Path, synced: bool) -> float:
    """Seconds of `cp`."""
    target = path.with_suffix(".copy")
    began = time.perf_counter()
    subprocess.run(["cp", "--reflink=never", path, target], check=True)
    if synced:
        subprocess.run(["sync", target], check=True)
    spent = time.perf_counter() - began
    target.unlink()
    return spent


def uploaded(running: Running, path: Path) -> tuple[float, list[tuple[str, float]]]:
    """Seconds of the upload, and what grew."""
    key = running.client.create_api_key("bench")
    with Transport(running.url, api_key=key, timeout=120.0) as transport:
        asked = {"filename": "table.csv", "file_type": "csv", "file_size": path.stat().st_size}
        plan = transport.ask("POST", "/datasets/upload", json=asked).json()
        memory = Memory(running.process.pid)
        memory.start()
        began = time.perf_counter()
        send(transport, path, plan, lambda sent, size: None)
        spent = time.perf_counter() - began
        transport.ask("DELETE", f"/datasets/{plan['dataset_id']}")
    return spent, memory.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    size = int(asked.gib * GIB)
    with service(workers=0) as running:
        path = running.folder / "table.csv"
        made(path, size)
        found: dict[str, Any] = {"bytes": size, "load_before": round(os.getloadavg()[0], 1)}
        found["cp_seconds"] = round(copied(path, synced=False), 2)
        found["cp_synced_seconds"] = round(copied(path, synced=True), 2)
        seconds, grown = uploaded(running, path)
        found |= {"upload_seconds": round(seconds, 2), "grown_mib": grown}
        found["cp_again_seconds"] = round(copied(path, synced=False), 2)
        found["cp_synced_again_seconds"] = round(copied(path, synced=True), 2)
    print(json.dumps(found, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
