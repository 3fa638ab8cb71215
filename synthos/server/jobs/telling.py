"""A job's progress on its way into the database: the newest step of each stage, a few times a second at most."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace

from structlog import get_logger

from synthos.progress import Event
from synthos.server.db.database import AWAY, Database
from synthos.server.jobs import events
from synthos.server.jobs.leases import LeaseLostError, hold
from synthos.server.jobs.queue import Job

#: Seconds between two writes.
EVERY = 0.5
ROLES = ("synthetic", "reference", "holdout")
_log = get_logger("synthos.worker")


class Teller:
    """Takes what a job has to say, and writes it in a thread of its own: the work does not wait for the database.

    Where the database does not answer, steps wait, and newer ones take their place.
    """

    def __init__(self, database: Database, job: Job) -> None:
        self._database, self._job = database, job
        self._waiting: dict[str, Event] = {}
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._write_now_and_then, name="teller", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take one step.

        Raises
        ------
        LeaseLostError : the job is another's by now; its work is to stop.
        """
        if self._lost:
            raise LeaseLostError(f"the lease of {self._job.id} is lost")
        with self._lock:
            self._waiting.pop(event.stage, None)  # so that the order is that of the newest steps
            self._waiting[event.stage] = _without_places(event)

    def close(self) -> None:
        """Write what still waits, and end."""
        self._closing.set()
        self._thread.join()

    def _write_now_and_then(self) -> None:
        while not self._closing.wait(EVERY):
            self._write()
        self._write()

    def _write(self) -> None:
        with self._lock:
            steps, self._waiting = self._waiting, {}
        if not steps or self._lost:
            return
        try:
            with self._database.write(None) as work:
                hold(work, self._job)
                for step in steps.values():
                    events.append(work, self._job.id, self._job.company_id, "progress", asdict(step))
        except LeaseLostError:
            self._lost = True
        except AWAY as error:
            _log.warning("progress waits", error=type(error).__name__)
            with self._lock:
                self._waiting = steps | self._waiting


def _without_places(event: Event) -> Event:
    """Where a table lies is named while it is read, and is nobody's business; its role may be told."""
    if event.stage not in ("read", "scan"):
        return event
    role = event.message.split(" ", 1)[0]
    return replace(event, message=role if role in ROLES else "")
