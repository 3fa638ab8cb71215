"""A cluster started by hand: ``--address``, and ``ray job submit``."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]
ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).parent / "ray")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """A head node on this machine; the environment in which commands reach it."""
    port, dashboard = _free_port(), _free_port()
    with TemporaryDirectory(prefix="ray", dir="/tmp") as home:
        environment = {
            **os.environ,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_TOKEN": "a" * 40,
            "RAY_AUTH_MODE": "token",
            "PYTHONPATH": str(ROOT),
        }
        start = [RAY, "start", "--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"]
        start += ["--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
        start += [f"--dashboard-agent-listen-port={_free_port()}"]
        start += [f"--temp-dir={home}", "--disable-usage-stats", "--block"]
        with Path(home, "head.log").open("w") as log:
            head = subprocess.Popen(start, env=environment, stdout=log, stderr=subprocess.STDOUT)
            try:
                assert wait_for(lambda: _answers(port) and _answers(dashboard), 120.0)
                yield {
                    **environment,
                    "RAY_ADDRESS": f"127.0.0.1:{port}",
                    "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
                }
            finally:
                head.terminate()
                head.wait(timeout=30)


def _validate(tables: Path, out: Path) -> list[str]:
    command = ["-m", "synthos", "validate", str(tables / "wreck.parquet"), "--reference", str(tables / "real.parquet")]
    return [*command, "--quick", "--json", str(out)]


def test_a_running_cluster_is_used_and_left_running(cluster: dict[str, str], tables: Path, tmp_path: Path):
    environment = {name: value for name, value in cluster.items() if name != "RAY_ADDRESS"}
    for attempt in ("first", "second"):
        out = tmp_path / f"{attempt}.json"
        command = [sys.executable, *_validate(tables, out), "--address", cluster["RAY_ADDRESS"]]
        shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert shown.returncode in (1, 3), shown.stderr
        assert json.loads(out.read_text())["decision"] != "approved"


def test_a_submitted_job_gives_its_verdict(cluster: dict[str, str], tables: Path, tmp_path: Path):
    out = tmp_path / "job.json"
    submit = [RAY, "job", "submit", "--address", cluster["RAY_API_SERVER_ADDRESS"], "--", sys.executable]
    shown = subprocess.CompletedProcess[str]([], 1)

    def taken() -> bool:
        """The head's job agent comes up last; until then a job is refused."""
        nonlocal shown
        shown = subprocess.run(
            [*submit, *_validate(tables, out)], env=cluster, capture_output=True, text=True, check=False
        )
        return "No available agent" not in shown.stderr

    assert wait_for(taken, 120.0)
    assert out.exists(), f"{shown.stdout}{shown.stderr}"
    assert json.loads(out.read_text())["decision"] != "approved"
    assert "risk" in shown.stdout.lower()
