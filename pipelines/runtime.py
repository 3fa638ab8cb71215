"""Ray's life around one command: started in the background, joined when needed, gone when the command ends."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from synthos.errors import ConfigError, SynthosError

#: Bytes of shared memory for a private instance: samples and codes are small, full tables never go there.
OBJECT_STORE_BYTES = 256 * 2**20
#: Seconds that a cluster has to answer at its address.
KNOCK_SECONDS = 10.0
#: Every worker runs on one thread; more of them on shared cores are slower, not faster.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}


def _environment() -> dict[str, str]:
    return {
        **ONE_THREAD,
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
def _environment_set() -> Iterator[None]:
    """The environment that a private instance inherits, taken back once it is up: the caller's process is not ours."""
    wanted = _environment()
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _knock(address: str) -> None:
    """Raises OSError where nothing answers: Ray itself would try for a minute and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


class Runtime:
    """A Ray instance: a private one, or a running cluster that ``address`` (or RAY_ADDRESS) names.

    ``start`` returns at once; ``ray()`` waits until it is up. The thread that starts a private instance lives as long
    as the instance, because Ray's processes die with the thread that made them.
    """

    def __init__(self, address: str | None = None, cpus: int | None = None) -> None:
        self._address = address or os.environ.get("RAY_ADDRESS")
        self._cpus = cpus
        self._up, self._down = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._owned = False
        self.seconds_to_start = 0.0

    def start(self) -> Runtime:
        """Begin to start, in the background; returns itself."""
        self._thread.start()
        return self

    def ray(self) -> Any:
        """The ``ray`` module, connected.

        Raises
        ------
        ConfigError : the cluster cannot be reached, or a private instance cannot start.
        """
        self._up.wait()
        if self._error is not None:
            target = self._address or "a private instance on this machine"
            raise ConfigError(
                f"Ray did not come up at {target} ({self._error})",
                fix="check the address, or run with --engine local, which needs no Ray",
            ) from self._error
        import ray

        return ray

    def get(self, ref: Any) -> Any:
        """The result of a task. An error of ours is raised as it was, without the traceback of the worker.

        Raises
        ------
        SynthosError : what the task raised, if it was one of ours; other errors keep Ray's wrapping.
        """
        ray = self.ray()
        try:
            return ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, SynthosError):
                raise error.cause from None
            raise

    def stop(self) -> None:
        """Disconnect, and end every process of a private instance. Safe to call twice."""
        self._down.set()
        self._thread.join()

    def _run(self) -> None:
        self._connect()
        self._down.wait()
        if self._owned and self._error is None:
            import ray

            ray.shutdown()

    def _connect(self) -> None:
        started = time.perf_counter()
        try:
            with _environment_set():
                import ray

                logging.getLogger("ray").setLevel(logging.ERROR)
                self._owned = not ray.is_initialized()
                if not self._owned:
                    return  # the caller's own connection; it stays theirs
                if self._address:
                    _knock(self._address)
                    ray.init(
                        self._address,
                        log_to_driver=False,
                        configure_logging=False,
                        runtime_env={"env_vars": ONE_THREAD},
                    )
                else:
                    # A private instance inherits the environment; a runtime_env would cost its first task a second.
                    ray.init(
                        address="local",
                        num_cpus=self._cpus or os.cpu_count(),
                        include_dashboard=False,
                        log_to_driver=False,
                        configure_logging=False,
                        object_store_memory=OBJECT_STORE_BYTES,
                        _temp_dir=str(Path(gettempdir()) / "ray"),
                    )
        except Exception as error:  # noqa: BLE001 - handed to the thread that asks for Ray, which raises it
            self._error = error
        finally:
            self.seconds_to_start = time.perf_counter() - started
            self._up.set()


@contextmanager
def running(address: str | None = None, cpus: int | None = None) -> Iterator[Runtime]:
    """A ``Runtime`` that is starting, and is stopped when the block ends, however it ends."""
    runtime = Runtime(address, cpus).start()
    try:
        yield runtime
    finally:
        runtime.stop()
