"""The worker, with kinds of jobs that only tests have. Called as it is, it takes them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event as Never
from typing import Any

from pipelines.worker import main
from synthos.errors import FormatError
from synthos.progress import Event
from synthos.server.db.tables import datasets
from synthos.server.jobs.context import Handler, JobContext
from synthos.server.jobs.leases import finish
from synthos.server.validations.run import carry_out


def count(context: JobContext) -> None:
    """Count the job's dataset up by one, and finish: both or neither."""
    context.tell(Event(stage="scan", done=1, total=1))
    mine = (datasets.c.id == context.job.subject) & (datasets.c.company_id == context.job.company_id)
    with context.services.database.write(context.tenant) as work:
        finish(work, context.job)
        work.run(datasets.update().where(mine).values(row_count=datasets.c.row_count + 1))


def endless(context: JobContext) -> None:
    """Tell of steps without end."""
    done = 0
    while True:
        done += 1
        context.tell(Event(stage="scan", done=done, total=0))
        Never().wait(0.02)


def deaf(context: JobContext) -> None:
    """Hear no SIGTERM, and have a helper that hears none either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    helper = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(900)"]
    pid = subprocess.Popen(helper, start_new_session=True).pid
    Path(context.job.payload["note"]).write_text(f"{os.getpid()} {pid}", encoding="ascii")
    endless(context)


def hoard(context: JobContext) -> None:
    """Hold 1.5 GiB, and hear no SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    held = [os.urandom(2**20) * 64 for _ in range(24)]
    endless(context)
    held.clear()


def aborts(context: JobContext) -> None:
    """End as a broken library does."""
    os.abort()


def confused(context: JobContext) -> None:
    """Break."""
    raise ZeroDivisionError


def bad_table(context: JobContext) -> None:
    """Be given a file that cannot be read."""
    raise FormatError("is no table", where="a.csv, line 3", fix="save it again")


def validating(context: JobContext) -> None:
    """A real validation on Ray."""
    tables = Path(context.job.payload["tables"])
    context.validate(
        tables / "fresh.parquet",
        tables / "real.parquet",
        tier_config=tables / "tiers.yaml",
        cache=context.services.settings.data_folder / "trained",
        on_progress=context.tell,
    )


def validation(context: JobContext) -> None:
    """A validation of the service's, for whose results the disk has no room left: a file may have 4 KiB."""

    def measured(*tables: Any, **options: Any) -> Any:
        found = context.validate(*tables, **options)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))
        return found

    carry_out(replace(context, validate=measured))


KINDS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        count,
        endless,
        deaf,
        hoard,
        aborts,
        confused,
        bad_table,
        validating,
        validation,
    )
}

if __name__ == "__main__":
    sys.exit(main(handlers=KINDS, command=(sys.executable, __file__)))
