"""Ray's life around one command: started in the background, joined when needed, gone when the command ends."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkdtemp
from typing import Any

from pipelines import instance
from pipelines.environment import inherited
from synthos.errors import ClusterError, ConfigError, SynthosError
from synthos.stages import SECONDS_TO_START

#: An instance that comes up within these many seconds is better ended in order than left.
ALMOST_UP_SECONDS = 1.0


class Runtime:
    """A Ray instance: a private one, or a running cluster that ``address`` (or RAY_ADDRESS) names.

    ``start`` returns at once; ``ray()`` waits until it is up, and starts what nobody has. The thread that starts a
    private instance lives as long as the instance, because Ray's processes die with the thread that made them.
    """

    #: The thread of an instance that was left while it started, if there was one.
    _left: threading.Thread | None = None

    def __init__(self, address: str | None = None, cpus: int | None = None) -> None:
        self._address = address or os.environ.get("RAY_ADDRESS")
        instance.require_possible(self._address, cpus)
        self._asked, self._cpus = address, cpus
        self._up, self._down = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._begun = self._owned = False
        self._made = time.perf_counter()
        #: What the instance and its workers write lies here and goes with it. Sockets do too, and their paths must not
        #: pass a hundred characters.
        self.folder = mkdtemp(prefix="sr-")
        atexit.register(self._leave)
        self.seconds_to_start = 0.0

    def start(self) -> Runtime:
        """Begin to start, in the background, unless that has begun; returns itself."""
        if not self._begun:
            self._begun = True
            self._thread.start()
        return self

    @property
    def is_private(self) -> bool:
        """Whether the instance is to be started for this process alone: nobody named one, and none is connected."""
        return self._address is None and not ("ray" in sys.modules and instance.is_connected())

    def poll(self) -> bool:
        """Whether ``ray`` answers at once: connected, or failed to. To be asked by who works here until it does.

        An instance that waits to be needed begins to start once the work has cost as much as starting does.
        """
        if time.perf_counter() - self._made > SECONDS_TO_START:
            self.start()
        return self._up.is_set()

    def ray(self) -> Any:
        """The ``ray`` module, connected.

        Raises
        ------
        ClusterError : the cluster cannot be reached, or a private instance cannot start.
        """
        self.start()._up.wait()
        if isinstance(self._error, ConfigError):
            raise self._error
        if self._error is not None:
            target = self._address or "a private instance on this machine"
            raise ClusterError(
                f"Ray did not come up at {target} ({self._error})",
                fix="check the address, or run with --engine local, which needs no Ray",
            ) from self._error
        instance.take_signals_back()
        import ray

        return ray

    def get(self, ref: Any) -> Any:
        """The result of a task; what it raised is raised as it was, as if the task had been done in this process.

        The worker's traceback is the error's cause, except where the error is one of ours: that says all. Ray's own
        ``RayError`` is raised where the task was lost, or its error could not be sent.
        """
        ray = self.ray()
        try:
            return ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            if not isinstance(error.cause, Exception):
                raise
            raise error.cause from (None if isinstance(error.cause, SynthosError) else error)

    def stop(self) -> None:
        """Disconnect, and end every process of a private instance. Safe to call twice.

        An instance that is still starting cannot be stopped: it ends itself once it is up, or with this process.
        """
        self._down.set()
        if not self._begun:
            atexit.unregister(self._leave)
            instance.remove(self.folder)
        elif self._up.wait(ALMOST_UP_SECONDS):
            self._thread.join()
        else:
            Runtime._left = self._thread

    def _run(self) -> None:
        # There is one Ray a process: one that was left while it started has to go first.
        if Runtime._left is not None:
            Runtime._left.join()
        self._leave_before_ray_does()
        self._connect()
        self._down.wait()
        if self._owned:
            import ray

            ray.shutdown()
        atexit.unregister(self._leave)
        instance.remove(self.folder)

    def _leave_before_ray_does(self) -> None:
        """What was registered last is called first, and Ray registers its own end when it is imported."""
        import ray  # noqa: F401

        atexit.register(self._leave)

    def _leave(self) -> None:
        """This process ends while the instance is starting: what has been started of it goes too."""
        instance.silence()
        instance.kill(self.folder)
        instance.remove(self.folder)

    def _connect(self) -> None:
        started = time.perf_counter()
        try:
            # Ours before it is up: of one that fails halfway, what did start has to go.
            self._owned = not instance.is_connected()
            if self._owned:
                instance.connect(self._address, self._cpus, self.folder)
            elif self._asked or self._cpus:
                raise ConfigError(
                    "this process is connected to Ray already, and can neither start nor join another instance",
                    fix="call ray.shutdown() first, or give neither an address nor a number of workers",
                )
        except Exception as error:  # noqa: BLE001 - handed to the thread that asks for Ray, which raises it
            self._error = error
        finally:
            self.seconds_to_start = time.perf_counter() - started
            self._up.set()


@contextmanager
def running(address: str | None = None, cpus: int | None = None, *, at_once: bool = True) -> Iterator[Runtime]:
    """A ``Runtime`` that is starting, and is stopped when the block ends, however it ends.

    Where not ``at_once``, a private instance starts when somebody needs it: starting one takes both seconds and cores.
    """
    runtime = Runtime(address, cpus)
    with inherited(runtime.folder):
        try:
            yield runtime.start() if at_once or not runtime.is_private else runtime
        finally:
            runtime.stop()
