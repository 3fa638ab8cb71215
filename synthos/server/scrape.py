"""What Prometheus is told: what every process of this machine has counted, and what the database says."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

#: Names the folder in which processes share what they count. The library reads it when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def everything(figures: CollectorRegistry) -> bytes:
    """Prometheus' text format.

    Counters of processes that have ended go on counting, so that sums never fall. Without the folder, this process
    tells of itself alone.

    Parameters
    ----------
    figures : those of the database, the same whichever process is asked.
    """
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest() + generate_latest(figures)
    _forget_dead(Path(folder))
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
    return generate_latest(shared) + generate_latest(figures)


def _forget_dead(folder: Path) -> None:
    """What a process has under way (``live`` gauges) ends with it, also where it was killed."""
    for path in folder.glob("gauge_live*.db"):
        if not psutil.pid_exists(int(path.stem.rpartition("_")[2])):
            path.unlink(missing_ok=True)
