"""What happens when somebody pulls the plug."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from waiting import wait_for

from pipelines.validate import validate as validate_on_ray
from synthos.progress import Event, Listener
from synthos.results import CascadeResult

pytestmark = pytest.mark.slow
#: Seconds after which an interrupted command that is still there hangs. How long it takes is measured in benchmarks.
HANGS_AFTER = 60.0


@pytest.mark.parametrize(
    ("stage", "ask"), [("read", signal.SIGINT), ("cascade", signal.SIGINT), ("cascade", signal.SIGTERM)]
)
def test_an_interrupted_command_frees_everything(tables: Path, tmp_path: Path, stage: str, ask: signal.Signals):
    """While Ray is starting, and while models train: no process, no temporary file, no result is left."""
    out = tmp_path / "result.json"
    command = [sys.executable, "-m", "synthos", "validate", str(tables / "fresh.parquet")]
    command += ["--reference", str(tables / "real.parquet"), "--json", str(out), "--no-cache"]
    with TemporaryDirectory(prefix="t", dir="/tmp") as home:
        environment = {**os.environ, "TMPDIR": home}
        child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
        assert child.stderr is not None
        for line in child.stderr:
            if stage in line:
                break
        family = psutil.Process(child.pid).children(recursive=True)
        assert stage != "cascade" or any(member.name() == "raylet" for member in family)
        child.send_signal(ask)
        assert child.wait(timeout=HANGS_AFTER) == 130
        child.stderr.close()
        assert wait_for(lambda: not any(map(_lives, family)), HANGS_AFTER)
        assert list(Path(home).iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_bad_input_is_one_sentence_whatever_ray_is_doing(tables: Path, tmp_path: Path):
    """The command ends while Ray is still starting; nothing of that is heard, and nothing of it stays."""
    with TemporaryDirectory(prefix="t", dir="/tmp") as home:
        command = [sys.executable, "-m", "synthos", "validate", str(tmp_path / "nope.csv")]
        command += ["--reference", str(tables / "real.parquet"), "--quick"]
        environment = {**os.environ, "TMPDIR": home}
        shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert list(Path(home).iterdir()) == []
    assert shown.returncode == 2
    said = [line for line in shown.stderr.splitlines() if not line.startswith("[")]
    assert len(said) == 1 and said[0].startswith("error: ") and "nope.csv" in said[0]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _models(tables: Path, folder: Path, listener: Listener) -> CascadeResult:
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


def test_a_killed_worker_costs_its_model_only(tables: Path, tmp_path: Path):
    """The first worker seen training is killed: at most its model is trained twice, and the answer is the same."""
    killed: list[int] = []
    first_epochs: Counter[tuple[object, object]] = Counter()

    def kill_one(event: Event) -> None:
        if event.stage != "cascade":
            return
        if event.fields.get("epoch") == 1:
            first_epochs[event.fields["arm"], event.fields["model"]] += 1
        if event.done >= 3 and not killed:
            me = psutil.Process()
            workers = [p for p in me.children(recursive=True) if "stream_model" in " ".join(p.cmdline())]
            if workers:
                workers[0].kill()
                killed.append(workers[0].pid)

    disturbed = _models(tables, tmp_path / "a", kill_one)
    assert killed
    assert len(first_epochs) == 36
    assert first_epochs.total() - len(first_epochs) <= 1
    calm = _models(tables, tmp_path / "b", lambda event: None)
    assert [run.loss_bits for run in disturbed.models] == [run.loss_bits for run in calm.models]
    assert disturbed.rho == calm.rho


def test_what_the_store_has_to_say_is_heard(tables: Path, tmp_path: Path):
    """An entry that cannot be read is named, and its model trained again."""
    folder = tmp_path / "store"
    calm = _models(tables, folder, lambda event: None)
    spoiled = next(folder.rglob("*.json"))
    spoiled.write_text("{")
    said: list[Event] = []
    again = _models(tables, folder, said.append)
    assert [event.fields["file"] for event in said if "cannot be read" in event.message] == [spoiled.name]
    assert again.rho == calm.rho


def test_a_second_run_takes_every_model_from_the_store(tables: Path, tmp_path: Path):
    def epochs_seen() -> int:
        seen: list[Event] = []
        _models(tables, tmp_path / "store", seen.append)
        return sum("epoch" in event.fields for event in seen if event.stage == "cascade")

    assert epochs_seen() > 0
    assert epochs_seen() == 0
