"""What happens when somebody pulls the plug."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.validate import validate as validate_on_ray
from synthos.progress import Event
from synthos.results import CascadeResult

pytestmark = pytest.mark.slow
#: Seconds within which an interrupted command must be gone with everything that it started.
GONE_WITHIN = 5.0


def _wait_for(condition, seconds: float) -> bool:  # type: ignore[no-untyped-def]
    """Poll until ``condition()`` holds; False where it did not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        os.sched_yield()
    return False


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_frees_everything(tables: Path, tmp_path: Path, ask: signal.Signals):
    out = tmp_path / "result.json"
    command = [sys.executable, "-m", "synthos", "validate", str(tables / "fresh.parquet")]
    command += ["--reference", str(tables / "real.parquet"), "--json", str(out), "--no-cache"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert child.stderr is not None
    for line in child.stderr:
        if "cascade" in line:
            break
    family = psutil.Process(child.pid).children(recursive=True)
    assert any(member.name() == "raylet" for member in family)
    child.send_signal(ask)
    assert child.wait(timeout=GONE_WITHIN) == 130
    child.stderr.close()
    assert _wait_for(lambda: not any(member.is_running() and member.status() != "zombie" for member in family), 2.0)
    assert not out.exists() and list(tmp_path.iterdir()) == []


def test_a_killed_worker_costs_its_model_only(tables: Path, tmp_path: Path):
    """The first worker seen training is killed; the answer is that of an undisturbed run."""
    killed: list[int] = []

    def kill_one(event: Event) -> None:
        if event.stage == "cascade" and event.done >= 3 and not killed:
            me = psutil.Process()
            workers = [p for p in me.children(recursive=True) if "_train" in " ".join(p.cmdline())]
            if workers:
                workers[0].kill()
                killed.append(workers[0].pid)

    def run(folder: Path, listener) -> CascadeResult:  # type: ignore[no-untyped-def]
        result = validate_on_ray(
            tables / "fresh.parquet",
            tables / "real.parquet",
            tier_config=tables / "tiers.yaml",
            cache=folder,
            workers=2,
            on_progress=listener,
        ).cascade
        assert isinstance(result, CascadeResult)
        return result

    disturbed = run(tmp_path / "a", kill_one)
    assert killed
    calm = run(tmp_path / "b", lambda event: None)
    assert [run.loss_bits for run in disturbed.models] == [run.loss_bits for run in calm.models]
    assert disturbed.rho == calm.rho


def test_a_second_run_takes_every_model_from_the_store(tables: Path, tmp_path: Path):
    def epochs_seen() -> int:
        seen: list[Event] = []
        validate_on_ray(
            tables / "fresh.parquet",
            tables / "real.parquet",
            tier_config=tables / "tiers.yaml",
            cache=tmp_path / "store",
            workers=2,
            on_progress=seen.append,
        )
        return sum("epoch" in event.fields for event in seen if event.stage == "cascade")

    assert epochs_seen() > 0
    assert epochs_seen() == 0
