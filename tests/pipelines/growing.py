"""A head whose autoscaler starts nodes on this machine when work asks for them, and ends those that rest."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID, FAKE_HEAD_NODE_TYPE

from pipelines.environment import ONE_THREAD
from tests.pipelines.simulated import ROOT, TOO_LONG
from tests.pipelines.waiting import wait_for

RAY = str(Path(sys.executable).parent / "ray")
#: Of loopback, but not 127.0.0.1, which Ray takes for the machine's address in its network.
HOST = "127.0.0.2"
#: What a configuration has to name although there is nothing to be set up.
NOTHING: dict[str, Any] = {
    **{name: {} for name in ("auth", "docker", "file_mounts")},
    **{name: [] for name in ("initialization_commands", "setup_commands", "cluster_synced_files")},
    **{f"{kind}_{name}": [] for kind in ("head", "worker") for name in ("setup_commands", "start_ray_commands")},
}


class Growing:
    """The head, and the nodes that its autoscaler has started."""

    def __init__(self, head: psutil.Process, environment: dict[str, str]) -> None:
        self._head = head
        self.environment = environment
        self.address = environment["RAY_ADDRESS"]

    def nodes(self) -> int:
        """How many there are beside the head."""
        return sum(_name(process) == "raylet" for process in self._head.children(recursive=True)) - 1


@contextmanager
def growing(kinds: dict[str, dict[str, int]], most: int) -> Iterator[Growing]:
    """A head without processors, and at most so many nodes of each kind, which has these resources."""
    with TemporaryDirectory(prefix="rg", dir="/tmp") as home:
        port = _free_port()
        file = Path(home, "autoscaler.json")
        file.write_text(json.dumps(_configuration(f"{HOST}:{port}", kinds, most)))
        environment = {
            **os.environ,
            **ONE_THREAD,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "a" * 40,
            "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
            "RAY_FAKE_CLUSTER": "1",
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
            "RAY_TMPDIR": home,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_enable_autoscaler_v2": "1",
        }
        start = [RAY, "start", "--head", "--block", f"--node-ip-address={HOST}", f"--port={port}", "--num-cpus=0"]
        start += ["--dashboard-agent-listen-port=0", "--include-dashboard=false", "--disable-usage-stats"]
        start += [f"--autoscaling-config={file}"]
        with Path(home, "head.log").open("w") as log:
            process = subprocess.Popen(start, env=environment, stdout=log, stderr=subprocess.STDOUT)
            head = psutil.Process(process.pid)
            try:
                made = Growing(head, {**environment, "RAY_ADDRESS": f"{HOST}:{port}"})
                there = wait_for(lambda: _answers(port) and made.nodes() == 0, TOO_LONG)
                assert there, Path(home, "head.log").read_text()
                yield made
            finally:
                family = [head, *head.children(recursive=True)]
                for member in family:
                    if member.is_running():
                        member.kill()
                process.wait()
                psutil.wait_procs(family, timeout=TOO_LONG)


def _configuration(address: str, kinds: dict[str, dict[str, int]], most: int) -> dict[str, Any]:
    types = {
        name: {"resources": resources, "node_config": {}, "min_workers": 0, "max_workers": most}
        for name, resources in kinds.items()
    }
    types[FAKE_HEAD_NODE_TYPE] = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
    provider = {
        "type": "external",
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
        "gcs_address": address,
        "head_node_id": FAKE_HEAD_NODE_ID,
        "launch_multiple": True,
    }
    return {
        **NOTHING,
        "cluster_name": "growing",
        "provider": provider,
        "available_node_types": types,
        "head_node_type": FAKE_HEAD_NODE_TYPE,
        "max_workers": most * len(kinds),
        "upscaling_speed": 10.0,
        "idle_timeout_minutes": 0.1,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""
