"""Several nodes of a Ray cluster on this machine, each of loopback alone, and what a test does to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from pipelines.environment import ONE_THREAD
from synthos.cascade.device import pick
from synthos.progress import Event, Listener
from tests.pipelines.waiting import wait_for

ROOT = Path(__file__).parents[2]
#: A node that does not answer is dead after this many looks, one a second; Ray's own patience is a quarter of a minute.
LOOKS = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1_000, "health_check_failure_threshold": 4}
#: Seconds after which something that was waited for does not come any more. Machines may be busy.
TOO_LONG = 120.0


class Nodes:
    """A head without processors, where the driver is, and nodes that work; each has an address of loopback of its own.

    Not 127.0.0.1: Ray takes that for the machine's address in its network.
    """

    def __init__(self) -> None:
        self._addresses = (f"127.0.0.{number}" for number in count(2))
        head = {"num_cpus": 0, "node_ip_address": next(self._addresses), "include_dashboard": False}
        ports = {"gcs_server_port": 0, "dashboard_agent_listen_port": 0}  # whichever are free
        self._cluster = Cluster(True, head_node_args={**head, **ports, "_system_config": LOOKS})
        self.address = str(self._cluster.address)
        self.workers: list[Any] = []

    def add(self, processors: int = 1, gpus: int = 0) -> Any:
        """One more node; returns when it is there."""
        node = self._cluster.add_node(num_cpus=processors, num_gpus=gpus, node_ip_address=next(self._addresses))
        self.workers.append(node)
        return node

    def kill(self, node: Any) -> None:
        """The power goes: the node's daemons and all that they have started are killed at once."""
        family = _family(node)
        self.workers.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)
        for process in family:
            if process.is_running():
                process.kill()
        psutil.wait_procs(family, timeout=TOO_LONG)

    def kill_one_doing(self, tasks: tuple[str, ...]) -> bool:
        """Kill the first node that is found doing one of these tasks; whether there was one."""
        for node in self.workers:
            if any(task in doing(node) for task in tasks):
                self.kill(node)
                return True
        return False

    def shutdown(self) -> None:
        """End all of it; nothing writes into the cluster's folder any more."""
        family = [process for node in self._cluster.list_all_nodes() for process in _family(node)]
        self._cluster.shutdown()
        psutil.wait_procs(family, timeout=TOO_LONG)


def doing(node: Any) -> list[str]:
    """The names of the tasks under way on a node, which are those of its workers' processes."""
    return [title.removeprefix("ray::") for title in map(_title, _family(node)) if title.startswith("ray::")]


@contextmanager
def simulated(*workers: tuple[int, int]) -> Iterator[Nodes]:
    """A cluster whose working nodes have these numbers of processors and of GPUs; all of it ends with the block."""
    with TemporaryDirectory(prefix="rc", dir="/tmp") as home, pytest.MonkeyPatch.context() as patch:
        # Ray notes the newest cluster there, and other tests beside this one are not to find it.
        Path(home, "ray").mkdir()
        for name, value in {**ONE_THREAD, "RAY_TMPDIR": home, "PYTHONPATH": str(ROOT)}.items():
            patch.setenv(name, value)
        nodes = Nodes()
        try:
            for processors, gpus in workers:
                nodes.add(processors, gpus)
            yield nodes
        finally:
            nodes.shutdown()


@contextmanager
def acting(stage: str, act: Callable[[], bool]) -> Iterator[Listener]:
    """A listener; once it has heard of this stage, ``act`` is tried again and again until it has succeeded."""
    heard, over = threading.Event(), threading.Event()

    def watch() -> None:
        heard.wait()
        while not over.is_set() and not act():
            over.wait(0.01)  # what is waited for needs the processor more

    def listen(event: Event) -> None:
        if event.stage == stage:
            heard.set()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield listen
    finally:
        over.set()
        heard.set()
        thread.join()


def meet(folder: Path, name: int, number: int) -> tuple[str, list[str], str]:
    """A task: waits until so many of them are under way at once. Its node, its GPUs, and on what it would train."""
    (folder / str(name)).touch()
    assert wait_for(lambda: len(list(folder.iterdir())) >= number, TOO_LONG)
    context = ray.get_runtime_context()
    return context.get_node_id(), context.get_accelerator_ids()["GPU"], pick().type


def still(document: Any) -> Any:
    """A result, as plain values, without what may differ between two runs: seconds."""
    if isinstance(document, dict):
        return {name: still(value) for name, value in document.items() if name not in ("timings", "seconds")}
    if isinstance(document, list):
        return [still(value) for value in document]
    return document


def _family(node: Any) -> list[psutil.Process]:
    (raylet,) = node.all_processes["raylet"]
    try:
        return list(psutil.Process(raylet.process.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""
