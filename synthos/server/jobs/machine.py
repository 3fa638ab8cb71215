"""What this machine has, and how much of it is in use: by whatever runs here, not by Synthos alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
#: Asking the driver for its GPUs takes as long as a second: what it said is believed for so many.
GPU_SECONDS, GPU_PATIENCE = 10.0, 5.0
_SMI = ("--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is of something, and how much of that is in use."""

    total: float
    in_use: float


@dataclass(frozen=True, slots=True)
class Machine:
    """Processors; bytes of memory; GPUs, of which as much is in use as of their memory."""

    cpu: Amount
    memory: Amount
    gpu: Amount

    def as_json(self) -> dict[str, dict[str, float]]:
        """For the database."""
        return {
            name: {"total": amount.total, "in_use": amount.in_use}
            for name, amount in (("cpu", self.cpu), ("memory", self.memory), ("gpu", self.gpu))
        }


class Watch:
    """Looks at this machine, or at the part of it that a container may use."""

    def __init__(self) -> None:
        self._gpu, self._gpu_at = Amount(0.0, 0.0), -GPU_SECONDS
        psutil.cpu_percent()  # the first call begins to measure

    def __call__(self) -> Machine:
        """The machine now; processors in use since the last look."""
        processors = _processors()
        busy = processors * psutil.cpu_percent() / 100.0
        return Machine(Amount(processors, round(busy, 2)), _memory(), self._gpus())

    def _gpus(self) -> Amount:
        if time.monotonic() - self._gpu_at >= GPU_SECONDS:
            self._gpu, self._gpu_at = _ask_driver(), time.monotonic()
        return self._gpu


def _processors() -> float:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _limit("cpu.max").partition(" ")
    return min(float(allowed), int(quota) / int(period)) if quota.isdecimal() and period.isdecimal() else float(allowed)


def _memory() -> Amount:
    found = psutil.virtual_memory()
    limit, used = _limit("memory.max"), _limit("memory.current")
    if limit.isdecimal() and used.isdecimal() and int(limit) < found.total:
        return Amount(int(limit), max(0, int(used) - _reclaimable()))
    return Amount(found.total, found.total - found.available)


def _reclaimable() -> int:
    """Bytes of files that are held only because nobody else needs the room."""
    lines = dict(line.split(" ", 1) for line in _limit("memory.stat").splitlines() if " " in line)
    return int(lines.get("inactive_file", 0))


def _limit(name: str) -> str:
    try:
        return (_CGROUP / name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _ask_driver() -> Amount:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Amount(0.0, 0.0)
    try:
        said = subprocess.run([tool, *_SMI], capture_output=True, text=True, timeout=GPU_PATIENCE, check=True).stdout
        shares = [float(used) / float(total) for used, total in (line.split(",") for line in said.splitlines())]
    except (OSError, ValueError, ZeroDivisionError, subprocess.SubprocessError):
        return Amount(0.0, 0.0)
    return Amount(float(len(shares)), round(sum(shares), 3))
