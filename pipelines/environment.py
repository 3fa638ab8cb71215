"""The environment that Ray's processes are born into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Every worker runs on one thread; more of them on shared cores are slower, not faster.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}
#: What tells whoever watches over a job which processes of a cluster work for it, where the job has it.
MARKS = ("SYNTHOS_JOB_FOLDER",)


def of_tasks() -> dict[str, str]:
    """What tasks on a cluster inherit of this process."""
    return ONE_THREAD | {name: os.environ[name] for name in MARKS if name in os.environ}


def wanted(folder: str) -> dict[str, str]:
    """What a private instance in ``folder`` inherits, by name."""
    return {
        **ONE_THREAD,
        # What a killed worker leaves lies with the instance's own files, and goes with them.
        "TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Train polls its controller this often; the default of 2 s would dominate short models.
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",
        "RAY_TRAIN_V2_ENABLED": "1",
        # An out-of-memory kill is otherwise retried without end, and the job would never fail.
        "RAY_task_oom_retries": "3",
        # Workers of a private instance do what the user waits for; Ray's niceness of 15 starves them on a busy machine.
        "RAY_worker_niceness": "0",
        # Hide no GPUs from processes that ask for none; what a task may use is decided by its resources.
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Modules of the driver must resolve in the workers whatever the working folder is.
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH")])
        ),
    }


@contextmanager
def inherited(folder: str) -> Iterator[None]:
    """The environment within the block is what Ray's processes should inherit; afterwards it is the caller's again."""
    ours = wanted(folder)
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
