"""A worker: takes jobs while there is room, watches over their processes, and gives back what it cannot finish."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from structlog import get_logger

from synthos.server.db.database import AWAY, Database
from synthos.server.ids import new_id
from synthos.server.jobs import leases, workers
from synthos.server.jobs.admission import capacity, fitting, usable
from synthos.server.jobs.children import Child, Launch
from synthos.server.jobs.claiming import claim
from synthos.server.jobs.ending import Problem
from synthos.server.jobs.folders import Folders
from synthos.server.jobs.leases import LeaseLostError
from synthos.server.jobs.machine import Machine
from synthos.server.jobs.queue import Job
from synthos.server.jobs.turns import my_turn
from synthos.server.settings import Settings

#: Seconds between two rounds: so long a wish to cancel may wait to be seen.
ROUND = 0.5
#: A lease is kept so many times before it would run out.
BEATS = 3.0
#: Seconds that a worker takes at most to stop its jobs and to give them back.
DRAIN_SECONDS = 20.0
_log = get_logger("synthos.worker")


class Runner:
    """One worker.

    Parameters
    ----------
    kinds : of jobs that it can do.
    launch : starts a job's process.
    look : says what the machine has and what is in use.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        folders: Folders,
        kinds: Iterable[str],
        launch: Launch,
        look: Callable[[], Machine],
    ) -> None:
        self.id = new_id("wrk")
        self._database, self._settings, self._folders = database, settings, folders
        self._kinds, self._launch, self._machine = tuple(kinds), launch, look
        self._host, self._started = socket.gethostname(), database.clock()
        self._children: list[Child] = []
        self._beaten = -float("inf")
        there = usable(look().memory.total, settings.headroom)
        self._most_memory = min(there, settings.job_memory_bytes or there)

    def run(self, stopping: threading.Event) -> None:
        """Work until ``stopping`` is set; then give back what runs."""
        _log.info("worker started", worker=self.id)
        while not stopping.is_set():
            self._guarded(self._round)
            stopping.wait(ROUND)
        self._end()

    def run_one(self, job: Job, stopping: threading.Event, call_off: Callable[[], None]) -> None:
        """Run a job that is leased to this worker, and no other, until it has ended.

        Where ``stopping`` is set ``call_off`` is called, and what then runs is given back.
        """
        self._begin(job)
        while self._children and not stopping.is_set():
            self._guarded(self._round)
            stopping.wait(ROUND)
        if self._children:
            self._guarded(call_off)
        self._end()

    def _end(self) -> None:
        self._drain()
        self._guarded(lambda: workers.leave(self._database, self.id))
        _log.info("worker stopped", worker=self.id)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Without the database nothing is begun, and nothing is stopped: leases are worth nothing without it anyway."""
        try:
            step()
        except AWAY as error:
            _log.warning("the database does not answer", error=type(error).__name__)

    def _round(self) -> None:
        self._collect()
        if time.monotonic() - self._beaten >= self._settings.lease_seconds / BEATS:
            self._beat()
        for child in self._children:
            self._watch(child)
        if self._kinds:
            self._take_in_turn()

    def _beat(self) -> None:
        """Say that this worker lives, keep its leases, and take back those of others that ran out."""
        for child in self._children:
            self._heed(child, leases.beat(self._database, child.job, self._settings.lease_seconds))
        machine = self._machine()
        workers.beat(
            self._database,
            self.id,
            host=self._host,
            pid=os.getpid(),
            capacity=capacity(machine, self._settings.headroom),
            machine=machine,
            started_at=self._started,
        )
        self._beaten = time.monotonic()
        for job_id in leases.reclaim(self._database, self._settings.lease_seconds):
            _log.warning("a job was abandoned", job_id=job_id)

    def _watch(self, child: Child) -> None:
        if child.seconds > self._settings.job_hours * 3_600:
            child.stop("timeout")
        if child.reason is None and child.memory > self._most_memory:
            child.stop("memory")
        self._heed(child, leases.look(self._database, child.job))

    def _heed(self, child: Child, standing: leases.Standing) -> None:
        if standing == "cancel":
            child.stop("cancel")
        elif standing == "lost":
            child.let_go()

    def _take_in_turn(self) -> None:
        """Where another worker has its turn, there is a next round; where files cannot be locked, there are none."""
        with ExitStack() as stack:
            mine = True
            try:
                mine = stack.enter_context(my_turn(self._settings.data_folder))
            except OSError as error:
                _log.debug("workers of this machine do not take turns", error=type(error).__name__)
            if mine:
                self._take()

    def _take(self) -> None:
        machine = self._machine()
        while len(self._children) < capacity(machine, self._settings.headroom):
            running = workers.running_on(self._database, self._host)
            kinds = fitting(machine, running, self._settings.headroom, self._kinds)
            job = claim(self._database, self.id, self._settings.lease_seconds, kinds) if kinds else None
            if job is None:
                return
            if not self._begin(job):
                return

    def _begin(self, job: Job) -> bool:
        """Start a job's process; where there is no room for one the attempt has failed."""
        try:
            self._children.append(Child(job, self._folders.make(), self._launch))
        except OSError as error:  # no room for a process, or for its files
            _log.error("a job cannot be started", job_id=job.id, error=type(error).__name__)
            with self._database.write(None) as work:
                leases.fail(work, job, {"reason": "not-started", "detail": "the worker has no room for it"})
            return False
        _log.info("job started", job_id=job.id, kind=job.kind, attempt=job.attempts, trace_id=job.trace_id)
        return True

    def _collect(self) -> None:
        """Settle and clear away what has ended. What cannot be settled now is settled in a later round."""
        for child in list(self._children):
            code = child.poll()
            if code is None:
                continue
            self._settle(child, code)
            child.clean()
            self._children.remove(child)
            _log.info("job ended", job_id=child.job.id, code=code, stopped=child.reason)

    def _settle(self, child: Child, code: int) -> None:
        """Say how the job ended, unless its process has done so or it is another's: then the lease is not valid."""
        if child.reason == "lost":
            return
        try:
            with self._database.write(None) as work:
                if child.reason == "cancel":
                    leases.stop(work, child.job)
                elif child.reason == "drain":
                    leases.give_back(work, child.job)
                elif child.reason == "timeout":
                    leases.fail(work, child.job, _TOO_LONG, again=False)
                elif child.reason == "memory":
                    leases.fail(work, child.job, _too_large(self._most_memory), again=False)
                else:
                    leases.fail(work, child.job, _crashed(code))
        except LeaseLostError:
            return

    def _drain(self) -> None:
        """Stop what runs, and give it back. What cannot be given back is taken back when its lease runs out."""
        for child in self._children:
            child.stop("drain")
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._children and time.monotonic() < deadline:
            self._guarded(self._collect)
            time.sleep(ROUND / 10)
        for child in self._children:
            child.clean()


_TOO_LONG: Problem = {"reason": "timeout", "detail": "it took longer than a job may"}


def _too_large(most: float) -> Problem:
    said = f"it took more than the {most / 2**30:,.1f} GiB of memory that a job may have"
    return {"reason": "too-much-memory", "detail": said, "fix": "give a table of fewer rows or shorter values"}


def _crashed(code: int) -> Problem:
    how = f"signal {-code}" if code < 0 else f"code {code}"
    return {"reason": "crashed", "detail": f"its process ended with {how}"}
