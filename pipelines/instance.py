"""The two ways to a Ray instance: starting a private one, joining a running one."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import threading
from contextlib import suppress

import psutil

from pipelines.environment import of_tasks
from synthos.errors import ConfigError

#: Bytes of shared memory for a private instance: samples and codes are small, full tables never go there.
OBJECT_STORE_BYTES = 256 * 2**20
#: Seconds within which a killed process is gone.
KILL_SECONDS = 2.0
#: Seconds that a cluster has to answer at its address.
KNOCK_SECONDS = 10.0


def require_possible(address: str | None, processors: int | None) -> None:
    """Raises ConfigError where no instance can be had at ``address`` with so many processors."""
    if address and processors:
        raise ConfigError(
            f"the workers of a private instance were set to {processors}, but {address} is a running cluster",
            fix="drop the number of workers, or the address and RAY_ADDRESS",
        )
    if address and address.startswith("ray://"):
        raise ConfigError(
            f"{address} is an address of Ray Client, which cannot stream the models' progress",
            fix="give the head as HOST:6379, or send the command to it with `ray job submit`",
        )


def take_signals_back() -> None:
    """SIGTERM goes to the handler that Python knows of. To be called in the main thread; does nothing in another.

    Ray's core takes it when it connects, prints its stack first, and aborts the process where that takes three seconds.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def is_connected() -> bool:
    """Whether this process is connected to an instance already, which is then the caller's own."""
    import ray

    return bool(ray.is_initialized())


def connect(address: str | None, processors: int | None, folder: str) -> None:
    """Join the cluster at ``address``, or start a private instance in ``folder``.

    Raises
    ------
    OSError : nothing answers at ``address``.
    """
    logging.getLogger("ray").setLevel(logging.ERROR)
    if address:
        join(address)
    else:
        start(processors or os.cpu_count() or 1, folder)


def join(address: str) -> None:
    """Connect to the cluster at ``address``, HOST:PORT.

    Raises
    ------
    OSError : nothing answers there.
    """
    import ray

    _knock(address)
    ray.init(address, log_to_driver=False, configure_logging=False, runtime_env={"env_vars": of_tasks()})


def start(processors: int, folder: str) -> None:
    """Start a private instance whose logs and sockets lie in ``folder``, and have its workers import what they need.

    It inherits the environment; a runtime_env would cost its first task a second.
    """
    import ray

    ray.init(
        address="local",
        num_cpus=processors,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=OBJECT_STORE_BYTES,
        _temp_dir=folder,
    )
    # The workers' imports take as long as the dimensions themselves; they go on while the tables are read.
    prepare = ray.remote(num_cpus=1)(_import_core)
    for _ in range(processors):
        prepare.remote()


def kill(folder: str) -> None:
    """End every process that a private instance in ``folder`` has started so far, in whatever state it is."""
    roots = [child for child in psutil.Process().children() if _names(child, folder)]
    processes = roots + [grandchild for root in roots for grandchild in _descendants(root)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=KILL_SECONDS)


def silence() -> None:
    """Close standard error for the last moments of this process: Ray complains of being cut short while it starts."""
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def remove(folder: str) -> None:
    """Remove the logs and sockets, which Ray leaves. What a dying process still writes there is not worth a word."""
    shutil.rmtree(folder, ignore_errors=True)


def _names(process: psutil.Process, folder: str) -> bool:
    try:
        return any(folder in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _import_core() -> None:
    """What every task of a validation needs."""
    from synthos.dimensions import registry  # noqa: F401


def _knock(address: str) -> None:
    """Raises OSError where nothing answers: Ray itself would try for a minute and then end the process."""
    host, _, port = address.rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()
