"""What happens when somebody pulls the plug."""

from __future__ import annotations

import os
import shutil
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
    ("stage", "ask"),
    [
        ("cascade", signal.SIGINT),
        pytest.param("read", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("cascade", signal.SIGTERM, marks=pytest.mark.long),
    ],
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


@pytest.fixture(scope="module")
def calm(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[CascadeResult, Path]:
    """What comes of a run that nothing disturbs, and the store that it filled."""
    folder = tmp_path_factory.mktemp("calm")
    heard: list[Event] = []
    result = _models(tables, folder, heard.append)
    assert _epochs(heard) > 0
    return result, folder


def _epochs(heard: list[Event]) -> int:
    return sum("epoch" in event.fields for event in heard if event.stage == "cascade")


def test_a_killed_worker_costs_its_model_only(tables: Path, tmp_path: Path, calm: tuple[CascadeResult, Path]):
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
    undisturbed, _ = calm
    assert [run.loss_bits for run in disturbed.models] == [run.loss_bits for run in undisturbed.models]
    assert disturbed.rho == undisturbed.rho


def test_what_the_store_has_to_say_is_heard(tables: Path, tmp_path: Path, calm: tuple[CascadeResult, Path]):
    """An entry that cannot be read is named, and its model alone is trained again."""
    result, filled = calm
    folder = tmp_path / "store"
    shutil.copytree(filled, folder)
    spoiled = next(path for path in sorted(folder.rglob("*.json")) if "epochs" in path.read_text())
    spoiled.write_text("{")
    said: list[Event] = []
    again = _models(tables, folder, said.append)
    assert [event.fields["file"] for event in said if "cannot be read" in event.message] == [spoiled.name]
    trained = {(event.fields["arm"], event.fields["model"]) for event in said if "epoch" in event.fields}
    assert len(trained) == 1
    assert again.rho == result.rho


def test_a_second_run_takes_every_model_from_the_store(tables: Path, calm: tuple[CascadeResult, Path]):
    result, filled = calm
    seen: list[Event] = []
    again = _models(tables, filled, seen.append)
    assert _epochs(seen) == 0
    assert again.rho == result.rho
