"""The processes of running jobs, seen from their worker: each is the head of a process group of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import psutil

from synthos.server.jobs.queue import Job

#: Seconds that a process has to clean up after SIGTERM; then it is killed, and all that it has started.
GRACE = 3.0
#: Names the job's folder in the environment of its process, and so of whatever a Ray cluster starts for it.
MARK = "SYNTHOS_JOB_FOLDER"
#: Why a job is stopped: it was called off, took too long or too much memory, is another's by now, or the worker ends.
Reason = Literal["cancel", "timeout", "memory", "lost", "drain"]


class Process(Protocol):
    """A process that has been started; ``subprocess.Popen`` is one."""

    pid: int

    def poll(self) -> int | None:
        """How it ended: its exit code, or minus the number of the signal; None while it runs."""


class Started:
    """A command in a session of its own, whose standard input ends when this process does."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        environment = {**os.environ, "TMPDIR": str(folder), MARK: str(folder)}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)  # every process leaves files there, and jobs are many
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, env=environment)
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """As ``Process`` says."""
        code = self._process.poll()
        if code is not None and self._process.stdin is not None:
            self._process.stdin.close()
        return code


#: Starts the process of a job, whose temporary files belong into the folder.
Launch = Callable[[Job, Path], Process]


def launching(command: Sequence[str]) -> Launch:
    """Starts jobs by this command, which is told the job and its lease."""
    return lambda job, folder: Started([*command, "--job", job.id, "--lease", job.lease], folder)


class Child:
    """A running job."""

    def __init__(self, job: Job, folder: Path, launch: Launch) -> None:
        self.job, self.folder = job, folder
        self.reason: Reason | None = None
        self._process = launch(job, folder)
        self._began = time.monotonic()
        self._kill_at: float | None = None
        self._let_go_at: float | None = None

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._began

    @property
    def memory(self) -> int:
        """Bytes that its process, all that this has started, and its tasks on this machine hold for themselves."""
        found = {process.pid: process for process in (*_family(self._process.pid), *_marked(self.folder))}
        return sum(map(_own_bytes, found.values()))

    def poll(self) -> int | None:
        """How it ended; None while it runs. One that was told to stop and does not is killed here."""
        code = self._process.poll()
        if code is None and self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            kill_family(self._process.pid)
        return code

    def let_go(self) -> None:
        """Its lease is over: it has settled its job and is ending, or it is not to go on and is stopped soon."""
        if self._let_go_at is None:
            self._let_go_at = time.monotonic() + GRACE
        elif time.monotonic() >= self._let_go_at:
            self.stop("lost")

    def stop(self, reason: Reason) -> None:
        """Tell it to stop; a second time changes nothing, except that what is lost is lost.

        What takes too much memory is killed at once: before it has listened, there may be none left.
        """
        if reason == "memory":
            kill_family(self._process.pid)
        elif self.reason is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
            self._kill_at = time.monotonic() + GRACE
        if self.reason is None or reason == "lost":
            self.reason = reason

    def clean(self) -> None:
        """It has ended: its files go, and whatever it has left running where it did not end well."""
        if self._process.poll() != 0:
            kill_family(self._process.pid)
            for process in _mentioning(self.folder):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def kill_family(pid: int) -> None:
    """Kill a process, its descendants, and its group."""
    family = _family(pid)[1:]
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    """A process and its descendants."""
    with suppress(psutil.NoSuchProcess):
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    return []


def _marked(folder: Path) -> list[psutil.Process]:
    """What a Ray cluster has started here for the job: the cluster's children, where it is not the job's own."""
    if "RAY_ADDRESS" not in os.environ:
        return []
    return [process for process in psutil.process_iter() if _mark_of(process) == str(folder)]


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None


def _own_bytes(process: psutil.Process) -> int:
    try:
        found = process.memory_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(found.rss - getattr(found, "shared", 0))


def _mentioning(folder: Path) -> list[psutil.Process]:
    """Processes that were started on files there: those of a Ray instance are in groups of their own."""
    found, name = [], f"{folder}/"
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if any(name in word for word in process.cmdline()):
                found.append(process)
    return found
