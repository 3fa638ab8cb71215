"""One job, in a process of its own: it ends with its job, with its parent, or with its lease."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from types import FrameType

import psutil
import structlog

from synthos.errors import CancelledError, ClusterError, InputError, StorageError
from synthos.server.db.database import AWAY
from synthos.server.db.patience import insist
from synthos.server.errors import ServiceError, StorageFullError, UnavailableError
from synthos.server.faults import fault_of
from synthos.server.jobs import leases
from synthos.server.jobs.context import Handler, JobContext, Validate
from synthos.server.jobs.ending import Problem
from synthos.server.jobs.leases import LeaseLostError
from synthos.server.jobs.queue import Job
from synthos.server.jobs.telling import Teller
from synthos.server.state import Services

#: How a child ends: its job is settled, or another's; it was told to stop; its parent is to settle the job.
DONE, LOST, STOPPED, BROKEN = 0, 3, 130, 1
#: Jobs give way to requests on the same machine.
NICENESS = 10
#: What is told of errors that say where the storage or the cluster is.
_AWAY: dict[type[InputError], Problem] = {
    StorageError: {"reason": "storage-unavailable", "detail": "the storage does not answer, or has no room"},
    ClusterError: {"reason": "cluster-unavailable", "detail": "the cluster does not answer"},
}
_log = structlog.get_logger("synthos.worker")


def prepare(parent_pipe: int) -> None:
    """Make this process one that stops on SIGTERM by ``KeyboardInterrupt``, and dies with its parent.

    No other exception gets through: numerics catch what is an ``Exception``, and Ray's core makes of others an error of
    its own.

    Parameters
    ----------
    parent_pipe : a file descriptor from which nothing comes but its end, when the parent dies.
    """
    with suppress(OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_die_with_parent, args=(parent_pipe,), name="parent", daemon=True).start()


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what cleans up is not to be interrupted again
    raise KeyboardInterrupt


def _die_with_parent(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def carry_out(services: Services, job_id: str, lease: str, handlers: Mapping[str, Handler], validate: Validate) -> int:
    """Do the job that is held under ``lease``, and settle it; how the process should end."""
    try:
        job = leases.find(services.database, job_id, lease)
        with structlog.contextvars.bound_contextvars(job_id=job.id, trace_id=job.trace_id, attempt=job.attempts):
            return _settled(services, job, handlers, validate)
    except LeaseLostError:
        return LOST
    except (KeyboardInterrupt, CancelledError):
        return STOPPED
    except AWAY as error:
        _log.warning("the database does not answer", job_id=job_id, error=type(error).__name__)
        return BROKEN


def _settled(services: Services, job: Job, handlers: Mapping[str, Handler], validate: Validate) -> int:
    """Run the handler, and write how that ended. What means to stop is passed on."""
    teller = Teller(services.database, job)
    error: Problem | None = None
    again = away = False
    try:
        handlers[job.kind](JobContext(services, job, validate, teller))
    except (LeaseLostError, CancelledError):
        raise
    except (StorageError, ClusterError) as caught:
        _log.warning("an attempt was cut short", error=type(caught).__name__)
        away, error = True, _AWAY[type(caught)]
    except InputError as caught:
        error = fault_of(caught)
    except ServiceError as caught:
        away = isinstance(caught, UnavailableError | StorageFullError)
        error = {"reason": caught.reason, "detail": caught.detail}
    except Exception as caught:  # noqa: BLE001 - the process edge: whatever a handler raises is a failed attempt
        _log.exception("a job broke", error=type(caught).__name__)
        again, error = True, {"reason": "internal", "detail": "something went wrong here"}
    finally:
        teller.close()
    insist(partial(_settle, services, job, error, again=again, away=away))
    if error is None:
        _log.info("job done", subject=job.subject)
    else:
        _log.warning("job failed", subject=job.subject, reason=error["reason"], again=again or away)
    return DONE


def _settle(services: Services, job: Job, error: Problem | None, *, again: bool, away: bool) -> None:
    with services.database.write(None) as work:
        if error is not None and away:
            leases.put_off(work, job, error)
        elif error is not None:
            leases.fail(work, job, error, again=again)
        else:
            with suppress(LeaseLostError):  # the handler has finished it, together with its results
                leases.finish(work, job)
