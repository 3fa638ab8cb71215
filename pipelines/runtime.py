"""Ray's life around one command: started in the background, joined when needed, gone when the command ends."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkdtemp
from typing import Any

from pipelines.environment import ONE_THREAD, inherited
from synthos.errors import ConfigError, SynthosError

#: Bytes of shared memory for a private instance: samples and codes are small, full tables never go there.
OBJECT_STORE_BYTES = 256 * 2**20
#: Seconds that a cluster has to answer at its address.
KNOCK_SECONDS = 10.0


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
        self._folder: str | None = None
        self.seconds_to_start = 0.0

    def start(self) -> Runtime:
        """Begin to start, in the background; returns itself."""
        self._thread.start()
        return self

    @property
    def is_up(self) -> bool:
        """Whether ``ray`` answers at once: connected, or failed to."""
        return self._up.is_set()

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
        if self._folder is not None:
            # Ray leaves its logs and sockets; a file that one of its dying processes still writes is not worth a word.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> None:
        started = time.perf_counter()
        try:
            self._init()
        except Exception as error:  # noqa: BLE001 - handed to the thread that asks for Ray, which raises it
            self._error = error
        finally:
            self.seconds_to_start = time.perf_counter() - started
            self._up.set()

    def _init(self) -> None:
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
            return
        # Sockets lie in this folder, and their paths must not pass a hundred characters.
        self._folder = mkdtemp(prefix="synthos-ray-")
        processors = self._cpus or os.cpu_count() or 1
        # A private instance inherits the environment; a runtime_env would cost its first task a second.
        ray.init(
            address="local",
            num_cpus=processors,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=self._folder,
        )
        # The workers' imports take as long as the dimensions themselves; they go on while the tables are read.
        prepare = ray.remote(num_cpus=1)(_import_core)
        for _ in range(processors):
            prepare.remote()


def _import_core() -> None:
    """Has a worker import what every task of a validation needs."""
    from synthos.dimensions import registry  # noqa: F401


@contextmanager
def running(address: str | None = None, cpus: int | None = None) -> Iterator[Runtime]:
    """A ``Runtime`` that is starting, and is stopped when the block ends, however it ends."""
    with inherited():
        runtime = Runtime(address, cpus).start()
        try:
            yield runtime
        finally:
            runtime.stop()
